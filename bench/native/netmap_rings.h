// Rings in memory, laid out as netmap's: what the benchmarks receive from and send to, through the
// engine and in the hand-written C loops alike. Slots with the number of a buffer, buffers of 2,048
// bytes, head and tail. What the kernel does in a sync is one assignment here, on both sides.
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BENCH_BUFFER_SIZE 2048u

struct bench_slot {
  uint32_t buffer;
  uint16_t length;
  uint16_t flags;
  uint64_t pointer;
};

struct bench_ring {
  uint32_t mask;  // slots - 1
  uint32_t head;  // the next slot that is the program's
  uint32_t tail;  // the first slot that is not
  uint32_t reserved[61];
  struct bench_slot slots[];
};

// One ring to receive from and `outputs` to send to, with a buffer in each slot.
struct bench_rings {
  uint8_t *memory;
  size_t memory_bytes;
  struct bench_ring *receive;
  struct bench_ring **send;
  uint32_t outputs;
};

#define BENCH_CHANGED 1u

static inline void *bench_map(size_t bytes, int huge) {
  const size_t huge_page = 2u << 20;
  bytes = (bytes + huge_page - 1) & ~(huge_page - 1);
  void *memory = mmap(NULL, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return NULL;
  // The excess is left mapped: a benchmark ends soon.
  memory = (void *)(((uintptr_t)memory + huge_page - 1) & ~(uintptr_t)(huge_page - 1));
  madvise(memory, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  return memory;
}

static inline struct bench_ring *bench_ring_create(uint32_t slots, uint32_t first_buffer) {
  struct bench_ring *ring = (struct bench_ring *)calloc(1, sizeof(struct bench_ring) + slots * sizeof(struct bench_slot));
  if (ring == NULL) return NULL;
  ring->mask = slots - 1;
  ring->head = 0;
  ring->tail = slots - 1;
  for (uint32_t k = 0; k < slots; k++) ring->slots[k].buffer = first_buffer + k;
  return ring;
}

// `slots` of each ring to send to, a power of two; the one to receive from has 1,024 at least. Answers 0 where there is not enough memory.
static inline int bench_rings_create(struct bench_rings *rings, uint32_t outputs, uint32_t slots, int huge) {
  rings->outputs = outputs;
  const uint32_t receive_slots = slots < 1024 ? 1024 : slots;
  rings->memory_bytes = ((size_t)outputs * slots + receive_slots) * BENCH_BUFFER_SIZE;
  rings->memory = (uint8_t *)bench_map(rings->memory_bytes, huge);
  rings->send = (struct bench_ring **)calloc(outputs, sizeof *rings->send);
  if (rings->memory == NULL || rings->send == NULL) return 0;
  rings->receive = bench_ring_create(receive_slots, 0);
  if (rings->receive == NULL) return 0;
  for (uint32_t k = 0; k < outputs; k++) {
    rings->send[k] = bench_ring_create(slots, receive_slots + k * slots);
    if (rings->send[k] == NULL) return 0;
  }
  return 1;
}

static inline uint32_t bench_ring_space(const struct bench_ring *ring) {
  return (ring->tail - ring->head) & ring->mask;
}

// What the kernel does: all slots but one are the program's again.
static inline void bench_ring_sync(struct bench_ring *ring) {
  ring->tail = (ring->head - 1) & ring->mask;
}

// Gives the packet of one slot to another by exchanging buffers. Lengths go along in both directions,
// so that the slot that comes back holds a whole packet again: the benchmark's network card.
static inline void bench_swap(struct bench_slot *from, struct bench_slot *to) {
  const uint32_t buffer = to->buffer;
  const uint16_t length = to->length;
  to->buffer = from->buffer;
  to->length = from->length;
  from->buffer = buffer;
  from->length = length;
  to->flags = from->flags = BENCH_CHANGED;
}

// Copies in whole cache lines, as netmap's nm_pkt_copy: buffers are longer than any packet.
static inline void bench_copy(uint8_t *to, const uint8_t *from, uint32_t length) {
  if (length > 1024) {
    memcpy(to, from, length);
    return;
  }
  for (uint32_t at = 0; at < length; at += 64) memcpy(to + at, from + at, 64);
}
