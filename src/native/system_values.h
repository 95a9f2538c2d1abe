// What the system gives, as script gets it.
#pragma once

#include <napi.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>

namespace bricks {

// An error with its number.
inline Napi::Error SystemError(Napi::Env env, const std::string& what, int number) {
  Napi::Error made = Napi::Error::New(env, what + ": " + std::strerror(number));
  made.Set("errno", Napi::Number::New(env, number));
  return made;
}

template <typename Numbers>
Napi::Array NumberArray(Napi::Env env, const Numbers& numbers) {
  Napi::Array made = Napi::Array::New(env);
  uint32_t at = 0;
  for (const auto number : numbers) made.Set(at++, Napi::Number::New(env, number));
  return made;
}

// [readable, writable]
inline Napi::Array DescriptorPair(Napi::Env env, int readable, int writable) { return NumberArray(env, std::initializer_list<int>{readable, writable}); }

}  // namespace bricks
