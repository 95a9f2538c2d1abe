// Pipes for script: thin, by number; src/pipes says what they mean.
#include <grp.h>
#include <unistd.h>

#include <memory>
#include <vector>

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

// Where a pipe is: (directory, name, direction 0 or 1, ...)
struct Place {
  std::string directory;
  std::string name;
  uint32_t direction;

  explicit Place(const Napi::CallbackInfo& info)
      : directory(TextArgument(info[0], "a pipe's directory")), name(TextArgument(info[1], "a pipe's file name")), direction(WholeNumber(info[2], "a direction", 1)) {
    if (directory.empty() || directory[0] != '/') throw Napi::TypeError::New(info.Env(), "a pipe's directory is an absolute path");
    if (name.empty() || name[0] == '.' || name.find('/') != std::string::npos) {
      throw Napi::TypeError::New(info.Env(), "a pipe's file name has no slash, and does not begin with a dot");
    }
  }
};

// The number of the end that `open` answers, 0 for none.
template <typename Function>
Napi::Value Opened(Napi::Env env, const Function& open) {
  try {
    const std::shared_ptr<PipeHandle> handle = open();
    if (handle) PipeEnvironment::Of(env).Opened(handle->id);
    return Napi::Number::New(env, handle ? handle->id : 0);
  } catch (const PipeError& error) {
    throw ScriptError(env, error);
  }
}

// (place..., role 0 reads 1 writes, {dataSize, mustExist?, all?, unreadLimit?}): number of the end, 0 for no such pipe
Napi::Value Open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const Place place(info);
  const uint32_t role = WholeNumber(info[3], "a role", 1);
  if (!info[4].IsObject()) throw Napi::TypeError::New(env, "options are wanted");
  const Napi::Object options = info[4].As<Napi::Object>();
  PipeWish wish;
  wish.dataSize = WholeNumber(options.Get("dataSize"), "a ring's size");
  if (!ValidRingSize(wish.dataSize)) throw Napi::RangeError::New(env, "a ring's size is a power of two from 4 KiB to 1 GiB");
  wish.mustExist = options.Get("mustExist").ToBoolean();
  wish.all = options.Get("all").ToBoolean();
  const Napi::Value patience = options.Get("patience");
  if (!patience.IsUndefined()) wish.patience = std::chrono::milliseconds(WholeNumber(patience, "how long to wait"));
  const Napi::Value unreadLimit = options.Get("unreadLimit");
  wish.unreadLimit = unreadLimit.IsUndefined() ? 0 : WholeNumber(unreadLimit, "what stays unread");
  const Napi::Value group = options.Get("group");
  if (!group.IsUndefined()) wish.group = WholeNumber(group, "a group");
  const Napi::Value owner = options.Get("owner");
  if (!owner.IsUndefined()) wish.owner = static_cast<PipeOwner>(WholeNumber(owner, "who may own a pipe", 2));
  return Opened(env, [&] { return OpenPipe(place.directory, place.name, place.direction, static_cast<PipeRole>(role), wish); });
}

// (place...): a number to wait for until the pipe's writer comes, 0 where another process waits already
Napi::Value Await(const Napi::CallbackInfo& info) {
  const Place place(info);
  return Opened(info.Env(), [&] { return AwaitPipe(place.directory, place.name, place.direction); });
}

std::shared_ptr<PipeHandle> Known(const Napi::CallbackInfo& info) {
  auto handle = FindPipe(info[0].ToNumber().Uint32Value());
  if (!handle) throw Napi::Error::New(info.Env(), "this pipe is closed");
  return handle;
}

std::shared_ptr<PipeRing> KnownRing(const Napi::CallbackInfo& info) {
  auto ring = Known(info)->Ring();
  if (!ring) throw Napi::Error::New(info.Env(), "this pipe has no ring yet");
  return ring;
}

// (end): the ring's memory, for this thread; the mapping lives as long as it is used.
Napi::Value View(const Napi::CallbackInfo& info) {
  auto* keep = new std::shared_ptr<PipeRing>(KnownRing(info));
  const Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(
      info.Env(), static_cast<void*>((*keep)->mapping), (*keep)->bytes,
      [](Napi::Env, void*, std::shared_ptr<PipeRing>* kept) { delete kept; }, keep);
  return Napi::Uint8Array::New(info.Env(), (*keep)->bytes, buffer, 0);
}

Napi::Value Descriptor(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), KnownRing(info)->event.readable); }

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

// (name): its number, or -1
Napi::Value GroupNumber(const Napi::CallbackInfo& info) {
  const std::string name = TextArgument(info[0], "a group's name");
  std::vector<char> memory(1 << 20);
  group entry;
  group* found = nullptr;
  const bool known = getgrnam_r(name.c_str(), &entry, memory.data(), memory.size(), &found) == 0 && found != nullptr;
  return Napi::Number::New(info.Env(), known ? static_cast<double>(found->gr_gid) : -1);
}

Napi::Value Namespace(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), NetworkNamespace()); }

}  // namespace

void DefinePipes(Napi::Env env, Napi::Object exports) {
  PipeEnvironment::Create(env);
  exports.Set("pipeOpen", Napi::Function::New(env, Open));
  exports.Set("pipeAwait", Napi::Function::New(env, Await));
  exports.Set("pipeView", Napi::Function::New(env, View));
  exports.Set("pipeDescriptor", Napi::Function::New(env, Descriptor));
  exports.Set("pipeClose", Napi::Function::New(env, Close));
  exports.Set("pipeWait", Napi::Function::New(env, Wait));
  exports.Set("pipeCancelWait", Napi::Function::New(env, Cancel));
  exports.Set("groupNumber", Napi::Function::New(env, GroupNumber));
  exports.Set("networkNamespace", Napi::Function::New(env, Namespace));
}

}  // namespace bricks
