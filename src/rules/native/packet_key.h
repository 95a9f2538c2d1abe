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

// What rules about IPv4 addresses and ports look at, and all that most packets have.
struct PlainKey {
  uint32_t meta;
  // Of IPv4.
  uint32_t source;
  uint32_t destination;
  uint32_t ports;
  // Of TCP.
  uint32_t flags;
};

// What follows the IP header, at `at`. False where it may be more headers.
BRICKS_INLINE bool ReadTransport(const uint8_t* packet, uint32_t length, uint32_t at, uint8_t protocol, bool inner, PlainKey& key) {
  key.ports = key.flags = 0;
  key.meta |= kMetaMacs | kMetaProtocol | uint32_t{protocol} << kMetaProtocolShift;
  if (!HasPorts(protocol)) return IsPlainProtocol(protocol);
  if (length < at + 4) return true;
  key.ports = Big32(packet + at);
  key.meta |= kMetaPorts;
  if (inner && protocol == 17 && MayEncapsulate(key.ports)) return false;
  // All bits for TCP, none for UDP: no branch to guess, as in HasPorts.
  if (length >= at + 14) key.flags = packet[at + 13] & (0u - ((protocol >> 4 & 1u) ^ 1u));
  return true;
}

BRICKS_INLINE bool ReadIpv4Key(const uint8_t* packet, uint32_t length, uint32_t at, bool inner, PlainKey& key) {
  if ((Load16(packet + at + 6) & 0xff3f) != 0) return false;
  key.source = Big32(packet + at + 12);
  key.destination = Big32(packet + at + 16);
  key.meta = 4;
  return ReadTransport(packet, length, at + 20, packet[at + 9], inner, key);
}

// With a VLAN tag, or IPv6.
__attribute__((noinline)) inline bool ReadOtherKey(const uint8_t* packet, uint32_t length, bool inner, PlainKey& key, uint32_t* ipv6) {
  uint32_t at = 14;
  uint16_t type = Big16(packet + 12);
  if (type == 0x8100) {
    type = Big16(packet + 16);
    at = 18;
  }
  if (type == 0x0800) return length >= at + 20 && packet[at] == 0x45 && ReadIpv4Key(packet, length, at, inner, key);
  if (type != 0x86dd || length < at + 40 || packet[at] >> 4 != 6) return false;
  for (uint32_t word = 0; ipv6 != nullptr && word < 8; word++) ipv6[word] = Big32(packet + at + 8 + 4 * word);
  key.source = key.destination = 0;
  key.meta = 6;
  return ReadTransport(packet, length, at + 40, packet[at + 6], inner, key);
}

// False: it is not such a packet. Bytes [packet, packet + length) are read, never more. `ipv6` gets the addresses of IPv6, if it is not null.
BRICKS_INLINE bool ReadPlainKey(const uint8_t* packet, uint32_t length, bool inner, PlainKey& key, uint32_t* ipv6) {
  if (length < 34) return false;
  // The most frequent kind, all of whose places are known: untagged IPv4 without options.
  if ((Load32(packet + 12) & 0xffffff) == 0x450008) return ReadIpv4Key(packet, length, 14, inner, key);
  // By another variable, so that the key stays in registers otherwise.
  PlainKey other = {};
  const bool plain = ReadOtherKey(packet, length, inner, other, ipv6);
  key = other;
  return plain;
}

// Whole keys, or those words of them that rules about IPv4 addresses and ports look at.
template <bool whole>
BRICKS_INLINE bool ReadPacketKey(const uint8_t* packet, uint32_t length, bool inner, uint32_t* key) {
  PlainKey plain;
  if (whole) std::memset(key + 1, 0, (kKeyWords - 1) * sizeof *key);
  if (!ReadPlainKey(packet, length, inner, plain, whole ? key + kKeySource : nullptr)) {
    key[kKeyMeta] = kMetaUnread;
    return false;
  }
  key[kKeyMeta] = plain.meta;
  if (!whole || (plain.meta & 15) == 4) {
    key[kKeySource] = plain.source;
    key[kKeyDestination] = plain.destination;
  }
  key[kKeyPorts] = plain.ports;
  key[kKeyFlags] = plain.flags;
  for (uint32_t word = 0; whole && word < 3; word++) key[kKeyMacs + word] = Big32(packet + 4 * word);
  return true;
}

}  // namespace rules
}  // namespace bricks
