// Puts a VLAN tag that the kernel keeps apart back into its frame.
#pragma once

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <cstdint>
#include <cstring>

namespace bricks {

constexpr uint32_t kVlanTagBytes = 4;
constexpr uint32_t kAddressBytes = 2 * ETH_ALEN;

// Whether a status and a tag, as the kernel reports them, mean that there is one.
inline bool HasVlanTag(uint32_t status, uint32_t tci) { return tci != 0 || (status & TP_STATUS_VLAN_VALID) != 0; }

// Before the type, where it was on the wire; the frame must have its addresses. Returns where it begins now: kVlanTagBytes earlier.
inline uint8_t* InsertVlanTag(uint8_t* frame, uint32_t status, uint32_t tci, uint16_t tpid) {
  const bool knowsType = tpid != 0 || (status & TP_STATUS_VLAN_TPID_VALID) != 0;
  const uint16_t words[2] = {__builtin_bswap16(knowsType ? tpid : uint16_t{ETH_P_8021Q}), __builtin_bswap16(static_cast<uint16_t>(tci))};
  uint8_t* const begin = frame - kVlanTagBytes;
  std::memmove(begin, frame, kAddressBytes);
  std::memcpy(begin + kAddressBytes, words, sizeof words);
  return begin;
}

}  // namespace bricks
