// Packets are short, mostly: steps of 16 bytes in line instead of a call. Reads and writes the packet's bytes and no others.
#pragma once

#include <cstdint>
#include <cstring>

namespace bricks {

inline __attribute__((always_inline)) void CopyPacket(uint8_t* to, const uint8_t* from, uint32_t length) {
  if (length < 16 || length > 256) {
    std::memcpy(to, from, length);
    return;
  }
  const uint8_t* const lastFrom = from + length - 16;
  uint8_t* const lastTo = to + length - 16;
  for (; to < lastTo; to += 16, from += 16) std::memcpy(to, from, 16);
  std::memcpy(lastTo, lastFrom, 16);
}

}  // namespace bricks
