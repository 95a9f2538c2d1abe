#include "descriptors.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>

#include "arguments.h"
#include "bindings.h"

namespace bricks {

namespace {

struct Thread {
  ~Thread();
};

// Standard input and output are the process's: one engine at a time may use them, and none closes them.
bool IsStandard(int descriptor) { return descriptor <= STDOUT_FILENO; }

// Of the whole process, so that a descriptor has one owner at any moment.
std::mutex ownersMutex;
std::map<int, const Thread*>& Owners() {
  static auto* owners = new std::map<int, const Thread*>();
  return *owners;
}

Thread::~Thread() {
  const std::lock_guard<std::mutex> lock(ownersMutex);
  for (auto at = Owners().begin(); at != Owners().end();) {
    if (at->second != this) {
      ++at;
      continue;
    }
    // The lock stays with the guardian, if there is one, until it has repaired the file.
    if (!IsStandard(at->first)) close(at->first);
    at = Owners().erase(at);
  }
}

const Thread* ThreadOf(Napi::Env env) {
  Thread* thread = env.GetInstanceData<Thread>();
  if (thread == nullptr) env.SetInstanceData(thread = new Thread());
  return thread;
}

// From now on standard input or output is this thread's; false if it is another's already.
bool Claim(Napi::Env env, int descriptor) {
  const Thread* thread = ThreadOf(env);
  const std::lock_guard<std::mutex> lock(ownersMutex);
  return Owners().emplace(descriptor, thread).second;
}

Napi::Value ClaimInput(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), Claim(info.Env(), STDIN_FILENO));
}

constexpr int kPipeBytes = 1 << 20;

// Opens the target of a recording, "-" for standard output; returns the descriptor, or the number of the error below zero.
// Without waiting: a pipe that nobody reads must hold up neither the engine nor the thread that writes.
Napi::Value OpenTarget(const Napi::CallbackInfo& info) {
  const std::string path = TextArgument(info[0], "the path");
  if (path == "-") return Napi::Number::New(info.Env(), Claim(info.Env(), STDOUT_FILENO) ? STDOUT_FILENO : -EBUSY);
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
  if (descriptor < 0) return Napi::Number::New(info.Env(), -errno);
  OwnDescriptor(info.Env(), descriptor);
  struct stat status;
  // Allowed or not: it makes pipes faster only.
  if (fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode)) fcntl(descriptor, F_SETPIPE_SZ, kPipeBytes);
  return Napi::Number::New(info.Env(), descriptor);
}

// False if another open file has the lock. Where a file system has no locks, everybody has it.
Napi::Value LockFile(const Napi::CallbackInfo& info) {
  const bool locked = flock(DescriptorArgument(info[0]), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
  return Napi::Boolean::New(info.Env(), locked);
}

void TakeFile(const Napi::CallbackInfo& info) {
  const int descriptor = DescriptorArgument(info[0]);
  {
    const std::lock_guard<std::mutex> lock(ownersMutex);
    if (Owners().count(descriptor) == 0) throw Napi::RangeError::New(info.Env(), "the descriptor belongs to no thread");
  }
  OwnDescriptor(info.Env(), descriptor);
}

void CloseFile(const Napi::CallbackInfo& info) {
  CloseOwned(info.Env(), DescriptorArgument(info[0]));
}

}  // namespace

void OwnDescriptor(Napi::Env env, int descriptor) {
  const Thread* thread = ThreadOf(env);
  const std::lock_guard<std::mutex> lock(ownersMutex);
  Owners()[descriptor] = thread;
}

void CloseOwned(Napi::Env env, int descriptor) {
  const Thread* thread = ThreadOf(env);
  const std::lock_guard<std::mutex> lock(ownersMutex);
  const auto found = Owners().find(descriptor);
  if (found == Owners().end() || found->second != thread) return;
  Owners().erase(found);
  if (IsStandard(descriptor)) return;
  flock(descriptor, LOCK_UN);
  close(descriptor);
}

void DefineDescriptors(Napi::Env env, Napi::Object exports) {
  exports.Set("claimInput", Napi::Function::New(env, ClaimInput));
  exports.Set("openTarget", Napi::Function::New(env, OpenTarget));
  exports.Set("lockFile", Napi::Function::New(env, LockFile));
  exports.Set("takeFile", Napi::Function::New(env, TakeFile));
  exports.Set("closeFile", Napi::Function::New(env, CloseFile));
}

}  // namespace bricks
