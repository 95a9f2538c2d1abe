// Sending to the benchmark's rings by a column of outputs (bench/column.js).
#include "memory_rings.h"

namespace bricks::bench {

// Each row to the output that the column says, in order of rows.
template <bool kMany>
void MemoryRings::SendColumn(uint32_t count) {
  Sink* const sinks = groups_[0].sinks.data();
  const uint32_t outputs = static_cast<uint32_t>(groups_[0].sinks.size());
  bench_slot* const receiveSlots = rings_.receive->slots;
  const uint32_t* const slotColumn = columns_.slot;
  const uint16_t* const column = column_;
  const uint32_t batch = ++columnBatch_;
  uint32_t touched = 0;
  for (uint32_t row = 0; row < count; row++) {
    if (kMany) {
      const uint32_t later = row + 2 * kSinksAhead < count ? row + 2 * kSinksAhead : count - 1;
      const uint32_t soon = row + kSinksAhead < count ? row + kSinksAhead : count - 1;
      if (column[later] < outputs) __builtin_prefetch(sinks[column[later]].ring, 1);
      if (column[soon] < outputs) __builtin_prefetch(&sinks[column[soon]].ring->slots[sinks[column[soon]].ring->head], 1);
    }
    const uint32_t output = column[row];
    if (output >= outputs) continue;
    Sink& sink = sinks[output];
    bench_ring* const ring = sink.ring;
    const uint32_t head = ring->head;
    if (kMany) {
      touched_[touched] = output;
      touched += touchedAt_[output] != batch;
      touchedAt_[output] = batch;
    }
    if (head == ring->tail) {
      sink.full++;
      continue;
    }
    bench_slot* const from = &receiveSlots[slotColumn[row]];
    sink.packets++;
    sink.bytes += from->length;
    bench_swap(from, &ring->slots[head]);
    ring->head = (head + 1) & ring->mask;
  }
  if (kMany) {
    for (uint32_t k = 0; k < touched; k++) bench_ring_sync(sinks[touched_[k]].ring);
  } else {
    for (uint32_t output = 0; output < outputs; output++) bench_ring_sync(sinks[output].ring);
  }
}

// (rows, copies): rows from `rows` on are copies of others, over the same slots; they go first, so that a packet itself can be moved.
int32_t MemoryRings::TransmitColumn(Napi::Env env, const int32_t* numbers) {
  const uint32_t count = static_cast<uint32_t>(numbers[0]), all = count + static_cast<uint32_t>(numbers[1]);
  if (column_ == nullptr || groups_.empty() || numbers[0] < 0 || numbers[1] < 0 || all > columnRows_) throw Napi::RangeError::New(env, "more rows than the column has");
  Sink* const sinks = groups_[0].sinks.data();
  const uint32_t outputs = static_cast<uint32_t>(groups_[0].sinks.size());
  bench_slot* const receiveSlots = rings_.receive->slots;
  uint8_t* const memory = rings_.memory;
  const uint32_t* const slotColumn = columns_.slot;
  for (uint32_t row = count; row < all; row++) {
    const uint32_t output = column_[row];
    const uint32_t later = row + 3 * kAheadOfCopies < all ? row + 3 * kAheadOfCopies : all - 1;
    __builtin_prefetch(memory + size_t{receiveSlots[slotColumn[later]].buffer} * BENCH_BUFFER_SIZE);
    if (output >= outputs) continue;
    Sink& sink = sinks[output];
    if (sink.ring->head == sink.ring->tail) {
      sink.full++;
      continue;
    }
    const bench_slot* const from = &receiveSlots[slotColumn[row]];
    CopyInto(sink.ring, memory, memory + size_t{from->buffer} * BENCH_BUFFER_SIZE, from->length);
    sink.packets++;
    sink.bytes += from->length;
  }
  if (outputs > 64) SendColumn<true>(count);
  else SendColumn<false>(count);
  return 0;
}

}  // namespace bricks::bench
