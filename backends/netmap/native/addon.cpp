// bricks_netmap.node: ports over /dev/netmap, and what their interfaces need.
#include <cerrno>
#include <cstring>

#include "bindings.h"
#include "device.h"
#include "interface.h"

namespace bricks::netmap {

namespace {

Napi::Array Texts(Napi::Env env, const std::vector<std::string>& texts) {
  Napi::Array array = Napi::Array::New(env, texts.size());
  for (uint32_t k = 0; k < texts.size(); k++) array.Set(k, Napi::String::New(env, texts[k]));
  return array;
}

// (version?): {number, step}; number 0 where netmap can be used
Napi::Value Probe(const Napi::CallbackInfo& info) {
  const PortError found = Port::Probe(info[0].IsNumber() ? info[0].As<Napi::Number>().Uint32Value() : NETMAP_API);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("number", Napi::Number::New(info.Env(), found.number));
  result.Set("step", Napi::String::New(info.Env(), found.step));
  return result;
}

// (): 0 or an error number
Napi::Value Keep(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), KeepDevice()); }

Napi::Value Look(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const InterfaceState state = LookAtInterface(info[0].ToString().Utf8Value());
  Napi::Object result = Napi::Object::New(env);
  result.Set("exists", Napi::Boolean::New(env, state.exists));
  result.Set("up", Napi::Boolean::New(env, state.up));
  result.Set("linkUp", Napi::Boolean::New(env, state.linkUp));
  result.Set("physical", Napi::Boolean::New(env, state.physical));
  result.Set("offloads", Texts(env, state.offloads));
  return result;
}

Napi::Value ReadParameter(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(ReadModuleParameter(info[0].ToString().Utf8Value())));
}

// (name, value): 0 or an error number
Napi::Value WriteParameter(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), WriteModuleParameter(info[0].ToString().Utf8Value(), info[1].ToNumber().Int64Value()));
}

Napi::Value Processors(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), UsableProcessors()); }

Napi::Value ErrorText(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), std::strerror(info[0].ToNumber().Int32Value())); }

// What is changed on an interface while it is in use. It ends with the object, also when its thread is ended.
class InterfaceHold : public Napi::ObjectWrap<InterfaceHold> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "InterfaceHold",
                       {InstanceMethod<&InterfaceHold::Promiscuous>("promiscuous"), InstanceMethod<&InterfaceHold::TurnOff>("turnOff"),
                        InstanceMethod<&InterfaceHold::Close>("close")});
  }
  explicit InterfaceHold(const Napi::CallbackInfo& info) : Napi::ObjectWrap<InterfaceHold>(info), name_(info[0].ToString().Utf8Value()) {}
  ~InterfaceHold() override { Restore(); }

 private:
  // 0 or an error number
  Napi::Value Promiscuous(const Napi::CallbackInfo& info) {
    if (promiscuous_ < 0) promiscuous_ = BeginPromiscuous(name_);
    return Napi::Number::New(info.Env(), promiscuous_ < 0 ? errno : 0);
  }
  // (offload): 0 or an error number
  Napi::Value TurnOff(const Napi::CallbackInfo& info) {
    const std::string offload = info[0].ToString().Utf8Value();
    const int error = SetOffload(name_, offload, false);
    if (error == 0) turnedOff_.push_back(offload);
    return Napi::Number::New(info.Env(), error);
  }
  void Close(const Napi::CallbackInfo&) { Restore(); }
  void Restore() {
    for (auto offload = turnedOff_.rbegin(); offload != turnedOff_.rend(); ++offload) SetOffload(name_, *offload, true);
    turnedOff_.clear();
    if (promiscuous_ >= 0) EndPromiscuous(name_, promiscuous_);
    promiscuous_ = -1;
  }

  const std::string name_;
  std::vector<std::string> turnedOff_;
  int promiscuous_ = -1;
};

}  // namespace

}  // namespace bricks::netmap

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  using namespace bricks::netmap;
  exports.Set("contract", bricks::kContract);
  exports.Set("NetmapPort", PortBinding::Define(env));
  exports.Set("NetmapSource", SourceBinding::Define(env));
  exports.Set("NetmapTransmitter", TransmitterBinding::Define(env));
  exports.Set("InterfaceHold", InterfaceHold::Define(env));
  exports.Set("probe", Napi::Function::New(env, Probe));
  exports.Set("keepDevice", Napi::Function::New(env, Keep));
  exports.Set("lookAtInterface", Napi::Function::New(env, Look));
  exports.Set("readModuleParameter", Napi::Function::New(env, ReadParameter));
  exports.Set("writeModuleParameter", Napi::Function::New(env, WriteParameter));
  exports.Set("usableProcessors", Napi::Function::New(env, Processors));
  exports.Set("errorText", Napi::Function::New(env, ErrorText));
  return exports;
}

}  // namespace

NODE_API_MODULE(bricks_netmap, Init)
