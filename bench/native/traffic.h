// The packets that the benchmarks move: made once, the same ones for the engine and for its peers.
#pragma once

#include <stdint.h>
#include <string.h>

// Lengths of 0 stand for a mix of sizes (IMIX: 7 of 60 bytes, 4 of 590, 1 of 1,514).
struct bench_traffic {
  const char *kind;  // one of bench_packet's
  uint32_t length;
  uint32_t flows;  // 0: each packet a flow of its own
};

static inline uint64_t bench_random(uint64_t number) {
  number += 0x9e3779b97f4a7c15u;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9u;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebu;
  return number ^ (number >> 31);
}

static inline void bench_put16(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static inline uint32_t bench_length(const struct bench_traffic *traffic, uint64_t random) {
  if (traffic->length != 0) return traffic->length;
  const uint32_t part = random % 12;
  return part < 7 ? 60 : part < 11 ? 590 : 1514;
}

static inline uint32_t bench_ip(uint8_t *ip, uint32_t bytes, uint64_t flow, int six, int fragment) {
  const uint64_t a = bench_random(flow * 4 + 1), b = bench_random(flow * 4 + 2), c = bench_random(flow * 4 + 3);
  const uint8_t protocol = flow & 1 ? 6 : 17;
  if (six) {
    ip[0] = 0x60;
    bench_put16(ip + 4, bytes - 40);
    ip[6] = protocol;
    ip[7] = 64;
    memcpy(ip + 8, &a, 8);
    memcpy(ip + 16, &b, 8);
    memcpy(ip + 24, &b, 8);
    memcpy(ip + 32, &c, 8);
    memcpy(ip + 40, &b, 4);
    return 40;
  }
  ip[0] = 0x45;
  bench_put16(ip + 2, bytes);
  if (fragment) bench_put16(ip + 6, 0x2000);
  ip[8] = 64;
  ip[9] = protocol;
  memcpy(ip + 12, &a, 8);
  memcpy(ip + 20, &b, 4);
  return 20;
}

// A fragment: of four of a datagram, in the order of their numbers, or always a later one whose first never comes.
static inline uint32_t bench_fragment(uint8_t *packet, uint64_t number, uint32_t length, int orphan) {
  const uint64_t datagram = orphan ? number : number >> 2;
  const uint32_t part = orphan ? 1 : number & 3;
  uint8_t *ip = packet + 14;
  const uint32_t offset = part * 64;
  bench_put16(packet + 12, datagram & 2 ? 0x86dd : 0x0800);
  if (datagram & 2) {
    if (length < 14 + 48 + 8) length = 14 + 48 + 8;
    bench_ip(ip, length - 14, datagram, 1, 0);
    ip[40] = ip[6];
    ip[6] = 44;
    ip[41] = 0;
    bench_put16(ip + 42, (offset << 3) | (part < 3));
    bench_put16(ip + 44, (uint32_t)(datagram >> 16));
    bench_put16(ip + 46, (uint32_t)datagram);
    memset(ip + 48, 7, 8);
  } else {
    bench_ip(ip, length - 14, datagram, 0, 0);
    bench_put16(ip + 4, (uint32_t)datagram);
    bench_put16(ip + 6, (part < 3 ? 0x2000 : 0) | offset);
  }
  return length;
}

// IPv6 with one extension header or two, and IPv4 behind what flow columns do not look through: labels, PPPoE, a third tag, SNAP.
static inline uint32_t bench_wrapped(uint8_t *packet, uint64_t number, uint32_t length, int extension) {
  static const uint8_t shells[4][20] = {
      {0x88, 0x47, 0, 1, 0x01, 64, 0, 2, 0x00, 64, 0, 3, 0x01, 64},
      {0x88, 0x64, 0x11, 0, 0, 7, 0, 80, 0, 0x21},
      {0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x81, 0, 0, 3, 0x08, 0},
      {0, 80, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0}};
  static const uint8_t sizes[4] = {6, 10, 14, 10};
  if (length < 100) length = 100;
  if (!extension) {
    const uint32_t shell = number & 3;
    memcpy(packet + 12, shells[shell], sizes[shell]);
    bench_ip(packet + 12 + sizes[shell], length - 12 - sizes[shell], number, 0, 0);
    return length;
  }
  uint8_t *ip = packet + 14;
  bench_put16(packet + 12, 0x86dd);
  bench_ip(ip, length - 14, number, 1, 0);
  const uint32_t headers = 1 + (number & 1);
  memmove(ip + 40 + 8 * headers, ip + 40, 4);
  memset(ip + 40, 0, 8 * headers);
  ip[40 + 8 * (headers - 1)] = ip[6];
  if (headers == 2) ip[40] = 60;
  ip[6] = 0;
  return length;
}

// A frame in VXLAN.
static inline uint32_t bench_tunnelled(uint8_t *packet, uint64_t flow, uint32_t length) {
  if (length < 50 + 60) length = 50 + 60;
  bench_put16(packet + 12, 0x0800);
  bench_ip(packet + 14, length - 14, flow | 1, 0, 0);
  packet[23] = 17;
  bench_put16(packet + 36, 4789);
  bench_put16(packet + 38, length - 34);
  memset(packet + 40, 0, 60);
  packet[42] = 8;
  memcpy(packet + 50, packet, 14);
  bench_ip(packet + 64, length - 64, flow, 0, 0);
  return length;
}

// Writes packet `number` into a buffer and returns its length. Kinds: "ipv4", "ipv6", "vlan", "mixed" (of these, fragments and ARP),
// "malformed", "fragments", "orphans" (fragments whose first never comes), "arp", "wrapped", "extensions" and "vxlan".
static inline uint32_t bench_packet(uint8_t *packet, uint64_t number, const struct bench_traffic *traffic) {
  const uint64_t random = bench_random(number ^ 0x5bd1e995);
  if (strcmp(traffic->kind, "malformed") == 0) {
    // Rubbish behind any type, and often too short for what it says it is.
    for (uint32_t k = 0; k < 64; k += 8) {
      const uint64_t rubbish = bench_random(number * 8 + k);
      memcpy(packet + k, &rubbish, 8);
    }
    bench_put16(packet + 12, random & 1 ? 0x0800 : random & 2 ? 0x86dd : 0x8100);
    if (random & 4) packet[14] = 0x45;
    return 14 + (uint32_t)(random >> 16) % 47;
  }
  const uint32_t length = bench_length(traffic, random >> 16);
  const uint64_t flow = traffic->flows ? random % traffic->flows : number;
  int six = strcmp(traffic->kind, "ipv6") == 0;
  int tags = strcmp(traffic->kind, "vlan") == 0;
  int fragment = 0, other = strcmp(traffic->kind, "arp") == 0;
  if (strcmp(traffic->kind, "mixed") == 0) {
    six = (random & 7) == 1;
    tags = (random & 7) == 2;
    fragment = (random & 31) == 3;
    other = (random & 31) == 4;
  }
  memset(packet, 0, 64);
  for (int k = 0; k < 12; k++) packet[k] = (uint8_t)(2 + k);
  if (strcmp(traffic->kind, "fragments") == 0) return bench_fragment(packet, number, length, 0);
  if (strcmp(traffic->kind, "orphans") == 0) return bench_fragment(packet, number, length, 1);
  if (strcmp(traffic->kind, "wrapped") == 0) return bench_wrapped(packet, number, length, 0);
  if (strcmp(traffic->kind, "vxlan") == 0) return bench_tunnelled(packet, flow, length);
  if (strcmp(traffic->kind, "extensions") == 0) return bench_wrapped(packet, number, length, 1);
  uint32_t at = 12;
  if (tags) {
    bench_put16(packet + at, 0x8100);
    bench_put16(packet + at + 2, 7);
    at += 4;
  }
  bench_put16(packet + at, other ? 0x0806 : six ? 0x86dd : 0x0800);
  at += 2;
  if (!other) bench_ip(packet + at, length - at, flow, six, fragment);
  return length;
}
