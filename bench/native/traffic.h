// The packets that the benchmarks move: made once, the same ones for the engine and for its peers.
#pragma once

#include <stdint.h>
#include <string.h>

// Lengths of 0 stand for a mix of sizes (IMIX: 7 of 60 bytes, 4 of 590, 1 of 1,514).
struct bench_traffic {
  const char *kind;  // "ipv4", "ipv6", "vlan", "mixed" or "malformed"
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

// Writes packet `number` into a buffer and answers its length.
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
  int fragment = 0, other = 0;
  if (strcmp(traffic->kind, "mixed") == 0) {
    six = (random & 7) == 1;
    tags = (random & 7) == 2;
    fragment = (random & 31) == 3;
    other = (random & 31) == 4;
  }
  memset(packet, 0, 64);
  for (int k = 0; k < 12; k++) packet[k] = (uint8_t)(2 + k);
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
