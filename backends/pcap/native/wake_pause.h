// How long to sleep before looking at a ring again while its blocks fill up: each that is handed up would wake a waiter, some
// ten thousand times a second.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>

namespace bricks {

class WakePause {
 public:
  // A sleep adds to the time for which the kernel gathers packets.
  explicit WakePause(int latencyMilliseconds)
      : longest_(std::clamp(static_cast<uint32_t>(latencyMilliseconds) * 500, kShortest, kLongest)) {}

  // Nothing is there any more. `bytes` came in full blocks since the last call; `held`: something waits for a block that is being filled.
  void Rest(uint32_t bytes, bool held) {
    const int64_t now = Now();
    if (held) {
      microseconds_ = longest_;
    } else if (bytes > 0) {
      const uint64_t next = microseconds_ == 0 ? kShortest : uint64_t{microseconds_} * kWanted / bytes;
      microseconds_ = static_cast<uint32_t>(std::clamp<uint64_t>(next, std::max(kShortest, microseconds_ / 2), std::min(longest_, std::max(kShortest, microseconds_ * 2))));
    } else if (now >= until_) {
      // A whole pause has brought nothing.
      microseconds_ = 0;
      return;
    } else {
      return;
    }
    until_ = now + microseconds_;
  }

  uint32_t Microseconds() const { return microseconds_; }

 private:
  static constexpr uint32_t kShortest = 100;
  static constexpr uint32_t kLongest = 20'000;
  // Bytes of blocks for each waking: few enough that they are still in a cache.
  static constexpr uint32_t kWanted = 256 << 10;

  static int64_t Now() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * int64_t{1'000'000} + now.tv_nsec / 1000;
  }

  const uint32_t longest_;
  uint32_t microseconds_ = 0;
  int64_t until_ = 0;
};

}  // namespace bricks
