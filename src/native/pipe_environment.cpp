#include "pipe_environment.h"

#include <utility>

namespace bricks {

void PipeEnvironment::Create(Napi::Env env) {
  auto environment = std::make_shared<PipeEnvironment>();
  environment->waking_ = Waking::New(env, "bricks pipe", 0, 1, environment.get());
  // It keeps the program running only while someone waits.
  environment->waking_.Unref(env);
  // Hooks run last in, first out: this one before the one that frees what wakes.
  env.AddCleanupHook([environment] { environment->Close(); });
  env.SetInstanceData(new std::shared_ptr<PipeEnvironment>(environment));
}

PipeEnvironment& PipeEnvironment::Of(Napi::Env env) { return **env.GetInstanceData<std::shared_ptr<PipeEnvironment>>(); }

void PipeEnvironment::Wait(const std::shared_ptr<PipeHandle>& handle, const Napi::Function& function) {
  const uint32_t wait = nextWait_++;
  if (waits_.empty()) waking_.Ref(function.Env());
  waits_.emplace(wait, Napi::Persistent(function));
  WaitForPipe(handle, [environment = shared_from_this(), wait] { environment->Wake(wait); });
}

void PipeEnvironment::Wake(uint32_t wait) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!closing_) waking_.NonBlockingCall(reinterpret_cast<void*>(uintptr_t{wait}));
}

void PipeEnvironment::Call(Napi::Env env, Napi::Function, PipeEnvironment* environment, void* data) {
  // Without an environment: what was under way when it closed.
  if (env == nullptr) return;
  const auto found = environment->waits_.find(static_cast<uint32_t>(reinterpret_cast<uintptr_t>(data)));
  if (found == environment->waits_.end()) return;
  const Napi::FunctionReference function = std::move(found->second);
  environment->waits_.erase(found);
  if (environment->waits_.empty()) environment->waking_.Unref(env);
  function.Call({});
}

void PipeEnvironment::Close() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
  }
  for (const uint32_t end : ends_) ClosePipe(end);
  ends_.clear();
  waits_.clear();
}

}  // namespace bricks
