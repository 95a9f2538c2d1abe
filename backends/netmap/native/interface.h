// What a network interface needs beside netmap. Each system has its own file: interface_linux.cpp, interface_freebsd.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bricks::netmap {

struct InterfaceState {
  bool exists = false;
  bool up = false;
  bool linkUp = false;
  // A card with a PHY that needs time after netmap has reset it; not a veth, bridge or tunnel.
  bool physical = false;
  // Offloads that are on and harm netmap, by the names that the system's own tool has for them.
  std::vector<std::string> offloads;
};

InterfaceState LookAtInterface(const std::string& name);

// 0 or an error number.
int SetOffload(const std::string& name, const std::string& offload, bool on);

// A descriptor whose closing (also by the process's death) ends promiscuous mode; -1 with errno set.
// Where the system knows no such thing, the mode is ended by EndPromiscuous.
int BeginPromiscuous(const std::string& name);
void EndPromiscuous(const std::string& name, int descriptor);

// CPUs that this process may run on.
int UsableProcessors();

// A number that netmap's module takes while it runs; -1 where there is none.
int64_t ReadModuleParameter(const std::string& parameter);
int WriteModuleParameter(const std::string& parameter, int64_t value);

}  // namespace bricks::netmap
