// The loop of a hand-written load balancer: one ring to many, packet by packet, nothing in between. The same checks and counters as the
// engine's. `way` 0: hash and modulo; 1: looks the output up; 2: hash and mask, for 2, 4, 8, ... outputs.
#pragma once

#include <stdlib.h>

#include "netmap_rings.h"
#include "peer_flow.h"

// A batch of 256 or 512 makes no difference to it; the engine has 512.
enum { BALANCER_BATCH = 512, BALANCER_AHEAD = 12 };

struct balancer_output {
  uint64_t packets;
  uint64_t bytes;
  uint64_t full;
  struct bench_ring *ring;
  uint32_t touched;
};

struct balancer {
  struct bench_rings rings;
  struct balancer_output *outputs;
  uint32_t *touched;
  uint16_t *table;
  uint16_t *queues;
  struct peer_hash hash;
  uint64_t received, received_bytes, uncommon;
  int ports;
};

static inline void balancer_send(struct balancer_output *output, struct bench_slot *slot, struct bench_ring *ring) {
  const uint32_t head = ring->head, length = slot->length;
  if (head == ring->tail) {
    output->full++;
    return;
  }
  bench_swap(slot, &ring->slots[head]);
  ring->head = (head + 1) & ring->mask;
  output->packets++;
  output->bytes += length;
}

// Two forms, of which the faster counts: straight into the ring of each packet's output, or as the
// engine does it, first all decisions of a batch, then one ring after the other (`queues`).
static inline __attribute__((always_inline)) void balancer_run_batch(struct balancer *balancer, int way, int with_queues) {
  struct bench_ring *receive = balancer->rings.receive;
  const uint8_t *memory = balancer->rings.memory;
  const uint32_t outputs = balancer->rings.outputs, mask = receive->mask;
  uint32_t cursor = receive->head, touched = 0;
  uint64_t bytes = 0;
  bench_ring_sync(receive);
  uint32_t count = bench_ring_space(receive);
  if (count > BALANCER_BATCH) count = BALANCER_BATCH;
  for (uint32_t k = 0; k < count; k++, cursor = (cursor + 1) & mask) {
    struct bench_slot *slot = &receive->slots[cursor];
    __builtin_prefetch(memory + (size_t)receive->slots[(cursor + BALANCER_AHEAD) & mask].buffer * BENCH_BUFFER_SIZE);
    const uint32_t length = slot->length;
    const uint32_t word = peer_flow_word(memory + (size_t)slot->buffer * BENCH_BUFFER_SIZE, length, 1, balancer->ports, &balancer->uncommon);
    const uint32_t hash = balancer->hash.high[word >> 8] ^ balancer->hash.low[word & 255];
    const uint32_t chosen = way == 0 ? hash % outputs : way == 1 ? balancer->table[word] : hash & (outputs - 1);
    struct balancer_output *output = &balancer->outputs[chosen];
    bytes += length;
    if (with_queues) {
      balancer->queues[chosen * BALANCER_BATCH + output->touched++] = (uint16_t)cursor;
      continue;
    }
    struct bench_ring *ring = output->ring;
    if (output->touched == 0) balancer->touched[touched++] = chosen;
    output->touched = 1;
    balancer_send(output, slot, ring);
  }
  if (with_queues) {
    for (uint32_t chosen = 0; chosen < outputs; chosen++) {
      struct balancer_output *output = &balancer->outputs[chosen];
      struct bench_ring *ring = output->ring;
      const uint16_t *queue = &balancer->queues[chosen * BALANCER_BATCH];
      const uint32_t space = bench_ring_space(ring), wanted = output->touched;
      const uint32_t sent = wanted < space ? wanted : space;
      uint32_t head = ring->head;
      uint64_t sent_bytes = 0;
      output->touched = 0;
      for (uint32_t k = 0; k < sent; k++, head = (head + 1) & ring->mask) {
        struct bench_slot *slot = &receive->slots[queue[k]];
        sent_bytes += slot->length;
        bench_swap(slot, &ring->slots[head]);
      }
      ring->head = head;
      output->packets += sent;
      output->bytes += sent_bytes;
      output->full += wanted - sent;
      bench_ring_sync(ring);
    }
  }
  receive->head = cursor;
  balancer->received += count;
  balancer->received_bytes += bytes;
  for (uint32_t k = 0; k < touched; k++) {
    struct balancer_output *output = &balancer->outputs[balancer->touched[k]];
    output->touched = 0;
    bench_ring_sync(output->ring);
  }
}

// Answers 0 where there is not enough memory. The rings are made already.
static inline int balancer_create(struct balancer *balancer, int ports) {
  const uint32_t outputs = balancer->rings.outputs;
  balancer->ports = ports;
  balancer->outputs = (struct balancer_output *)calloc(outputs, sizeof *balancer->outputs);
  balancer->touched = (uint32_t *)calloc(outputs + 1, sizeof *balancer->touched);
  balancer->table = (uint16_t *)malloc(65536 * sizeof *balancer->table);
  balancer->queues = (uint16_t *)malloc((size_t)outputs * BALANCER_BATCH * sizeof *balancer->queues);
  if (balancer->queues == NULL || balancer->outputs == NULL || balancer->touched == NULL || balancer->table == NULL) return 0;
  peer_hash_create(&balancer->hash);
  for (uint32_t word = 0; word < 65536; word++) {
    balancer->table[word] = (uint16_t)((balancer->hash.high[word >> 8] ^ balancer->hash.low[word & 255]) % outputs);
  }
  for (uint32_t k = 0; k < outputs; k++) balancer->outputs[k].ring = balancer->rings.send[k];
  return 1;
}
