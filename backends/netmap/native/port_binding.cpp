#include "bindings.h"

namespace bricks::netmap {

Napi::Function PortBinding::Define(Napi::Env env) {
  return DefineClass(env, "NetmapPort",
                     {InstanceMethod<&PortBinding::Information>("information"), InstanceMethod<&PortBinding::Close>("close")});
}

PortBinding::PortBinding(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PortBinding>(info) {
  const Napi::Object settings = RequireObject(info, 0);
  if (!settings.Get("name").IsString()) throw Napi::TypeError::New(info.Env(), "a name is wanted");
  PortRequest request;
  request.name = settings.Get("name").As<Napi::String>().Utf8Value();
  request.mode = Number(settings, "mode", NR_REG_ALL_NIC);
  request.ring = Number(settings, "ring");
  request.flags = Number(settings, "flags");
  request.slots = Number(settings, "slots");
  request.rings = Number(settings, "rings");
  request.memoryId = Number(settings, "memoryId");
  request.extraBuffers = Number(settings, "extraBuffers");
  request.version = Number(settings, "version", NETMAP_API);
  try {
    port_ = Port::Open(request);
  } catch (const PortError& error) {
    throw ScriptError(info.Env(), error);
  }
}

std::shared_ptr<Port> PortBinding::Of(const Napi::Value& value) {
  PortBinding* const binding = value.IsObject() ? Unwrap(value.As<Napi::Object>()) : nullptr;
  if (binding == nullptr || !binding->port_ || binding->port_->descriptor() < 0) throw Napi::Error::New(value.Env(), "this port is closed");
  return binding->port_;
}

Napi::Value PortBinding::Information(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!port_) throw Napi::Error::New(env, "this port is closed");
  const nmreq_register& registered = port_->registered();
  const auto& transmit = port_->transmitRings();
  const auto& receive = port_->receiveRings();
  Napi::Object result = Napi::Object::New(env);
  const auto set = [&](const char* name, double value) { result.Set(name, Napi::Number::New(env, value)); };
  set("descriptor", port_->descriptor());
  set("memoryId", registered.nr_mem_id);
  set("memoryBytes", static_cast<double>(registered.nr_memsize));
  set("extraBuffers", registered.nr_extra_bufs);
  set("portTransmitRings", registered.nr_tx_rings);
  set("portReceiveRings", registered.nr_rx_rings);
  set("transmitRings", static_cast<double>(transmit.size()));
  set("receiveRings", static_cast<double>(receive.size()));
  set("transmitSlots", transmit.empty() ? 0 : transmit[0]->num_slots);
  set("receiveSlots", receive.empty() ? 0 : receive[0]->num_slots);
  set("bufferBytes", !receive.empty() ? receive[0]->nr_buf_size : transmit.empty() ? 0 : transmit[0]->nr_buf_size);
  return result;
}

void PortBinding::Close(const Napi::CallbackInfo&) { port_.reset(); }

}  // namespace bricks::netmap
