// What flow columns hold, and how a packet's numbers are read for them.
#pragma once

#include <cstdint>
#include <cstring>

#include "contract.h"

namespace bricks {

// What stands in for ports where a packet has none (source << 16 | destination).
constexpr uint32_t kConstantPorts = 0xFDFFFEFFu;

inline uint16_t Load16(const uint8_t* at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline uint32_t Load32(const uint8_t* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline uint64_t Load64(const uint8_t* at) {
  uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline uint16_t Fold64(uint64_t value) {
  const uint32_t half = static_cast<uint32_t>(value) ^ static_cast<uint32_t>(value >> 32);
  return __builtin_bswap16(static_cast<uint16_t>(half ^ (half >> 16)));
}

// TCP or UDP, in one step: which of the two a packet is no processor can guess, and a wrong guess costs 5 ns.
inline bool HasPorts(uint8_t protocol) { return ((0x20040u >> (protocol & 31)) & (protocol < 32 ? 1u : 0u)) != 0; }

inline int32_t FlowWord(FlowKind kind, uint16_t addresses, uint32_t ports) {
  return (kind << 16) | static_cast<uint16_t>(addresses ^ ((ports >> 16) + 1) ^ (ports + 1));
}

}  // namespace bricks
