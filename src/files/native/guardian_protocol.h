// What the guardian is told, each message in one packet of a SOCK_SEQPACKET socket.
#pragma once

#include <cstdint>

namespace bricks {

enum GuardianVerb : uint32_t {
  kAnnounce,  // a file is about to be opened: its name, and the header that an empty one is to hold
  kWatch,     // the open file, by SCM_RIGHTS
  kForget,    // it was closed in good order
};

constexpr uint32_t kGuardianHeader = 256;
constexpr uint32_t kGuardianPath = 4096;

struct GuardianMessage {
  uint32_t verb;
  uint32_t slot;
  uint32_t headerBytes;
  uint32_t pathBytes;
  uint8_t header[kGuardianHeader];
  char path[kGuardianPath];
};

// The descriptors that the guardian finds at its start.
constexpr int kGuardianSocket = 3;
constexpr int kGuardianMemory = 4;

}  // namespace bricks
