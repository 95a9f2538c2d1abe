// Names of files are any bytes; script holds those that are not UTF-8 as U+DC80 to U+DCFF (src/model/file-name.ts).
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

namespace bricks {

constexpr char16_t kEscapedByte = 0xdc00;

inline void AppendUtf8(std::string* bytes, uint32_t point) {
  const auto tail = [&](int shift) { bytes->push_back(static_cast<char>(0x80 | ((point >> shift) & 0x3f))); };
  if (point < 0x80) {
    bytes->push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    bytes->push_back(static_cast<char>(0xc0 | (point >> 6)));
    tail(0);
  } else if (point < 0x10000) {
    bytes->push_back(static_cast<char>(0xe0 | (point >> 12)));
    tail(6);
    tail(0);
  } else {
    bytes->push_back(static_cast<char>(0xf0 | (point >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

// The bytes that a string stands for.
inline std::string BytesOfText(const Napi::String& text) {
  const std::u16string units = text.Utf16Value();
  std::string bytes;
  bytes.reserve(units.size());
  for (size_t at = 0; at < units.size(); ++at) {
    const char16_t unit = units[at];
    const bool pair = unit >= 0xd800 && unit < 0xdc00 && at + 1 < units.size() && units[at + 1] >= 0xdc00 && units[at + 1] < 0xe000;
    if (pair) {
      AppendUtf8(&bytes, 0x10000 + ((static_cast<uint32_t>(unit) - 0xd800) << 10) + (units[++at] - 0xdc00u));
    } else if (unit >= kEscapedByte + 0x80 && unit <= kEscapedByte + 0xff) {
      bytes.push_back(static_cast<char>(unit - kEscapedByte));
    } else {
      AppendUtf8(&bytes, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
    }
  }
  return bytes;
}

// The character that begins here, of `length` bytes; false if it is not UTF-8.
inline bool NextCharacter(const uint8_t* bytes, size_t left, uint32_t* point, size_t* length) {
  const uint8_t first = bytes[0];
  *length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first >= 0x80 && (first < 0xc2 || first > 0xf4)) return false;
  if (*length > left) return false;
  *point = *length == 1 ? first : first & (0x7fu >> *length);
  for (size_t at = 1; at < *length; ++at) {
    if ((bytes[at] & 0xc0) != 0x80) return false;
    *point = *point << 6 | (bytes[at] & 0x3f);
  }
  // Neither longer than need be, nor half of a pair, nor beyond the last character.
  if ((*length == 3 && *point < 0x800) || (*length == 4 && *point < 0x10000)) return false;
  return (*point < 0xd800 || *point > 0xdfff) && *point <= 0x10ffff;
}

// The string that stands for these bytes.
inline Napi::String TextOfBytes(Napi::Env env, const char* bytes, size_t size) {
  const auto* from = reinterpret_cast<const uint8_t*>(bytes);
  std::u16string units;
  units.reserve(size);
  for (size_t at = 0; at < size;) {
    uint32_t point = 0;
    size_t length = 0;
    if (!NextCharacter(from + at, size - at, &point, &length)) {
      units.push_back(static_cast<char16_t>(kEscapedByte + from[at++]));
      continue;
    }
    at += length;
    if (point < 0x10000) {
      units.push_back(static_cast<char16_t>(point));
    } else {
      units.push_back(static_cast<char16_t>(0xd800 + ((point - 0x10000) >> 10)));
      units.push_back(static_cast<char16_t>(0xdc00 + ((point - 0x10000) & 0x3ff)));
    }
  }
  return Napi::String::New(env, units);
}

}  // namespace bricks
