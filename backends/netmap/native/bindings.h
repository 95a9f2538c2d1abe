// What the parts of bricks_netmap share. Thin: arguments are checked here, meaning is given in TypeScript.
#pragma once

#include <napi.h>

#include <string>

#include "batch_columns.h"
#include "columns.h"
#include "direct_method.h"
#include "port.h"
#include "receiver.h"
#include "sender.h"

namespace bricks::netmap {

inline uint32_t Number(const Napi::Object& object, const char* name, uint32_t otherwise = 0) {
  const Napi::Value value = object.Get(name);
  return value.IsNumber() ? value.As<Napi::Number>().Uint32Value() : otherwise;
}

inline Napi::Object RequireObject(const Napi::CallbackInfo& info, size_t index) {
  if (index >= info.Length() || !info[index].IsObject()) throw Napi::TypeError::New(info.Env(), "an object is wanted");
  return info[index].As<Napi::Object>();
}

// An error with the system's number and the step that failed, of which TypeScript makes a message.
inline Napi::Error ScriptError(Napi::Env env, const PortError& error) {
  Napi::Error made = Napi::Error::New(env, std::string("netmap: ") + error.step);
  made.Set("number", Napi::Number::New(env, error.number));
  made.Set("step", Napi::String::New(env, error.step));
  return made;
}

class PortBinding : public Napi::ObjectWrap<PortBinding> {
 public:
  static Napi::Function Define(Napi::Env env);
  // ({name, mode, ring, flags, slots, rings, memoryId, extraBuffers, version}); throws {number, step}
  explicit PortBinding(const Napi::CallbackInfo& info);
  const std::shared_ptr<Port>& port() const { return port_; }
  static std::shared_ptr<Port> Of(const Napi::Value& value);

 private:
  Napi::Value Information(const Napi::CallbackInfo& info);
  // Lets go of it; it is closed when sources and transmitters have let go too.
  void Close(const Napi::CallbackInfo& info);
  std::shared_ptr<Port> port_;
};

class SourceBinding : public Napi::ObjectWrap<SourceBinding> {
 public:
  static Napi::Function Define(Napi::Env env);
  // ({port, batch, flowColumns, flowFields, arrival, timestamps, waits, counters, record})
  explicit SourceBinding(const Napi::CallbackInfo& info);
  const std::shared_ptr<Receiver>& receiver() const { return receiver_; }
  // The transmitter whose sinks are synced together with this source, if any.
  void FlushesFor(const std::shared_ptr<Sender>& sender) { sender_ = sender; }
  static SourceBinding* BindingOf(const Napi::Value& value);
  static std::shared_ptr<Receiver> Of(const Napi::Value& value);

 private:
  // ({batch, flowColumns, flowFields, arrival, waits, counters, record}): fills that batch from now on, for other sinks if any
  void Rebind(const Napi::CallbackInfo& info);
  void Bind(const Napi::Object& settings);
  // (milliseconds): where nothing is there, it waits so long first; below 0 it does not even ask. Twice the rows, and 1 more if it may have
  // waited; -1 if the port is gone
  int32_t Receive(Napi::Env env, const int32_t* arguments);
  bool Ask(int32_t milliseconds);
  void Release(const Napi::CallbackInfo& info);
  // The region and its staging areas: one ArrayBuffer for each region and environment.
  Napi::Value Memory(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  std::shared_ptr<Receiver> receiver_;
  std::weak_ptr<Sender> sender_;
  BatchColumns bound_;
  uint64_t* counters_ = nullptr;
  Napi::Reference<Napi::Value> countersReference_;
  ColumnNeeds needs_;
};

class TransmitterBinding : public Napi::ObjectWrap<TransmitterBinding> {
 public:
  static Napi::Function Define(Napi::Env env);
  // ({batches, sinks: [{port, pipe, splits, lists, output, counters, record}], copies, chains, batchesTogether, before}); `before`: a transmitter
  // that hands over the rings that this one has too when it is closed
  explicit TransmitterBinding(const Napi::CallbackInfo& info);

 private:
  // (batch, Uint8Array, source or undefined)
  void BindMemory(const Napi::CallbackInfo& info);
  // (source): the engine's only one, which from now on flushes before it receives
  void LeaveFlushTo(const Napi::CallbackInfo& info);
  // (batch, wait): twice the packets that remain on the lists, and 1 more if `flush` is to be called
  int32_t Transmit(Napi::Env env, const int32_t* arguments);
  int32_t Flush(Napi::Env env, const int32_t* arguments);
  // Sends on from the reserve and what readers gave back; packets that are still to go on
  int32_t Settle(Napi::Env env, const int32_t* arguments);
  Napi::Value Backlog(const Napi::CallbackInfo& info);
  // (milliseconds, successor or undefined): to which it hands over what that one has too
  void Close(const Napi::CallbackInfo& info);
  static std::shared_ptr<Sender> SenderOf(const Napi::Value& value);

  struct BoundBatch {
    BatchColumns columns;
    SentBatch sent;
    Napi::Reference<Napi::Value> memory;
  };
  void AddSink(const Napi::Object& request, const Sender* before);

  std::shared_ptr<Sender> sender_;
  std::vector<std::unique_ptr<BoundBatch>> batches_;
  std::vector<std::unique_ptr<PacketLists>> lists_;
  std::vector<Napi::Reference<Napi::Value>> counters_;
};

}  // namespace bricks::netmap
