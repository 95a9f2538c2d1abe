// What one JavaScript environment (the main thread's, or a worker's) has of the pipes: the ends that it
// opened, and who waits in it. A worker may be ended in the middle of a wait; both go with it.
#pragma once

#include <napi.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "pipe_registry.h"

namespace bricks {

class PipeEnvironment : public std::enable_shared_from_this<PipeEnvironment> {
 public:
  static void Create(Napi::Env env);
  static PipeEnvironment& Of(Napi::Env env);

  void Opened(uint32_t end) { ends_.insert(end); }
  void Closed(uint32_t end) { ends_.erase(end); }
  // Calls `function` once, in this environment, unless that is gone by then.
  void Wait(const std::shared_ptr<PipeHandle>& handle, const Napi::Function& function);

 private:
  static void Call(Napi::Env env, Napi::Function, PipeEnvironment* environment, void* data);
  using Waking = Napi::TypedThreadSafeFunction<PipeEnvironment, void, &PipeEnvironment::Call>;

  // In any thread.
  void Wake(uint32_t wait);
  void Close();

  std::mutex mutex_;  // of `waking_`, which must not be used once the environment is closing
  Waking waking_;
  bool closing_ = false;
  // In the environment's thread.
  std::map<uint32_t, Napi::FunctionReference> waits_;
  std::set<uint32_t> ends_;
  uint32_t nextWait_ = 1;
};

}  // namespace bricks
