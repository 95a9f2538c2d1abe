// The hand-written peer of a Filter with rules about IPv4 addresses: a hash table with prefetching, or, with --linear 1, a list as the original's, which is
// walked for each packet. What a rule is about is dropped, and counted by its rule; all else goes on. --rules N, of which --hit 1 makes the first ones those of the packets.
#include <stdlib.h>

#include "netmap_rings.h"
#include "peer_rings.h"

enum { BATCH = 512, AHEAD = 12 };

struct rule {
  uint32_t address;
  uint32_t used;
  uint64_t packets, bytes;
};

struct filter {
  struct bench_rings rings;
  struct rule *rules;
  uint32_t count, mask;
  uint64_t received, sent, dropped, uncommon;
  int linear;
};

static inline uint32_t hash_of(uint32_t address) {
  uint32_t hash = address * 0xcc9e2d51u;
  hash ^= hash >> 15;
  hash *= 0x1b873593u;
  return hash ^ (hash >> 13);
}

static void add(struct filter *filter, uint32_t address) {
  uint32_t at = filter->linear ? filter->count : hash_of(address) & filter->mask;
  if (!filter->linear) while (filter->rules[at].used && filter->rules[at].address != address) at = (at + 1) & filter->mask;
  filter->rules[at].address = address;
  filter->rules[at].used = 1;
  filter->count++;
}

static inline struct rule *find(struct filter *filter, uint32_t address) {
  uint32_t at = hash_of(address) & filter->mask;
  while (filter->rules[at].used) {
    if (filter->rules[at].address == address) return &filter->rules[at];
    at = (at + 1) & filter->mask;
  }
  return NULL;
}

static inline struct rule *find_linear(struct filter *filter, uint32_t source, uint32_t destination) {
  for (uint32_t k = 0; k < filter->count; k++) {
    if (filter->rules[k].address == source || filter->rules[k].address == destination) return &filter->rules[k];
  }
  return NULL;
}

static __attribute__((noinline)) void run(struct filter *filter, uint64_t packets) {
  struct bench_ring *receive = filter->rings.receive, *send = filter->rings.send[0];
  const uint8_t *memory = filter->rings.memory;
  static uint32_t ends[BATCH][2];
  while (filter->received < packets) {
    bench_ring_sync(receive);
    uint32_t count = bench_ring_space(receive);
    if (count > BATCH) count = BATCH;
    const uint32_t begin = receive->head;
    // All addresses of a batch first, so that the processor waits for many places in memory at once.
    for (uint32_t k = 0; k < count; k++) {
      const uint32_t cursor = (begin + k) & receive->mask;
      __builtin_prefetch(memory + (size_t)receive->slots[(cursor + AHEAD) & receive->mask].buffer * BENCH_BUFFER_SIZE);
      const struct bench_slot *slot = &receive->slots[cursor];
      const uint8_t *packet = memory + (size_t)slot->buffer * BENCH_BUFFER_SIZE;
      if (slot->length < 34 || packet[12] != 8 || packet[13] != 0 || packet[14] != 0x45) {
        filter->uncommon++;
        ends[k][0] = ends[k][1] = 0;
        continue;
      }
      memcpy(ends[k], packet + 26, 8);
      if (filter->linear) continue;
      __builtin_prefetch(&filter->rules[hash_of(ends[k][0]) & filter->mask]);
      __builtin_prefetch(&filter->rules[hash_of(ends[k][1]) & filter->mask]);
    }
    for (uint32_t k = 0; k < count; k++) {
      struct bench_slot *slot = &receive->slots[(begin + k) & receive->mask];
      struct rule *rule = filter->linear ? find_linear(filter, ends[k][0], ends[k][1]) : find(filter, ends[k][0]);
      if (rule == NULL && !filter->linear) rule = find(filter, ends[k][1]);
      if (rule != NULL) {
        rule->packets++;
        rule->bytes += slot->length;
        filter->dropped++;
        continue;
      }
      const uint32_t head = send->head;
      if (head == send->tail) continue;
      bench_swap(slot, &send->slots[head]);
      send->head = (head + 1) & send->mask;
      filter->sent++;
    }
    receive->head = (begin + count) & receive->mask;
    filter->received += count;
    bench_ring_sync(send);
  }
}

int main(int count, char **values) {
  static struct filter filter;
  const uint64_t packets = peer_number(count, values, "--packets", 10000000);
  const uint32_t rules = (uint32_t)peer_number(count, values, "--rules", 1000);
  const uint32_t hit = (uint32_t)peer_number(count, values, "--hit", 0);
  filter.linear = peer_number(count, values, "--linear", 0) != 0;
  if (!peer_rings(&filter.rings, 1, count, values)) return 1;
  uint32_t slots = 1;
  while (slots < 2 * rules + 2) slots *= 2;
  filter.mask = slots - 1;
  filter.rules = (struct rule *)calloc(slots, sizeof *filter.rules);
  if (filter.rules == NULL) return 1;
  const uint64_t flows = peer_number(count, values, "--flows", 0);
  for (uint32_t k = 0; k < rules; k++) {
    const uint64_t random = hit && k < flows ? bench_random((uint64_t)k * 4 + 1) : bench_random((uint64_t)k * 4 + 0x100000000u);
    uint32_t address;
    memcpy(&address, &random, 4);
    add(&filter, address);
  }
  run(&filter, packets / 4);
  filter.received = filter.sent = filter.dropped = 0;
  const struct peer_time begin = peer_begin();
  run(&filter, packets);
  peer_report(begin, filter.received, filter.sent + filter.dropped);
  return 0;
}
