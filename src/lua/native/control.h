// What other threads may do to a running script: interrupt it.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

namespace bricks {

// Calls into a Lua state are numbered. An interrupt names the call it means, so that one that comes
// before its call has begun is not lost, and one that comes too late does nothing.
class Control : public std::enable_shared_from_this<Control> {
 public:
  static constexpr int64_t kEveryCall = INT64_MAX;

  static std::shared_ptr<Control> Create();
  static std::shared_ptr<Control> Find(int32_t id);

  ~Control();

  int32_t id() const { return id_; }

  // From the script's own thread.
  void Begin(int64_t call);
  void End();
  bool Interrupted() const { return interruptedCall_.load(std::memory_order_acquire) >= currentCall_.load(std::memory_order_relaxed); }
  void Sleep(double seconds);
  // Waits until a child process has ended; an interrupt ends the child. Returns its wait status or -1.
  int WaitForChild(pid_t child);

  // The script's own call, from its own thread.
  void InterruptCurrent() { Interrupt(currentCall_.load(std::memory_order_relaxed)); }

  // From any thread.
  void Interrupt(int64_t call);

 private:
  void KeepSignalling();
  void SignalChild();

  int32_t id_ = 0;
  std::atomic<int64_t> interruptedCall_{0};
  std::atomic<int64_t> currentCall_{0};
  std::mutex mutex_;
  std::condition_variable bell_;
  bool running_ = false;
  bool signalling_ = false;
  pthread_t thread_{};
  pid_t child_ = 0;
  int childSignals_ = 0;
};

}  // namespace bricks
