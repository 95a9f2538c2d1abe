// How long batches take, by the clock, from one look at the ring to the next: two histograms, one of batches in which the system
// took the CPU away and one of the others. A third one of an empty loop in their place: what the machine itself takes. And a fourth one
// of a hand-written loop's batches: what the machine takes of any program that touches as much memory.
#pragma once

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cstdint>

// Four slots for each power of two.
constexpr uint32_t kTimeSlots = 4 * 36;

inline uint32_t TimeSlot(uint64_t nanoseconds) {
  if (nanoseconds < 4) return static_cast<uint32_t>(nanoseconds);
  const uint32_t power = 63 - static_cast<uint32_t>(__builtin_clzll(nanoseconds));
  return std::min(kTimeSlots - 1, 4 * (power - 1) + (static_cast<uint32_t>(nanoseconds >> (power - 2)) & 3));
}

class BatchTimes {
 public:
  // Four histograms of kTimeSlots, and four longest times behind them.
  explicit BatchTimes(double* memory) : memory_(memory) {}
  BatchTimes() = default;

  // At each look: whether the one before has begun a batch, which is over now.
  void Look(bool received) {
    if (memory_ == nullptr) return;
    const uint64_t now = Now();
    const int64_t switches = Switches();
    if (began_ != 0) {
      const uint64_t time = now - began_;
      Count(switches == switches_ ? kUndisturbed : kDisturbed, time);
      steps_++;
      if (time < kLimit) {
        usual_++;
        spent_ += time;
      }
    }
    began_ = received ? Now() : 0;
    switches_ = switches;
  }

  // Other packets come: what such a batch takes is not known yet.
  void Forget() { usual_ = spent_ = 0; }

  // As many steps of an empty loop as there were batches since the last time, each as long as a batch of this traffic in the mean.
  void EmptyLoop() {
    const uint64_t step = spent_ / std::max<uint64_t>(1, usual_);
    uint64_t now = Now();
    for (; steps_ > 0; steps_--) {
      const uint64_t from = now;
      do now = Now();
      while (now - from < step);
      Count(kEmpty, now - from);
    }
  }

  // Batches of `run`, a hand-written loop, until it returns false.
  template <typename Run>
  void PeerLoop(const Run& run) {
    uint64_t from = Now();
    while (run()) {
      const uint64_t now = Now();
      Count(kPeer, now - from);
      from = now;
    }
  }

 private:
  // Longer ones are stalls, not what a batch takes: what a ring of 1,024 slots holds at 10 M packets/s.
  static constexpr uint64_t kLimit = 102400;
  enum Which : uint32_t { kUndisturbed = 0, kDisturbed = 1, kEmpty = 2, kPeer = 3, kAll = 4 };

  static uint64_t Now() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
  }

  // How often another thread was put in this one's place.
  static int64_t Switches() {
    rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw;
  }

  void Count(Which which, uint64_t nanoseconds) {
    if (memory_ == nullptr) return;
    memory_[which * kTimeSlots + TimeSlot(nanoseconds)]++;
    double& longest = memory_[kAll * kTimeSlots + which];
    longest = std::max(longest, static_cast<double>(nanoseconds));
  }

  double* memory_ = nullptr;
  uint64_t began_ = 0, steps_ = 0, usual_ = 0, spent_ = 0;
  int64_t switches_ = 0;
};
