// The hand-written peer of the duplicator: a copy of each packet to all rings but the last, which gets
// the packet itself.
#include "peer_rings.h"

enum { BATCH = 256, AHEAD = 4 };

struct output {
  uint64_t packets;
  uint64_t bytes;
  uint64_t full;
};

static void run(struct bench_rings *rings, struct output *outputs, uint64_t packets) {
  struct bench_ring *receive = rings->receive;
  uint8_t *memory = rings->memory;
  const uint32_t count = rings->outputs;
  uint64_t received = 0;
  while (received < packets) {
    bench_ring_sync(receive);
    uint32_t batch = bench_ring_space(receive);
    if (batch > BATCH) batch = BATCH;
    uint32_t cursor = receive->head;
    for (uint32_t k = 0; k < batch; k++, cursor = (cursor + 1) & receive->mask) {
      struct bench_slot *from = &receive->slots[cursor];
      const uint8_t *packet = memory + (size_t)from->buffer * BENCH_BUFFER_SIZE;
      const uint32_t length = from->length;
      __builtin_prefetch(memory + (size_t)receive->slots[(cursor + AHEAD) & receive->mask].buffer * BENCH_BUFFER_SIZE);
      for (uint32_t output = 0; output + 1 < count; output++) {
        struct bench_ring *ring = rings->send[output];
        if (ring->head == ring->tail) {
          outputs[output].full++;
          continue;
        }
        struct bench_slot *to = &ring->slots[ring->head];
        __builtin_prefetch(memory + (size_t)ring->slots[(ring->head + AHEAD) & ring->mask].buffer * BENCH_BUFFER_SIZE, 1);
        bench_copy(memory + (size_t)to->buffer * BENCH_BUFFER_SIZE, packet, length);
        to->length = (uint16_t)length;
        to->flags = BENCH_CHANGED;
        ring->head = (ring->head + 1) & ring->mask;
        outputs[output].packets++;
        outputs[output].bytes += length;
      }
      struct bench_ring *last = rings->send[count - 1];
      if (last->head == last->tail) {
        outputs[count - 1].full++;
        continue;
      }
      outputs[count - 1].packets++;
      outputs[count - 1].bytes += length;
      bench_swap(from, &last->slots[last->head]);
      last->head = (last->head + 1) & last->mask;
    }
    receive->head = cursor;
    received += batch;
    for (uint32_t output = 0; output < count; output++) bench_ring_sync(rings->send[output]);
  }
}

int main(int count, char **values) {
  struct bench_rings rings;
  const uint64_t packets = peer_number(count, values, "--packets", 5000000);
  const uint32_t outputs = (uint32_t)peer_number(count, values, "--outputs", 4);
  if (!peer_rings(&rings, outputs, count, values)) return 1;
  struct output *books = calloc(outputs, sizeof *books);
  if (books == NULL) return 1;
  run(&rings, books, packets / 4);
  memset(books, 0, outputs * sizeof *books);
  const struct peer_time begin = peer_begin();
  run(&rings, books, packets);
  uint64_t sent = 0;
  for (uint32_t k = 0; k < outputs; k++) sent += books[k].packets;
  peer_report(begin, sent / outputs, sent);
  return 0;
}
