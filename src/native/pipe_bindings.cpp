// Pipes for script: thin, by number; src/pipes says what they mean.
#include <unistd.h>

#include <memory>

#include "arguments.h"
#include "bindings.h"
#include "pipe_environment.h"
#include "pipe_registry.h"

namespace bricks {

namespace {

Napi::Error ScriptError(Napi::Env env, const PipeError& error) {
  Napi::Error made = Napi::Error::New(env, error.what());
  made.Set("code", Napi::String::New(env, error.code));
  made.Set("process", Napi::Number::New(env, error.process));
  return made;
}

// (directory, name, direction 0 or 1, role 0 reads 1 writes, data size, must exist): number of the end, 0 for no such pipe
Napi::Value Open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::string directory = TextArgument(info[0], "a pipe's directory");
  const std::string name = TextArgument(info[1], "a pipe's file name");
  const uint32_t direction = WholeNumber(info[2], "a direction", 1);
  const uint32_t role = WholeNumber(info[3], "a role", 1);
  const uint32_t dataSize = WholeNumber(info[4], "a ring's size");
  if (!ValidRingSize(dataSize)) throw Napi::RangeError::New(env, "a ring's size is a power of two from 4 KiB to 1 GiB");
  if (directory.empty() || directory[0] != '/') throw Napi::TypeError::New(env, "a pipe's directory is an absolute path");
  if (name.empty() || name[0] == '.' || name.find('/') != std::string::npos) {
    throw Napi::TypeError::New(env, "a pipe's file name has no slash, and does not begin with a dot");
  }
  try {
    const auto handle = OpenPipe(directory, name, direction, static_cast<PipeRole>(role), dataSize, info[5].ToBoolean());
    if (handle) PipeEnvironment::Of(env).Opened(handle->id);
    return Napi::Number::New(env, handle ? handle->id : 0);
  } catch (const PipeError& error) {
    throw ScriptError(env, error);
  }
}

std::shared_ptr<PipeHandle> Known(const Napi::CallbackInfo& info) {
  auto handle = FindPipe(info[0].ToNumber().Uint32Value());
  if (!handle) throw Napi::Error::New(info.Env(), "this pipe is closed");
  return handle;
}

// (end): the ring's memory, for this thread; the mapping lives as long as it is used.
Napi::Value View(const Napi::CallbackInfo& info) {
  const auto handle = Known(info);
  auto* keep = new std::shared_ptr<PipeRing>(handle->ring);
  const Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(
      info.Env(), static_cast<void*>(handle->ring->mapping), handle->ring->bytes,
      [](Napi::Env, void*, std::shared_ptr<PipeRing>* kept) { delete kept; }, keep);
  return Napi::Uint8Array::New(info.Env(), handle->ring->bytes, buffer, 0);
}

Napi::Value Descriptor(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), Known(info)->ring->event.readable); }

// (end): wakes the reader of a ring that script writes.
void Signal(const Napi::CallbackInfo& info) { SignalEvent(Known(info)->ring->event.writable); }
void Drain(const Napi::CallbackInfo& info) { DrainEvent(Known(info)->ring->event.readable); }

void Close(const Napi::CallbackInfo& info) {
  const uint32_t end = info[0].ToNumber().Uint32Value();
  PipeEnvironment::Of(info.Env()).Closed(end);
  ClosePipe(end);
}

// (end, callback): calls it once when packets have come to an armed ring, when it has ended, or when cancelled.
void Wait(const Napi::CallbackInfo& info) {
  const auto handle = Known(info);
  if (!info[1].IsFunction()) throw Napi::TypeError::New(info.Env(), "a function is wanted");
  PipeEnvironment::Of(info.Env()).Wait(handle, info[1].As<Napi::Function>());
}

void Cancel(const Napi::CallbackInfo& info) { CancelWait(info[0].ToNumber().Uint32Value()); }

Napi::Value Namespace(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), NetworkNamespace()); }

}  // namespace

void DefinePipes(Napi::Env env, Napi::Object exports) {
  PipeEnvironment::Create(env);
  exports.Set("pipeOpen", Napi::Function::New(env, Open));
  exports.Set("pipeView", Napi::Function::New(env, View));
  exports.Set("pipeDescriptor", Napi::Function::New(env, Descriptor));
  exports.Set("pipeSignal", Napi::Function::New(env, Signal));
  exports.Set("pipeDrain", Napi::Function::New(env, Drain));
  exports.Set("pipeClose", Napi::Function::New(env, Close));
  exports.Set("pipeWait", Napi::Function::New(env, Wait));
  exports.Set("pipeCancelWait", Napi::Function::New(env, Cancel));
  exports.Set("networkNamespace", Napi::Function::New(env, Namespace));
}

}  // namespace bricks
