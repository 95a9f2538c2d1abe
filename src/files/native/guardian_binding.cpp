// The guardian for script.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "arguments.h"
#include "bindings.h"
#include "bound_values.h"
#include "descriptors.h"
#include "guardian_client.h"
#include "guardian_protocol.h"

namespace bricks {

namespace {

constexpr uint32_t kMostSlots = 1u << 20;

uint32_t SlotArgument(const Napi::Value& value) {
  return WholeNumber(value, "a slot", kMostSlots);
}

// The guardian lies beside this addon unless its path is given.
std::string GuardianProgram(const std::string& given) {
  if (!given.empty()) return given;
  Dl_info found;
  if (dladdr(reinterpret_cast<void*>(&DefineGuardian), &found) == 0 || found.dli_fname == nullptr) return "bricks-guardian";
  const std::string addon = found.dli_fname;
  return addon.substr(0, addon.rfind('/') + 1) + "bricks-guardian";
}

Napi::Value Start(const Napi::CallbackInfo& info) {
  const std::string program = TextArgument(info[0], "the program");
  const uint32_t slots = SlotArgument(info[1]);
  const GuardianHandle handle = StartGuardian(GuardianProgram(program), slots);
  if (handle.socket < 0) throw Napi::Error::New(info.Env(), handle.error);
  OwnDescriptor(info.Env(), handle.socket);
  OwnDescriptor(info.Env(), handle.memory);
  Napi::Object answer = Napi::Object::New(info.Env());
  answer.Set("socket", handle.socket);
  answer.Set("memory", handle.memory);
  return answer;
}

Napi::Value Map(const Napi::CallbackInfo& info) {
  const int descriptor = DescriptorArgument(info[0]);
  const size_t bytes = SlotArgument(info[1]) * sizeof(double);
  struct stat status;
  const int seals = fcntl(descriptor, F_GET_SEALS);
  // Only what can't shrink: behind the end of a file, an access ends the process.
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || fstat(descriptor, &status) != 0 || static_cast<size_t>(status.st_size) < bytes) {
    throw Napi::TypeError::New(info.Env(), "this is not the memory of a guardian of so many slots");
  }
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) throw Napi::Error::New(info.Env(), "the guardian's memory can't be mapped");
  return Napi::ArrayBuffer::New(info.Env(), memory, bytes, [bytes](Napi::Env, void* mapped) { munmap(mapped, bytes); });
}

void AnnounceFile(const Napi::CallbackInfo& info) {
  size_t length = 0;
  const uint8_t* header = SharedData<uint8_t>(info[3], 0, &length);
  if (length > kGuardianHeader) throw Napi::RangeError::New(info.Env(), "the header is too long");
  TellGuardian(DescriptorArgument(info[0]), kAnnounce, SlotArgument(info[1]), TextArgument(info[2], "the path"), header,
               static_cast<uint32_t>(length), -1);
}

void WatchFile(const Napi::CallbackInfo& info) {
  TellGuardian(DescriptorArgument(info[0]), kWatch, SlotArgument(info[1]), "", nullptr, 0, DescriptorArgument(info[2]));
}

void ForgetFile(const Napi::CallbackInfo& info) {
  TellGuardian(DescriptorArgument(info[0]), kForget, SlotArgument(info[1]), "", nullptr, 0, -1);
}

}  // namespace

void DefineGuardian(Napi::Env env, Napi::Object exports) {
  exports.Set("startGuardian", Napi::Function::New(env, Start));
  exports.Set("mapGuardian", Napi::Function::New(env, Map));
  exports.Set("announceFile", Napi::Function::New(env, AnnounceFile));
  exports.Set("watchFile", Napi::Function::New(env, WatchFile));
  exports.Set("forgetFile", Napi::Function::New(env, ForgetFile));
}

}  // namespace bricks
