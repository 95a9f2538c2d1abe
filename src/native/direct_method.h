// Methods for the data path, called once a batch or more. A method of node-addon-api's ObjectWrap finds its C++ object by a
// look-up of a private property and costs 100 ns a call; a function that carries the pointer costs 20
// (docs/decisions/0016-direct-methods.md).
#pragma once

#include <napi.h>

namespace bricks {

namespace direct_method {

template <typename Class, int32_t (Class::*Method)(Napi::Env, const int32_t*), size_t Arguments>
napi_value Call(napi_env env, napi_callback_info info) {
  void* instance = nullptr;
  size_t count = Arguments;
  napi_value values[Arguments + 1];
  int32_t numbers[Arguments + 1];
  if (napi_get_cb_info(env, info, &count, values, nullptr, &instance) != napi_ok) return nullptr;
  for (size_t k = 0; k < Arguments; k++) {
    if (napi_get_value_int32(env, values[k], numbers + k) != napi_ok) {
      napi_throw_type_error(env, nullptr, "a whole number is wanted");
      return nullptr;
    }
  }
  napi_value result = nullptr;
  try {
    napi_create_int32(env, (static_cast<Class*>(instance)->*Method)(env, numbers), &result);
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
    return nullptr;
  }
  return result;
}

}  // namespace direct_method

// Gives the object its method `name` with so many whole numbers for arguments; it returns one. The function keeps the
// object alive: it may be called by a holder of the function alone.
template <typename Class, int32_t (Class::*Method)(Napi::Env, const int32_t*), size_t Arguments = 0>
void DefineDirectMethod(Napi::Object object, Class* instance, const char* name) {
  const Napi::Env env = object.Env();
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, &direct_method::Call<Class, Method, Arguments>, instance, &function) != napi_ok) {
    throw Napi::Error::New(env);
  }
  const Napi::Function made(env, function);
  made.DefineProperty(Napi::PropertyDescriptor::Value("owner", object, napi_default));
  object.DefineProperty(Napi::PropertyDescriptor::Value(name, made, napi_default));
}

}  // namespace bricks
