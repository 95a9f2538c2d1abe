// Ends of Packet Bricks' pipes for the programs of the benchmarks: the same rings, sockets and events as an engine has.
#pragma once

#include <poll.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "packet_ring.h"
#include "pipe_registry.h"

namespace bench {

constexpr uint32_t kRingBytes = 4 << 20;

inline void Pause(long microseconds) {
  const timespec pause = {0, microseconds * 1000};
  nanosleep(&pause, nullptr);
}

// The file names of pipes, separated by commas.
inline std::vector<std::string> PipeNames(const char* text) {
  std::vector<std::string> names;
  for (std::string rest = text; !rest.empty();) {
    const size_t comma = rest.find(',');
    names.push_back(rest.substr(0, comma));
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
  }
  return names;
}

// What goes in at x{k and comes out at x}k. A writer makes the pipe; a reader waits until there is one.
inline std::shared_ptr<bricks::PipeHandle> OpenEnd(const std::string& directory, const std::string& name, bricks::PipeRole role) {
  bricks::PipeWish wish;
  wish.dataSize = kRingBytes;
  wish.mustExist = role == bricks::PipeRole::kReader;
  try {
    for (;;) {
      auto handle = bricks::OpenPipe(directory, name, 0, role, wish);
      if (handle) return handle;
      Pause(200);
    }
  } catch (const bricks::PipeError& error) {
    std::fprintf(stderr, "%s: %s (%s)\n", name.c_str(), error.what(), error.code);
    std::exit(1);
  }
}

inline void WaitReadable(int descriptor, int milliseconds) {
  pollfd polled = {descriptor, POLLIN, 0};
  poll(&polled, 1, milliseconds);
}

}  // namespace bench
