// A packet's head: its first bytes, with zeros behind a shorter packet.
#pragma once

#include <cstdint>
#include <cstring>

namespace bricks {


// Bytes [packet, packet + length) are read, never more. Most packets of a network are 60 bytes or longer: two copies that overlap.
inline void CopyHead(uint8_t* head, const uint8_t* packet, uint32_t length) {
  constexpr uint32_t kHalf = kHeaderBytes / 2;
  if (length >= kHeaderBytes) {
    std::memcpy(head, packet, kHeaderBytes);
  } else if (length >= kHalf) {
    std::memset(head + kHalf, 0, kHalf);
    std::memcpy(head, packet, kHalf);
    std::memcpy(head + length - kHalf, packet + length - kHalf, kHalf);
  } else {
    std::memset(head, 0, kHeaderBytes);
    std::memcpy(head, packet, length);
  }
}

}  // namespace bricks
