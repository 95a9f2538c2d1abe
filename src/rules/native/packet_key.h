// The key of most packets, by which rules are found: Ethernet with one VLAN tag or none, and IP without options or extension headers, whole. All others are left
// to src/rules/packet-key.ts, which computes the same for these too.
#pragma once

#include <cstdint>
#include <cstring>

#include "flow_word.h"
#include "rule_hash.h"

namespace bricks {
namespace rules {

inline uint32_t Big32(const uint8_t* at) { return __builtin_bswap32(Load32(at)); }
inline uint16_t Big16(const uint8_t* at) { return __builtin_bswap16(Load16(at)); }

// Protocols that may hold a packet, and extension headers: what is behind them is a longer story.
inline bool IsPlainProtocol(uint8_t protocol) {
  switch (protocol) {
    case 0: case 4: case 41: case 43: case 44: case 47: case 51: case 60: case 103: case 135: case 139: case 140:
      return false;
    default:
      return true;
  }
}

// By their ports UDP packets may hold another (src/flow/tunnels.ts).
inline bool MayEncapsulate(uint32_t ports) {
  switch (ports & 0xffff) {
    case 4789: case 2152: case 6081: case 8472: case 4790: case 4754: case 3544:
      return true;
    default:
      return ports >> 16 == 3544;
  }
}

// False: it is not such a packet, and only KEY_META is written. Bytes [packet, packet + length) are read, never more.
BRICKS_INLINE bool ReadPacketKey(const uint8_t* packet, uint32_t length, bool inner, uint32_t* key) {
  key[kKeyMeta] = kMetaUnread;
  if (length < 34) return false;
  std::memset(key + 1, 0, (kKeyWords - 1) * sizeof *key);
  uint32_t at = 14;
  uint16_t type = Big16(packet + 12);
  if (type == 0x8100) {
    type = Big16(packet + 16);
    at = 18;
  }
  uint8_t protocol;
  uint32_t meta = kMetaMacs | kMetaProtocol;
  if (type == 0x0800) {
    if (length < at + 20 || packet[at] != 0x45 || (Big16(packet + at + 6) & 0x3fff) != 0) return false;
    protocol = packet[at + 9];
    key[kKeySource] = Big32(packet + at + 12);
    key[kKeyDestination] = Big32(packet + at + 16);
    meta |= 4;
    at += 20;
  } else if (type == 0x86dd) {
    if (length < at + 40 || packet[at] >> 4 != 6) return false;
    protocol = packet[at + 6];
    for (uint32_t word = 0; word < 8; word++) key[kKeySource + word] = Big32(packet + at + 8 + 4 * word);
    meta |= 6;
    at += 40;
  } else {
    return false;
  }
  if (!HasPorts(protocol)) {
    if (!IsPlainProtocol(protocol)) return false;
  } else if (length >= at + 4) {
    key[kKeyPorts] = Big32(packet + at);
    meta |= kMetaPorts;
    if (inner && protocol == 17 && MayEncapsulate(key[kKeyPorts])) return false;
    // All bits for TCP, none for UDP: no branch to guess, as in HasPorts.
    if (length >= at + 14) key[kKeyFlags] = packet[at + 13] & (0u - ((protocol >> 4 & 1u) ^ 1u));
  }
  for (uint32_t word = 0; word < 3; word++) key[kKeyMacs + word] = Big32(packet + 4 * word);
  key[kKeyMeta] = meta | (uint32_t{protocol} << kMetaProtocolShift);
  return true;
}

}  // namespace rules
}  // namespace bricks
