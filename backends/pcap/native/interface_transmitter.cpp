// InterfaceTransmitter: all interfaces that an engine sends to, in one call a batch.
// See backends/pcap/transmitter.ts.
#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "addon.h"
#include "batch_columns.h"
#include "list_sender.h"

namespace bricks {

namespace {

struct Sink {
  PacketLists lists;
  uint32_t output = 0;
  std::unique_ptr<ListSender> sender;
  Napi::ObjectReference counters;
};

struct KnownBatch {
  BatchColumns columns;
  uint8_t* memory = nullptr;
  uint64_t memoryBytes = 0;
  Napi::ObjectReference memoryReference;
};

class InterfaceTransmitter : public Napi::ObjectWrap<InterfaceTransmitter> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "InterfaceTransmitter",
                       {InstanceMethod<&InterfaceTransmitter::AddSink>("addSink"),
                        InstanceMethod<&InterfaceTransmitter::AddBatch>("addBatch"),
                        InstanceMethod<&InterfaceTransmitter::SetMemory>("setMemory"),
                        InstanceMethod<&InterfaceTransmitter::Transmit>("transmit"),
                        InstanceMethod<&InterfaceTransmitter::States>("states"),
                        InstanceMethod<&InterfaceTransmitter::Close>("close")});
  }

  explicit InterfaceTransmitter(const Napi::CallbackInfo& info) : Napi::ObjectWrap<InterfaceTransmitter>(info) {}

 private:
  // addSink(settings, lists, output, counters, record): opens the interface. Errors carry errno as `status`.
  void AddSink(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    const Napi::Object given = RequireObject(info, 0, "settings");
    SenderSettings settings;
    settings.device = Text(given, "device");
    settings.bufferBytes = Integer(given, "bufferBytes", settings.bufferBytes);
    settings.bypassQueue = Flag(given, "bypassQueue");
    auto sink = std::make_unique<Sink>();
    sink->lists.Bind(RequireObject(info, 1, "lists"));
    sink->output = RequireNumber(info, 2, "output");
    if (sink->output >= sink->lists.outputs) throw Napi::RangeError::New(env, "the list has no such output");
    uint64_t* counters = LinkRecord(info[3], info[4]);
    sink->counters = Napi::Persistent(info[3].As<Napi::Object>());
    try {
      sink->sender = std::make_unique<ListSender>(OpenSender(settings), counters, sink->lists.drops, sink->output);
    } catch (const SenderError& error) {
      throw ErrorWithStatus(env, error.what(), error.number);
    }
    sinks_.push_back(std::move(sink));
  }

  // addBatch(batch): returns the number by which `transmit` is told of it.
  Napi::Value AddBatch(const Napi::CallbackInfo& info) {
    auto batch = std::make_unique<KnownBatch>();
    batch->columns.Bind(RequireObject(info, 0, "batch"));
    batches_.push_back(std::move(batch));
    return Napi::Number::New(info.Env(), static_cast<double>(batches_.size() - 1));
  }

  // setMemory(batch, bytes): where the batch's offsets point to from now on.
  void SetMemory(const Napi::CallbackInfo& info) {
    KnownBatch& batch = BatchAt(info);
    batch.memory = Bytes(info.Env(), info[1], &batch.memoryBytes);
    batch.memoryReference = Napi::Persistent(info[1].As<Napi::Object>());
  }

  // transmit(batch, linkType, wait): how many packets are left on the lists.
  Napi::Value Transmit(const Napi::CallbackInfo& info) {
    const KnownBatch& batch = BatchAt(info);
    SentBatch sent;
    sent.columns = batch.columns;
    sent.memory = batch.memory;
    sent.memoryBytes = batch.memoryBytes;
    sent.linkType = RequireNumber(info, 1, "linkType");
    const bool wait = info[2].ToBoolean().Value();
    uint32_t left = 0;
    for (const std::unique_ptr<Sink>& sink : sinks_) {
      uint32_t* count = &sink->lists.counts[sink->output];
      if (*count == 0) continue;
      *count = std::min(*count, sink->lists.room);
      sink->sender->Send(sent, sink->lists.RowsOf(sink->output), count, wait);
      left += *count;
    }
    return Napi::Number::New(info.Env(), left);
  }

  // states(): for each sink '' or what the system says is wrong with it; looks for interfaces that were gone.
  Napi::Value States(const Napi::CallbackInfo& info) {
    Napi::Array states = Napi::Array::New(info.Env(), sinks_.size());
    for (size_t i = 0; i < sinks_.size(); i++) {
      ListSender& sender = *sinks_[i]->sender;
      sender.Revive();
      const char* text = sender.State() == SinkState::kWell ? "" : std::strerror(sender.Error());
      states.Set(static_cast<uint32_t>(i), Napi::String::New(info.Env(), text));
    }
    return states;
  }

  void Close(const Napi::CallbackInfo& info) { sinks_.clear(); }

  KnownBatch& BatchAt(const Napi::CallbackInfo& info) {
    const uint32_t index = RequireNumber(info, 0, "batch");
    if (index >= batches_.size()) throw Napi::RangeError::New(info.Env(), "no such batch was added");
    return *batches_[index];
  }

  std::vector<std::unique_ptr<Sink>> sinks_;
  std::vector<std::unique_ptr<KnownBatch>> batches_;
};

}  // namespace

void RegisterInterfaceTransmitter(Napi::Env env, Napi::Object exports) {
  exports.Set("InterfaceTransmitter", InterfaceTransmitter::Define(env));
}

}  // namespace bricks
