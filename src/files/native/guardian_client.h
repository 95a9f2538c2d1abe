// The writer's side of the guardian (guardian.cpp): start it, hand it files.
#pragma once

#include <cstdint>
#include <string>

namespace bricks {

struct GuardianHandle {
  int socket = -1;
  int memory = -1;
  std::string error;
};

// Starts `program` with memory for `slots` committed lengths.
GuardianHandle StartGuardian(const std::string& program, uint32_t slots);
// Sends one message, with a descriptor unless that is -1. False if the guardian has gone.
bool TellGuardian(int socket, uint32_t verb, uint32_t slot, const std::string& path, const uint8_t* header, uint32_t headerBytes,
                  int descriptor);

}  // namespace bricks
