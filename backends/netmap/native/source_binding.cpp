#include <map>

#include "bindings.h"

namespace bricks::netmap {

namespace {

// The ArrayBuffers of this environment, by region. An ArrayBuffer keeps its region's addresses.
struct KnownMemory {
  std::map<const Region*, Napi::Reference<Napi::ArrayBuffer>> buffers;
};

KnownMemory* MemoryOf(Napi::Env env) {
  auto* known = env.GetInstanceData<KnownMemory>();
  if (known == nullptr) {
    known = new KnownMemory;
    env.SetInstanceData(known);
  }
  return known;
}

Napi::ArrayBuffer BufferOf(Napi::Env env, const std::shared_ptr<Region>& region) {
  auto& buffers = MemoryOf(env)->buffers;
  const auto found = buffers.find(region.get());
  if (found != buffers.end()) {
    const Napi::ArrayBuffer known = found->second.Value();
    if (!known.IsEmpty()) return known;
  }
  auto* keep = new std::shared_ptr<Region>(region);
  const Napi::ArrayBuffer made = Napi::ArrayBuffer::New(
      env, static_cast<void*>(region->base()), region->addressable(),
      [](Napi::Env, void*, std::shared_ptr<Region>* kept) { delete kept; }, keep);
  buffers[region.get()] = Napi::Weak(made);
  return made;
}

}  // namespace

Napi::Function SourceBinding::Define(Napi::Env env) {
  return DefineClass(env, "NetmapSource",
                     {InstanceMethod<&SourceBinding::Release>("release"), InstanceMethod<&SourceBinding::Memory>("memory"),
                      InstanceMethod<&SourceBinding::Close>("close")});
}

SourceBinding::SourceBinding(const Napi::CallbackInfo& info) : Napi::ObjectWrap<SourceBinding>(info) {
  const Napi::Object self = info.This().As<Napi::Object>();
  DefineDirectMethod<SourceBinding, &SourceBinding::Receive>(self, this, "receive");
  DefineDirectMethod<SourceBinding, &SourceBinding::Wait, 1>(self, this, "wait");
  const Napi::Object settings = RequireObject(info, 0);
  bound_.Bind(settings.Get("batch").ToObject());
  columns_ = PlainColumns(bound_);
  counters_ = CounterRecord(settings);
  countersReference_ = Napi::Persistent(settings.Get("counters"));
  reasons_ = Reasons(settings);
  needs_.flow = !settings.Get("flowColumns").ToBoolean() ? FlowNeed::kNone : settings.Get("flowFields").ToBoolean() ? FlowNeed::kAll : FlowNeed::kWord;
  needs_.arrival = settings.Get("arrival").ToBoolean();
  try {
    receiver_ = std::make_shared<Receiver>(PortBinding::Of(settings.Get("port")), settings.Get("timestamps").ToBoolean(), settings.Get("waits").ToBoolean());
  } catch (const PortError& error) {
    throw ScriptError(info.Env(), error);
  }
}

SourceBinding* SourceBinding::BindingOf(const Napi::Value& value) {
  SourceBinding* const binding = value.IsObject() ? Unwrap(value.As<Napi::Object>()) : nullptr;
  if (binding == nullptr || !binding->receiver_) throw Napi::Error::New(value.Env(), "this source is closed");
  return binding;
}

std::shared_ptr<Receiver> SourceBinding::Of(const Napi::Value& value) { return BindingOf(value)->receiver_; }

int32_t SourceBinding::Receive(Napi::Env, const int32_t*) {
  if (!receiver_) return -1;
  if (const std::shared_ptr<Sender> sender = sender_.lock()) sender->FlushFor(*receiver_);
  return receiver_->Receive(columns_, needs_, counters_, reasons_);
}

void SourceBinding::Release(const Napi::CallbackInfo&) {
  if (receiver_) receiver_->Release();
}

int32_t SourceBinding::Wait(Napi::Env, const int32_t* arguments) {
  if (receiver_) receiver_->Wait(arguments[0]);
  return 0;
}

Napi::Value SourceBinding::Memory(const Napi::CallbackInfo& info) {
  if (!receiver_) throw Napi::Error::New(info.Env(), "this source is closed");
  return BufferOf(info.Env(), receiver_->region());
}

void SourceBinding::Close(const Napi::CallbackInfo&) {
  if (receiver_) receiver_->Close();
  receiver_.reset();
}

}  // namespace bricks::netmap
