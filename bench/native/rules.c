// The hand-written peer of a Filter with rules about IPv4 addresses: a hash table with prefetching, or, with --linear 1, a list as the original's, which is
// walked for each packet. It does for these rules what the Filter does: looks for both addresses of a packet, takes the rule of the larger priority if both have
// one, and of the same that which lets pass; a rule ends by its deadline, and counts its packets, their bytes and TCP flags, and knows when it was last hit.
// --rules N, of which --hit 1 makes the first ones those of the packets; all drop.
#include <stdlib.h>
#include <time.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "netmap_rings.h"
#include "peer_rings.h"

// Addresses that are compared at once: a cache line of them. With one after the other, whether there is another one to compare is as good as random.
enum { BATCH = 64, AHEAD = 12, BUCKET = 16 };

enum { NONE, DROP, PASS };

// Half a cache line: whatever is read and written of a rule is fetched together.
struct rule {
  int32_t priority;
  // Tenths of a second; UINT32_MAX for none.
  uint32_t deadline;
  // The second of the last hit.
  uint32_t last;
  uint16_t type;
  uint16_t flags;
  uint64_t packets, bytes;
};

struct filter {
  struct bench_rings rings;
  // At the same places; 0 where there is no rule. The address 0 is not to be had.
  uint32_t *addresses;
  struct rule *rules;
  uint32_t count, mask;
  uint64_t received, sent, dropped, dropped_bytes, uncommon;
  time_t begin;
  int linear;
};

// What is read of a packet.
struct ends {
  uint32_t address[2];
  uint32_t flags;
};

static inline uint32_t hash_of(uint32_t address) {
  uint32_t hash = address * 0xcc9e2d51u;
  hash ^= hash >> 15;
  hash *= 0x1b873593u;
  return hash ^ (hash >> 13);
}

static inline uint32_t same(const uint32_t *bucket, uint32_t address) {
#if defined(__AVX512F__)
  return _mm512_cmpeq_epi32_mask(_mm512_load_si512(bucket), _mm512_set1_epi32((int)address));
#else
  uint32_t found = 0;
  for (uint32_t k = 0; k < BUCKET; k++) found |= (uint32_t)(bucket[k] == address) << k;
  return found;
#endif
}

static inline uint32_t bucket_of(const struct filter *filter, uint32_t address) { return hash_of(address) & filter->mask & ~(BUCKET - 1u); }

static void add(struct filter *filter, uint32_t address) {
  uint32_t at = filter->linear ? filter->count : bucket_of(filter, address);
  if (!filter->linear) while (filter->addresses[at] != 0 && filter->addresses[at] != address) at = (at + 1) & filter->mask;
  filter->addresses[at] = address;
  filter->rules[at] = (struct rule){.deadline = UINT32_MAX, .type = DROP};
  filter->count++;
}

static inline struct rule *find(struct filter *filter, uint32_t address) {
  uint32_t at = bucket_of(filter, address);
  for (;;) {
    const uint32_t found = same(filter->addresses + at, address);
    if (found != 0) return &filter->rules[at + (uint32_t)__builtin_ctz(found)];
    // It is filled from its beginning on.
    if (filter->addresses[at + BUCKET - 1] == 0) return NULL;
    at = (at + BUCKET) & filter->mask;
  }
}

static inline struct rule *in_time(struct rule *rule, uint32_t now) { return rule != NULL && rule->type != NONE && rule->deadline > now ? rule : NULL; }

static inline struct rule *first_of(struct rule *one, struct rule *other) {
  if (one == NULL || other == NULL) return one == NULL ? other : one;
  if (one->priority != other->priority) return one->priority > other->priority ? one : other;
  return other->type == PASS && one->type != PASS ? other : one;
}

static inline struct rule *find_linear(struct filter *filter, const struct ends *ends, uint32_t now) {
  for (uint32_t k = 0; k < filter->count; k++) {
    const uint32_t address = filter->addresses[k];
    if ((address == ends->address[0] || address == ends->address[1]) && filter->rules[k].deadline > now) return &filter->rules[k];
  }
  return NULL;
}

static __attribute__((noinline)) void run(struct filter *filter, uint64_t packets) {
  struct bench_ring *receive = filter->rings.receive, *send = filter->rings.send[0];
  const uint8_t *memory = filter->rings.memory;
  static struct ends ends[BATCH];
  static struct rule *rules[BATCH][2];
  while (filter->received < packets) {
    bench_ring_sync(receive);
    uint32_t count = bench_ring_space(receive);
    if (count > BATCH) count = BATCH;
    const uint32_t begin = receive->head;
    struct timespec time;
    clock_gettime(CLOCK_REALTIME_COARSE, &time);
    const uint32_t second = (uint32_t)time.tv_sec;
    // In tenths of a second since the program began: deadlines are compared with it.
    const uint32_t now = (uint32_t)((uint64_t)(time.tv_sec - filter->begin) * 10 + (uint64_t)time.tv_nsec / 100000000);
    // All addresses of a batch first, so that the processor waits for many places in memory at once.
    for (uint32_t k = 0; k < count; k++) {
      const uint32_t cursor = (begin + k) & receive->mask;
      __builtin_prefetch(memory + (size_t)receive->slots[(cursor + AHEAD) & receive->mask].buffer * BENCH_BUFFER_SIZE);
      const struct bench_slot *slot = &receive->slots[cursor];
      const uint8_t *packet = memory + (size_t)slot->buffer * BENCH_BUFFER_SIZE;
      if (slot->length < 34 || packet[12] != 8 || packet[13] != 0 || packet[14] != 0x45) {
        filter->uncommon++;
        ends[k] = (struct ends){{0, 0}, 0};
        continue;
      }
      memcpy(ends[k].address, packet + 26, 8);
      // Of TCP, where the fragment has its header: without a branch, since what comes next is as good as random.
      const uint32_t is_tcp = (packet[23] == 6) & (slot->length >= 48) & ((packet[20] & 0x1f) == 0) & (packet[21] == 0);
      ends[k].flags = packet[slot->length >= 48 ? 47 : 0] & (0u - is_tcp);
      if (filter->linear) continue;
      __builtin_prefetch(filter->addresses + bucket_of(filter, ends[k].address[0]));
      __builtin_prefetch(filter->addresses + bucket_of(filter, ends[k].address[1]));
    }
    // Then the rules that they lead to.
    for (uint32_t k = 0; k < count && !filter->linear; k++) {
      for (uint32_t end = 0; end < 2; end++) {
        rules[k][end] = find(filter, ends[k].address[end]);
        if (rules[k][end] != NULL) __builtin_prefetch(rules[k][end], 1);
      }
    }
    for (uint32_t k = 0; k < count; k++) {
      struct bench_slot *slot = &receive->slots[(begin + k) & receive->mask];
      struct rule *rule = filter->linear ? find_linear(filter, &ends[k], now) : first_of(in_time(rules[k][0], now), in_time(rules[k][1], now));
      if (rule != NULL) {
        rule->packets++;
        rule->bytes += slot->length;
        rule->flags |= ends[k].flags;
        rule->last = second;
        if (rule->type == DROP) {
          filter->dropped++;
          filter->dropped_bytes += slot->length;
          continue;
        }
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
  uint32_t slots = BUCKET;
  while (slots < 2 * rules + 2) slots *= 2;
  filter.mask = slots - 1;
  // In large pages, as the Filter's tables are.
  filter.addresses = (uint32_t *)bench_map(slots * sizeof *filter.addresses, 1);
  filter.rules = (struct rule *)bench_map(slots * sizeof *filter.rules, 1);
  if (filter.addresses == NULL || filter.rules == NULL) return 1;
  const uint64_t flows = peer_number(count, values, "--flows", 0);
  for (uint32_t k = 0; k < rules; k++) {
    const uint64_t random = hit && k < flows ? bench_random((uint64_t)k * 4 + 1) : bench_random((uint64_t)k * 4 + 0x100000000u);
    uint32_t address;
    memcpy(&address, &random, 4);
    add(&filter, address);
  }
  filter.begin = time(NULL);
  run(&filter, packets / 4);
  filter.received = filter.sent = filter.dropped = 0;
  const struct peer_time begin = peer_begin();
  run(&filter, packets);
  peer_report(begin, filter.received, filter.sent + filter.dropped);
  return 0;
}
