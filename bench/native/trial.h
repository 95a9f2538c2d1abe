// Which of two ways of doing the same is faster here and now: found by trying them in turn, now and then.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>

class Trial {
 public:
  // Whether the second way is the one to take for this batch.
  bool second() const { return window_ < kWindows ? (window_ & 1) != 0 : secondWins_; }

  // Once a batch, before it: whether the one before it was full. Others say nothing of speed.
  void Batch(bool full) {
    if (!full) batches_ = 0;
    else if (++batches_ % kBatches == 0 && ++window_ == kRest) window_ = 0;
    if (window_ > kWindows) return;
    if (batches_ % kBatches != 0) return;
    const uint64_t now = Now();
    if (batches_ > 0 && window_ > 0) {
      uint64_t& best = best_[(window_ - 1) & 1];
      best = window_ <= 2 ? now - begin_ : std::min(best, now - begin_);
    }
    begin_ = now;
    if (window_ == kWindows) secondWins_ = best_[1] < best_[0];
  }

 private:
  static uint64_t Now() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  }

  static constexpr uint32_t kBatches = 64;  // of a window
  static constexpr uint32_t kWindows = 8;   // of a trial, in turn
  static constexpr uint32_t kRest = 1000;   // windows from one trial to the next
  uint32_t batches_ = 0;
  uint32_t window_ = 0;
  uint64_t begin_ = 0;
  uint64_t best_[2] = {0, 0};
  bool secondWins_ = false;
};
