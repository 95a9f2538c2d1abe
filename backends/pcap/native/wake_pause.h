// How long to sleep before looking at a ring again while its blocks fill up: each that is handed up would wake a waiter, some
// ten thousand times a second.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>

namespace bricks {

class WakePause {
 public:
  // Not longer than the kernel gathers packets, nor than 10 Gbit/s take to fill an eighth of the ring.
  WakePause(int latencyMilliseconds, uint32_t ringBytes)
      : longest_(std::clamp(std::min(static_cast<uint32_t>(latencyMilliseconds) * 1000, ringBytes / 8 / kBytesPerMicrosecond), kShortest, kLongest)) {}

  // Nothing is there any more. `bytes` came in full blocks since the last call; `held`: something waits for a block that is being filled.
  void Rest(uint32_t bytes, bool held) {
    const int64_t now = Now();
    if (held) {
      microseconds_ = longest_;
    } else if (bytes > 0) {
      const uint64_t next = static_cast<uint64_t>(now - since_) * kWanted / bytes;
      microseconds_ = static_cast<uint32_t>(std::clamp<uint64_t>(next, kShortest, longest_));
      since_ = now;
    } else {
      // A whole pause has brought nothing.
      if (now >= until_) microseconds_ = 0;
      return;
    }
    until_ = now + microseconds_;
  }

  uint32_t Microseconds() const { return microseconds_; }

 private:
  static constexpr uint32_t kShortest = 100;
  static constexpr uint32_t kLongest = 20'000;
  static constexpr uint32_t kBytesPerMicrosecond = 1250;
  // Bytes of blocks for each waking: few enough that they are still in a cache.
  static constexpr uint32_t kWanted = 256 << 10;

  static int64_t Now() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * int64_t{1'000'000} + now.tv_nsec / 1000;
  }

  const uint32_t longest_;
  uint32_t microseconds_ = 0;
  int64_t since_ = 0;  // the last time at which full blocks had come
  int64_t until_ = 0;
};

}  // namespace bricks
