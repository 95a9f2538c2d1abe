#include "bindings.h"

namespace bricks::netmap {

Napi::Function TransmitterBinding::Define(Napi::Env env) {
  return DefineClass(env, "NetmapTransmitter",
                     {InstanceMethod<&TransmitterBinding::BindMemory>("bindMemory"), InstanceMethod<&TransmitterBinding::LeaveFlushTo>("leaveFlushTo"),
                      InstanceMethod<&TransmitterBinding::Backlog>("backlog"), InstanceMethod<&TransmitterBinding::Close>("close")});
}

TransmitterBinding::TransmitterBinding(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TransmitterBinding>(info) {
  Napi::Env env = info.Env();
  DefineDirectMethod<TransmitterBinding, &TransmitterBinding::Transmit, 2>(info.This().As<Napi::Object>(), this, "transmit");
  DefineDirectMethod<TransmitterBinding, &TransmitterBinding::Flush>(info.This().As<Napi::Object>(), this, "flush");
  DefineDirectMethod<TransmitterBinding, &TransmitterBinding::Settle>(info.This().As<Napi::Object>(), this, "settle");
  const Napi::Object settings = RequireObject(info, 0);
  const Napi::Value batches = settings.Get("batches");
  const Napi::Value sinks = settings.Get("sinks");
  if (!batches.IsArray() || !sinks.IsArray()) throw Napi::TypeError::New(env, "batches and sinks must be arrays");
  SenderSettings senderSettings;
  senderSettings.copies = settings.Get("copies").ToBoolean();
  senderSettings.chains = settings.Get("chains").ToBoolean();
  senderSettings.batchesTogether = Number(settings, "batchesTogether", 1);
  sender_ = std::make_shared<Sender>(senderSettings);
  const Napi::Array batchArray = batches.As<Napi::Array>();
  for (uint32_t k = 0; k < batchArray.Length(); k++) {
    batches_.push_back(std::make_unique<BoundBatch>());
    batches_.back()->columns.Bind(batchArray.Get(k).ToObject());
    batches_.back()->sent.columns = batches_.back()->columns;
  }
  const Napi::Array sinkArray = sinks.As<Napi::Array>();
  const std::shared_ptr<Sender> before = SenderOf(settings.Get("before"));
  try {
    for (uint32_t k = 0; k < sinkArray.Length(); k++) AddSink(sinkArray.Get(k).ToObject(), before.get());
  } catch (const PortError& error) {
    throw ScriptError(env, error);
  }
}

std::shared_ptr<Sender> TransmitterBinding::SenderOf(const Napi::Value& value) {
  if (value.IsUndefined()) return nullptr;
  TransmitterBinding* const binding = value.IsObject() ? Unwrap(value.As<Napi::Object>()) : nullptr;
  if (binding == nullptr) throw Napi::TypeError::New(value.Env(), "a transmitter is wanted");
  return binding->sender_;
}

void TransmitterBinding::AddSink(const Napi::Object& request, const Sender* before) {
  const Napi::Object lists = request.Get("lists").ToObject();
  // The sinks of one brick share its lists: a few of them at most, the last one mostly.
  PacketLists* bound = nullptr;
  for (auto known = lists_.rbegin(); known != lists_.rend() && bound == nullptr; ++known) {
    if ((*known)->reference.Value().StrictEquals(lists)) bound = known->get();
  }
  if (bound == nullptr) {
    lists_.push_back(std::make_unique<PacketLists>());
    bound = lists_.back().get();
    bound->Bind(lists);
  }
  const uint32_t output = Number(request, "output", UINT32_MAX);
  if (output >= bound->outputs) throw Napi::RangeError::New(request.Env(), "output is no output of its lists");
  SinkSettings sink;
  sink.port = PortBinding::Of(request.Get("port"));
  sink.kind = request.Get("pipe").ToBoolean() ? SinkKind::kPipe : SinkKind::kOther;
  sink.splits = request.Get("splits").ToBoolean();
  sink.count = bound->counts + output;
  sink.rows = bound->RowsOf(output);
  sink.room = bound->room;
  sink.output = output;
  sink.drops = bound->drops;
  sink.counters = LinkRecord(request.Get("counters"), request.Get("record"));
  counters_.push_back(Napi::Persistent(request.Get("counters")));
  sender_->AddSink(sink, before);
}

void TransmitterBinding::BindMemory(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const uint32_t index = info[0].ToNumber().Uint32Value();
  if (index >= batches_.size()) throw Napi::RangeError::New(env, "no such batch");
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (!info[1].IsTypedArray() || napi_get_typedarray_info(env, info[1], &type, &length, &data, nullptr, nullptr) != napi_ok || type != napi_uint8_array) {
    throw Napi::TypeError::New(env, "a Uint8Array is wanted");
  }
  BoundBatch& batch = *batches_[index];
  batch.sent.memory = static_cast<const uint8_t*>(data);
  batch.sent.memoryBytes = length;
  batch.sent.source = info[2].IsObject() ? SourceBinding::Of(info[2]) : nullptr;
  batch.memory = Napi::Persistent(info[1]);
}

int32_t TransmitterBinding::Transmit(Napi::Env env, const int32_t* arguments) {
  const uint32_t index = static_cast<uint32_t>(arguments[0]);
  if (index >= batches_.size() || batches_[index]->sent.memory == nullptr) throw Napi::RangeError::New(env, "this batch has no memory yet");
  const uint32_t left = sender_->Transmit(batches_[index]->sent, arguments[1] != 0);
  return static_cast<int32_t>(left * 2 + sender_->WantsFlush());
}

int32_t TransmitterBinding::Flush(Napi::Env, const int32_t*) {
  sender_->Flush();
  return 0;
}

int32_t TransmitterBinding::Settle(Napi::Env, const int32_t*) {
  sender_->Settle();
  return static_cast<int32_t>(sender_->Backlog());
}

void TransmitterBinding::LeaveFlushTo(const Napi::CallbackInfo& info) {
  SourceBinding* const source = SourceBinding::BindingOf(info[0]);
  sender_->LeaveFlushTo(source->receiver().get());
  source->FlushesFor(sender_);
}

Napi::Value TransmitterBinding::Backlog(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), sender_->Backlog()); }

void TransmitterBinding::Close(const Napi::CallbackInfo& info) {
  const uint32_t milliseconds = info[0].ToNumber().Uint32Value();
  const std::shared_ptr<Sender> next = SenderOf(info[1]);
  if (next == sender_) throw Napi::TypeError::New(info.Env(), "another transmitter is wanted");
  for (auto& batch : batches_) batch->sent.source.reset();
  if (next) sender_->HandOver(next.get(), milliseconds);
  sender_->Close(next ? 0 : milliseconds);
}

}  // namespace bricks::netmap
