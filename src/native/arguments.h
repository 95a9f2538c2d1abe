// Arguments from script, checked: whatever is given, the answer is an exception or what was meant.
#pragma once

#include <napi.h>

#include <cmath>
#include <cstdint>
#include <string>

#include "name_bytes.h"

namespace bricks {

// A whole number from 0 to `most`.
inline uint32_t WholeNumber(const Napi::Value& value, const std::string& what, uint32_t most = UINT32_MAX) {
  if (!value.IsNumber()) throw Napi::TypeError::New(value.Env(), what + " must be a number");
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0 && number <= most) || number != std::floor(number)) {
    throw Napi::RangeError::New(value.Env(), what + " must be a whole number from 0 to " + std::to_string(most));
  }
  return static_cast<uint32_t>(number);
}

inline int DescriptorArgument(const Napi::Value& value) { return static_cast<int>(WholeNumber(value, "a descriptor", INT32_MAX)); }

// Text that the system can take: it ends at a zero byte.
inline std::string TextArgument(const Napi::Value& value, const std::string& what) {
  if (!value.IsString()) throw Napi::TypeError::New(value.Env(), what + " must be a string");
  std::string text = BytesOfText(value.As<Napi::String>());
  if (text.find('\0') != std::string::npos) throw Napi::TypeError::New(value.Env(), what + " must not contain a zero byte");
  return text;
}

}  // namespace bricks
