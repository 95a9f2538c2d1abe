// The flow word of a packet as a C programmer writes it who wants the speed: the same checks as the
// engine makes (captured length, version, options, fragments, extension headers), no more.
#pragma once

#include <stdint.h>
#include <string.h>

static inline uint16_t peer_load16(const uint8_t *at) {
  uint16_t value;
  memcpy(&value, at, 2);
  return value;
}

static inline uint32_t peer_load32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return value;
}

static inline uint64_t peer_load64(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, 8);
  return value;
}

static inline uint32_t peer_fold(uint64_t value) {
  const uint32_t half = (uint32_t)value ^ (uint32_t)(value >> 32);
  return __builtin_bswap16((uint16_t)(half ^ (half >> 16)));
}

static inline int peer_is_tag(uint16_t type) { return type == 0x0081 || type == 0xa888 || type == 0x0091; }

// TCP or UDP in one step: no processor can guess which of the two comes.
static inline int peer_has_ports(uint8_t protocol) { return (0x20040u >> (protocol & 31)) & (protocol < 32); }

// What most packets are, by a few wide loads and comparisons: IP without options or extension headers, whole, TCP or UDP, tagged once or not. -1 for others.
static inline int32_t peer_common_word(const uint8_t *at, uint32_t length, uint32_t seed) {
  if (length < 38) return -1;
  uint64_t type = peer_load64(at + 12);
  if (__builtin_expect((uint16_t)type == 0x0081, 0)) {
    type >>= 32;
    at += 4;
    length -= 4;
    if (length < 38) return -1;
  }
  uint64_t folded;
  uint32_t both;
  if ((type & 0xffffff) == 0x450008) {
    const uint64_t flags_to_source = peer_load64(at + 20);
    if ((flags_to_source & 0xff3f) != 0 || !peer_has_ports((uint8_t)(flags_to_source >> 24))) return -1;
    folded = peer_load64(at + 26);
    both = __builtin_bswap32(peer_load32(at + 34));
  } else if ((type & 0xf0ffff) == 0x60dd86 && length >= 58) {
    if (!peer_has_ports(at[20])) return -1;
    folded = peer_load64(at + 22) ^ peer_load64(at + 30) ^ peer_load64(at + 38) ^ peer_load64(at + 46);
    both = __builtin_bswap32(peer_load32(at + 54));
  } else {
    return -1;
  }
  return (int32_t)((peer_fold(folded) ^ ((both >> 16) + seed) ^ (both + seed)) & 0xffff);
}

// Counts what has no flow, or none that is plain to see: these go by addresses, or to output 0.
static inline uint32_t peer_flow_word(const uint8_t *packet, uint32_t length, uint32_t seed, int ports, uint64_t *uncommon) {
  const uint32_t constant = ((0xfdff + seed) ^ (0xfeff + seed)) & 0xffff;
  if (ports) {
    const int32_t word = peer_common_word(packet, length, seed);
    if (word >= 0) return (uint32_t)word;
  }
  uint32_t network = 14;
  if (length < 34) return (*uncommon)++, 0;
  uint16_t type = peer_load16(packet + 12);
  for (int tags = 0; tags < 2 && peer_is_tag(type); tags++) {
    type = peer_load16(packet + network + 2);
    network += 4;
  }
  const uint8_t *ip = packet + network;
  uint32_t addresses, transport;
  uint8_t protocol;
  if (type == 0x0008) {
    if (length < network + 20 || (ip[0] >> 4) != 4 || (ip[0] & 15) < 5) return (*uncommon)++, 0;
    addresses = peer_fold(peer_load64(ip + 12));
    if (peer_load16(ip + 6) & 0xff3f) return (*uncommon)++, addresses ^ constant;
    protocol = ip[9];
    transport = network + ((ip[0] & 15u) << 2);
  } else if (type == 0xdd86) {
    if (length < network + 40 || (ip[0] >> 4) != 6) return (*uncommon)++, 0;
    addresses = peer_fold(peer_load64(ip + 8) ^ peer_load64(ip + 16) ^ peer_load64(ip + 24) ^ peer_load64(ip + 32));
    protocol = ip[6];
    transport = network + 40;
  } else {
    return (*uncommon)++, 0;
  }
  if (!ports || !peer_has_ports(protocol)) return addresses ^ constant;
  if (length < transport + 4) return (*uncommon)++, addresses ^ constant;
  const uint32_t both = __builtin_bswap32(peer_load32(packet + transport));
  return (addresses ^ ((both >> 16) + seed) ^ (both + seed)) & 0xffff;
}

struct peer_hash {
  uint32_t high[256];
  uint32_t low[256];
};

static inline void peer_hash_create(struct peer_hash *hash) {
  const uint32_t key = 0x506d506d;
  memset(hash, 0, sizeof *hash);
  for (uint32_t byte = 0; byte < 256; byte++) {
    for (uint32_t bit = 0; bit < 8; bit++) {
      if (!(byte & (0x80u >> bit))) continue;
      hash->high[byte] ^= bit ? (key << bit) | (key >> (32 - bit)) : key;
      hash->low[byte] ^= (key << (8 + bit)) | (key >> (24 - bit));
    }
  }
}
