// What the parts of bricks_pcap share. Each class and function is registered by one call.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "arguments.h"

namespace bricks {

void RegisterDevices(Napi::Env env, Napi::Object exports);
void RegisterPcapSource(Napi::Env env, Napi::Object exports);
void RegisterInterfaceTransmitter(Napi::Env env, Napi::Object exports);
void RegisterCompiledFilter(Napi::Env env, Napi::Object exports);

inline Napi::Object RequireObject(const Napi::CallbackInfo& info, size_t index, const char* what) {
  if (index >= info.Length() || !info[index].IsObject()) {
    throw Napi::TypeError::New(info.Env(), std::string(what) + " must be an object");
  }
  return info[index].As<Napi::Object>();
}

inline uint32_t RequireNumber(const Napi::CallbackInfo& info, size_t index, const char* what) {
  return WholeNumber(info[index], what);
}

inline std::string Text(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}

inline int Integer(const Napi::Object& object, const char* name, int otherwise = 0) {
  const Napi::Value value = object.Get(name);
  return value.IsNumber() ? value.As<Napi::Number>().Int32Value() : otherwise;
}

inline bool Flag(const Napi::Object& object, const char* name) { return object.Get(name).ToBoolean().Value(); }

// A Uint8Array's bytes.
inline uint8_t* Bytes(Napi::Env env, const Napi::Value& value, uint64_t* length) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw Napi::TypeError::New(env, "memory must be a Uint8Array");
  }
  Napi::Uint8Array array = value.As<Napi::Uint8Array>();
  *length = array.ByteLength();
  return array.Data();
}

// An Error with a `status` that TypeScript makes a message of.
inline Napi::Error ErrorWithStatus(Napi::Env env, const std::string& message, int status) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("status", Napi::Number::New(env, status));
  return error;
}

}  // namespace bricks
