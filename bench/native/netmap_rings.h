// Rings in memory, laid out as netmap's: what the load balancing benchmark receives from and sends to,
// both through the engine and in the hand-written C loop.
#pragma once

#include <stdint.h>

#define BENCH_SLOTS 1024u
#define BENCH_BUFFER_SIZE 2048u

struct bench_slot {
  uint32_t buffer;
  uint16_t length;
  uint16_t flags;
  uint64_t pointer;
};

struct bench_ring {
  uint32_t head;
  uint32_t reserved[63];
  struct bench_slot slots[BENCH_SLOTS];
};
