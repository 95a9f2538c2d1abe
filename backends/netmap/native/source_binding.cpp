#include <map>

#include "bindings.h"

namespace bricks::netmap {

namespace {

// As long as a source may wait while sinks have packets in reserve.
constexpr int32_t kSettleMilliseconds = 1;

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
                     {InstanceMethod<&SourceBinding::Rebind>("rebind"), InstanceMethod<&SourceBinding::Release>("release"),
                      InstanceMethod<&SourceBinding::Memory>("memory"), InstanceMethod<&SourceBinding::Close>("close")});
}

SourceBinding::SourceBinding(const Napi::CallbackInfo& info) : Napi::ObjectWrap<SourceBinding>(info) {
  const Napi::Object self = info.This().As<Napi::Object>();
  DefineDirectMethod<SourceBinding, &SourceBinding::Receive, 1>(self, this, "receive");
  const Napi::Object settings = RequireObject(info, 0);
  Bind(settings);
  try {
    receiver_ = std::make_shared<Receiver>(PortBinding::Of(settings.Get("port")), settings.Get("timestamps").ToBoolean(), settings.Get("waits").ToBoolean());
  } catch (const PortError& error) {
    throw ScriptError(info.Env(), error);
  }
}

void SourceBinding::Bind(const Napi::Object& settings) {
  BatchColumns columns;
  columns.Bind(settings.Get("batch").ToObject());
  counters_ = LinkRecord(settings.Get("counters"), settings.Get("record"));
  countersReference_ = Napi::Persistent(settings.Get("counters"));
  bound_ = std::move(columns);
  needs_.flow = !settings.Get("flowColumns").ToBoolean() ? FlowNeed::kNone : settings.Get("flowFields").ToBoolean() ? FlowNeed::kAll : FlowNeed::kWord;
  needs_.arrival = settings.Get("arrival").ToBoolean();
}

void SourceBinding::Rebind(const Napi::CallbackInfo& info) {
  if (!receiver_) throw Napi::Error::New(info.Env(), "this source is closed");
  const Napi::Object settings = RequireObject(info, 0);
  Bind(settings);
  receiver_->SetWaits(settings.Get("waits").ToBoolean());
  sender_.reset();
}

SourceBinding* SourceBinding::BindingOf(const Napi::Value& value) {
  SourceBinding* const binding = value.IsObject() ? Unwrap(value.As<Napi::Object>()) : nullptr;
  if (binding == nullptr || !binding->receiver_) throw Napi::Error::New(value.Env(), "this source is closed");
  return binding;
}

std::shared_ptr<Receiver> SourceBinding::Of(const Napi::Value& value) { return BindingOf(value)->receiver_; }

int32_t SourceBinding::Receive(Napi::Env, const int32_t* arguments) {
  if (!receiver_) return -1;
  const bool waited = Ask(arguments[0]);
  const int32_t rows = receiver_->Receive(bound_, needs_, counters_);
  return rows < 0 ? rows : rows * 2 + waited;
}

// What the last batch left to flush, and a wait where nothing is there: in one call if both are wanted. True if it may have waited.
bool SourceBinding::Ask(int32_t milliseconds) {
  const std::shared_ptr<Sender> sender = sender_.lock();
  // What lies in reserve is looked after before a long wait.
  const bool wait = milliseconds >= 0 && receiver_->Available() == 0 && (milliseconds <= kSettleMilliseconds || !sender || sender->Backlog() == 0);
  const int32_t most = wait ? milliseconds : 0;
  if (!(sender && sender->FlushFor(*receiver_, most)) && wait) receiver_->Wait(most);
  return most > 0;
}

void SourceBinding::Release(const Napi::CallbackInfo&) {
  if (receiver_) receiver_->Release();
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
