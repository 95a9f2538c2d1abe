// What script hands over and gets: typed arrays, and native objects that can't be mistaken for each other.
#pragma once

#include <napi.h>

#include <memory>

namespace bricks {

// Also of typed arrays over shared memory, which node-addon-api can't ask for.
template <typename Element>
Element* SharedData(const Napi::Value& value, size_t least, size_t* length = nullptr) {
  napi_typedarray_type type;
  size_t elements = 0;
  void* data = nullptr;
  if (!value.IsTypedArray() ||
      napi_get_typedarray_info(value.Env(), value, &type, &elements, &data, nullptr, nullptr) != napi_ok || elements < least ||
      value.As<Napi::TypedArray>().ElementSize() != sizeof(Element) || reinterpret_cast<uintptr_t>(data) % sizeof(Element) != 0) {
    throw Napi::TypeError::New(value.Env(), "a typed array is missing, too short or of the wrong kind");
  }
  if (length != nullptr) *length = elements;
  return static_cast<Element*>(data);
}

inline Napi::Array ArrayArgument(const Napi::Value& value, uint32_t length) {
  if (!value.IsArray() || value.As<Napi::Array>().Length() != length) {
    throw Napi::TypeError::New(value.Env(), "an array is missing or not as long as the others");
  }
  return value.As<Napi::Array>();
}

inline Napi::Object ObjectArgument(const Napi::Value& value) {
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), "an object is missing");
  return value.As<Napi::Object>();
}

// A native object in script's hands. Externals have no type of their own: the tag tells them apart.
template <typename Kind>
Napi::Value Hand(Napi::Env env, std::unique_ptr<Kind> object) {
  auto value = Napi::External<Kind>::New(env, object.release(), [](Napi::Env, Kind* done) { delete done; });
  value.TypeTag(&Kind::kTag);
  return value;
}

template <typename Kind>
Kind* Handed(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<Kind>>().CheckTypeTag(&Kind::kTag)) {
    throw Napi::TypeError::New(value.Env(), "this is not what the function was made for");
  }
  return value.As<Napi::External<Kind>>().Data();
}

}  // namespace bricks
