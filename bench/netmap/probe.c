#include "probe.h"

#include <arpa/inet.h>
#include <string.h>

static const uint32_t MARK = 0x62726963; /* "bric" */

static void put16(char *at, uint32_t value) {
  at[0] = (char)(value >> 8);
  at[1] = (char)value;
}

static uint16_t get16(const char *at) { return (uint16_t)((uint8_t)at[0] << 8 | (uint8_t)at[1]); }

static uint16_t header_checksum(const char *header) {
  uint32_t sum = 0;
  for (int i = 0; i < 20; i += 2) sum += get16(header + i);
  sum = (sum >> 16) + (sum & 0xffff);
  sum += sum >> 16;
  return (uint16_t)~sum;
}

void probe_header(char *frame, uint32_t flow, uint16_t length, const uint8_t *target, const uint8_t *source) {
  char *ip = frame + 14, *udp = frame + 34;
  memset(frame, 0, length);
  memcpy(frame, target, 6);
  memcpy(frame + 6, source, 6);
  put16(frame + 12, 0x0800);
  ip[0] = 0x45;
  put16(ip + 2, length - 14u);
  ip[8] = 64;
  ip[9] = 17;
  /* 10.0.0.0/8 talks to 172.16.0.0/12: addresses and ports all tell flows apart. */
  uint32_t from = 0x0a000001 + flow, to = 0xac100001 + flow % 251;
  put16(ip + 12, from >> 16);
  put16(ip + 14, from);
  put16(ip + 16, to >> 16);
  put16(ip + 18, to);
  put16(ip + 10, header_checksum(ip));
  put16(udp, 1024 + flow % 60000);
  put16(udp + 2, 9);
  put16(udp + 4, length - 34u);
}

void probe_payload(char *frame, uint32_t flow, uint64_t sequence) {
  char *payload = frame + PROBE_HEADER_BYTES;
  memcpy(payload, &sequence, 8);
  memcpy(payload + 8, &flow, 4);
  memcpy(payload + 12, &MARK, 4);
}

bool probe_read(const char *frame, uint16_t length, uint32_t *flow, uint64_t *sequence) {
  for (int tags = 0; tags < 2 && length >= PROBE_BYTES_MIN + 4; tags++) {
    uint16_t type = get16(frame + 12);
    if (type != 0x8100 && type != 0x88a8) break;
    frame += 4;
    length = (uint16_t)(length - 4);
  }
  const char *payload = frame + PROBE_HEADER_BYTES;
  if (length < PROBE_BYTES_MIN || memcmp(payload + 12, &MARK, 4) != 0) return false;
  memcpy(sequence, payload, 8);
  memcpy(flow, payload + 8, 4);
  return true;
}
