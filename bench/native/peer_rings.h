// Rings for a C peer, filled with packets.
#pragma once

#include "netmap_rings.h"
#include "peer.h"
#include "traffic.h"

static inline void peer_fill(struct bench_rings *rings, struct bench_ring *ring, const struct bench_traffic *traffic) {
  for (uint32_t k = 0; k <= ring->mask; k++) {
    const uint32_t buffer = ring->slots[k].buffer;
    ring->slots[k].length = (uint16_t)bench_packet(rings->memory + (size_t)buffer * BENCH_BUFFER_SIZE, buffer, traffic);
  }
}

// Reads --slots, --huge, --kind, --length and --flows. Answers 0 where there is not enough memory.
static inline int peer_rings(struct bench_rings *rings, uint32_t outputs, int count, char **values) {
  const struct bench_traffic traffic = {peer_option(count, values, "--kind", "ipv4"), (uint32_t)peer_number(count, values, "--length", 60),
                                        (uint32_t)peer_number(count, values, "--flows", 0)};
  const uint32_t slots = (uint32_t)peer_number(count, values, "--slots", 1024);
  if (!bench_rings_create(rings, outputs, slots, peer_number(count, values, "--huge", 0) != 0)) return 0;
  peer_fill(rings, rings->receive, &traffic);
  for (uint32_t k = 0; k < outputs; k++) peer_fill(rings, rings->send[k], &traffic);
  return 1;
}
