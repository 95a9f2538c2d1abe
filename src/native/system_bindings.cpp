// What an engine's thread asks of the system (src/native/system.ts gives it types and stand-ins).
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "arguments.h"
#include "bindings.h"
#include "platform.h"
#include "ring_memory.h"
#include "system_values.h"

namespace bricks {

namespace {

// Some three years.
constexpr double kLongestWait = 1e14;

// (Int32Array of descriptors, count, microseconds, write?): how many are ready; negative microseconds wait for ever.
Napi::Value WaitReady(const Napi::CallbackInfo& info, short events) {
  Napi::Env env = info.Env();
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
    throw Napi::TypeError::New(env, "an Int32Array of descriptors is wanted");
  }
  napi_typedarray_type type;
  size_t length;
  void* data;
  napi_get_typedarray_info(env, info[0], &type, &length, &data, nullptr, nullptr);
  const uint32_t count = WholeNumber(info[1], "a count");
  if (count > length) throw Napi::RangeError::New(env, "count is larger than the array");
  if (!info[2].IsNumber() || std::isnan(info[2].As<Napi::Number>().DoubleValue())) throw Napi::TypeError::New(env, "microseconds must be a number");
  const double microseconds = std::min(info[2].As<Napi::Number>().DoubleValue(), kLongestWait);
  thread_local std::vector<pollfd> polled;
  polled.clear();
  for (uint32_t k = 0; k < count; k++) polled.push_back({static_cast<int32_t*>(data)[k], events, 0});
  int ready;
#if defined(__linux__) || defined(__FreeBSD__)
  timespec limit = {};
  if (microseconds >= 0) {
    limit.tv_sec = static_cast<time_t>(microseconds / 1e6);
    limit.tv_nsec = static_cast<long>((microseconds - static_cast<double>(limit.tv_sec) * 1e6) * 1e3);
  }
  ready = ppoll(polled.data(), static_cast<nfds_t>(count), microseconds < 0 ? nullptr : &limit, nullptr);
#else
  ready = poll(polled.data(), static_cast<nfds_t>(count), microseconds < 0 ? -1 : static_cast<int>(std::min((microseconds + 999) / 1000, 2e9)));
#endif
  return Napi::Number::New(env, ready < 0 ? 0 : ready);
}

Napi::Value WaitReadable(const Napi::CallbackInfo& info) { return WaitReady(info, POLLIN); }
Napi::Value WaitWritable(const Napi::CallbackInfo& info) { return WaitReady(info, POLLOUT); }

// (Float64Array): its first element becomes the time; no number is made.
napi_value ReadClock(napi_env env, napi_callback_info info) {
  void* into = nullptr;
  if (napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &into) != napi_ok) return nullptr;
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  *static_cast<double*>(into) = static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
  return nullptr;
}

// (Float64Array): a function that puts the time there, and keeps the array. Asked once a batch, so it has nothing to find or to check:
// 40 ns a call, most of it the system's; 200 where it is handed the array.
Napi::Value ClockInto(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (!info[0].IsTypedArray() || napi_get_typedarray_info(env, info[0], &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array || length == 0) {
    throw Napi::TypeError::New(env, "a Float64Array is wanted");
  }
  napi_value made;
  if (napi_create_function(env, "readClock", NAPI_AUTO_LENGTH, ReadClock, data, &made) != napi_ok) throw Napi::Error::New(env);
  const Napi::Function read(env, made);
  read.DefineProperty(Napi::PropertyDescriptor::Value("into", info[0], napi_default));
  return read;
}

// An object that only a weak reference knows: once it is gone, the heap was collected. One for each thread that asks.
struct Sentinel {
  napi_ref reference = nullptr;
};

// (): whether the heap was collected since the last call. Makes nothing unless it was.
Napi::Value Collected(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  napi_ref& reference = static_cast<Sentinel*>(info.Data())->reference;
  bool collected = false;
  if (reference != nullptr) {
    napi_value object = nullptr;
    napi_get_reference_value(env, reference, &object);
    if (object != nullptr) return Napi::Boolean::New(env, false);
    napi_delete_reference(env, reference);
    reference = nullptr;
    collected = true;
  }
  if (napi_create_reference(env, Napi::Object::New(env), 0, &reference) != napi_ok) reference = nullptr;
  return Napi::Boolean::New(env, collected);
}

// An event is a pair of descriptors: [readable, writable], the same one on Linux.
Napi::Value EventCreate(const Napi::CallbackInfo& info) {
  Event event;
  if (!CreateEvent(&event)) throw SystemError(info.Env(), "no event", errno);
  return DescriptorPair(info.Env(), event.readable, event.writable);
}
void EventSignal(const Napi::CallbackInfo& info) { SignalEvent(DescriptorArgument(info[0])); }
void EventDrain(const Napi::CallbackInfo& info) { DrainEvent(DescriptorArgument(info[0])); }
void EventClose(const Napi::CallbackInfo& info) {
  Event event = {DescriptorArgument(info[0]), DescriptorArgument(info[1])};
  CloseEvent(&event);
}

// 0, or an error number
Napi::Value Affinity(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), SetThreadAffinity(static_cast<int>(WholeNumber(info[0], "a CPU", INT32_MAX))));
}
Napi::Value ThreadName(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), SetThreadName(TextArgument(info[0], "a thread's name").substr(0, 15).c_str()));
}
Napi::Value ThreadPrompt(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), SetThreadPrompt()); }

Napi::Value TapOpen(const Napi::CallbackInfo& info) {
  const std::string name = TextArgument(info[0], "an interface's name");
  const int tap = OpenTap(name.c_str());
  if (tap < 0) throw SystemError(info.Env(), "tap " + name, errno);
  return Napi::Number::New(info.Env(), tap);
}

// (Uint8Array): makes an empty ring of it; the memory's length is the ring's.
void RingInitialise(const Napi::CallbackInfo& info) {
  size_t bytes = 0;
  uint8_t* memory = TypedArrayBytes(info[0], &bytes);
  if ((reinterpret_cast<uintptr_t>(memory) & 15) != 0 || bytes <= kRingHeaderBytes || bytes - kRingHeaderBytes > kMaximumRingData || !ValidRingSize(static_cast<uint32_t>(bytes - kRingHeaderBytes))) {
    throw Napi::RangeError::New(info.Env(), "a ring is 4,096 bytes and a power of two, at a multiple of 16");
  }
  InitialiseRing(memory, static_cast<uint32_t>(bytes - kRingHeaderBytes));
}

}  // namespace

void DefineSystem(Napi::Env env, Napi::Object exports) {
  exports.Set("waitReadable", Napi::Function::New(env, WaitReadable));
  exports.Set("waitWritable", Napi::Function::New(env, WaitWritable));
  exports.Set("clockInto", Napi::Function::New(env, ClockInto));
  Sentinel* const sentinel = new Sentinel;
  env.AddCleanupHook([sentinel] { delete sentinel; });
  exports.Set("collected", Napi::Function::New(env, Collected, "collected", sentinel));
  exports.Set("eventCreate", Napi::Function::New(env, EventCreate));
  exports.Set("eventSignal", Napi::Function::New(env, EventSignal));
  exports.Set("eventDrain", Napi::Function::New(env, EventDrain));
  exports.Set("eventClose", Napi::Function::New(env, EventClose));
  exports.Set("setAffinity", Napi::Function::New(env, Affinity));
  exports.Set("setThreadName", Napi::Function::New(env, ThreadName));
  exports.Set("setThreadPrompt", Napi::Function::New(env, ThreadPrompt));
  exports.Set("tapOpen", Napi::Function::New(env, TapOpen));
  exports.Set("ringInitialise", Napi::Function::New(env, RingInitialise));
}

}  // namespace bricks
