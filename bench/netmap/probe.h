/*
 * What the tools' packets look like: Ethernet, IPv4, UDP, and in its payload which flow and which
 * packet of that flow it is. 58 bytes at least, so the shortest Ethernet frame has room.
 */
#ifndef NETMAP_BENCH_PROBE_H
#define NETMAP_BENCH_PROBE_H

#include <stdbool.h>
#include <stdint.h>

enum { PROBE_HEADER_BYTES = 42, PROBE_BYTES_MIN = 58, PROBE_BYTES_MAX = 2048 };

/* Writes addresses, ports and lengths of a flow's packets: once for each flow and length. */
void probe_header(char *frame, uint32_t flow, uint16_t length, const uint8_t *target, const uint8_t *source);
void probe_payload(char *frame, uint32_t flow, uint64_t sequence);
/* Whether it is one of ours (with up to two VLAN tags); then flow and sequence. */
bool probe_read(const char *frame, uint16_t length, uint32_t *flow, uint64_t *sequence);

#endif
