// Sending to the benchmark's rings from lists of rows.
#include <algorithm>

#include "memory_rings.h"

namespace bricks::bench {

// Out of line: what the loops that call it have in registers is worth more.
__attribute__((noinline, cold)) void MemoryRings::NoteDrops(const Group& group, uint32_t output, uint32_t first, uint32_t end) {
  for (uint32_t k = first; k < end; k++) group.lists->drops.Note(output, group.sinks[output].rows[k], bricks::kDropRingFull);
}

template <bool Copies, bool kFetchNext>
inline uint32_t MemoryRings::Send(Sink& sink, uint32_t first, uint32_t count) {
  bench_ring* const ring = sink.ring;
  bench_slot* const receiveSlots = rings_.receive->slots;
  const uint32_t* const slotColumn = columns_.slot;
  const uint32_t space = bench_ring_space(ring);
  const uint32_t sent = count < space ? count : space;
  const uint32_t mask = ring->mask;
  const bricks::ListRows rows = sink.rows.From(first);
  const size_t stride = rows.stride();
  uint8_t* const memory = rings_.memory;
  const uint32_t receiveMask = rings_.receive->mask;
  uint32_t head = ring->head, next = next_;
  uint64_t bytes = 0;
  const uint16_t* at = rows.first;
  for (uint32_t k = 0; k < sent; k++, head = (head + 1) & mask, at += stride) {
    const uint32_t row = *at;
    bench_slot* const from = &receiveSlots[slotColumn[row]];
    bench_slot* const to = &ring->slots[head];
    bytes += from->length;
    if (kFetchNext) {
      // While packets move, their successors' first lines come into the second-level cache, and their pages into the address cache.
      next = (next + 1) & receiveMask;
      __builtin_prefetch(memory + size_t{receiveSlots[next].buffer} * BENCH_BUFFER_SIZE, 0, 2);
    }
    if (Copies) __builtin_prefetch(memory + size_t{ring->slots[(head + kAhead) & mask].buffer} * BENCH_BUFFER_SIZE, 1);
    if (Copies && --uses_[row] != 0) {
      bench_copy(memory + size_t{to->buffer} * BENCH_BUFFER_SIZE, memory + size_t{from->buffer} * BENCH_BUFFER_SIZE, from->length);
      to->length = from->length;
      to->flags = BENCH_CHANGED;
    } else {
      bench_swap(from, to);
    }
  }
  if (Copies) {
    for (uint32_t k = sent; k < count; k++) uses_[rows[k]]--;
  }
  ring->head = head;
  next_ = next;
  sink.packets += sent;
  sink.bytes += bytes;
  sink.full += count - sent;
  return sent;
}

// A duplicator's lists: all the same. Then it is a packet at a time to all sinks, the last of which gets the packet itself.
bool MemoryRings::SameLists(const Group& group) {
  const uint32_t count = group.lists->counts[0];
  if (group.lists->step > 0) return false;
  for (size_t output = 0; output < group.sinks.size(); output++) {
    if (group.sinks[output].ring == nullptr || group.lists->counts[output] != count) return false;
    if (output > 0 && std::memcmp(group.sinks[output].rows.first, group.sinks[0].rows.first, count * sizeof(uint16_t)) != 0) return false;
  }
  return group.sinks.size() > 1;
}

void MemoryRings::TransmitSame(Group& group) {
  Sink* const sinks = group.sinks.data();
  const size_t last = group.sinks.size() - 1;
  const uint32_t count = group.lists->counts[0];
  const bricks::ListRows rows = sinks[0].rows;
  bench_slot* const receiveSlots = rings_.receive->slots;
  uint8_t* const memory = rings_.memory;
  const uint32_t* const slotColumn = columns_.slot;
  uint32_t* const before = group.active.data();
  for (size_t output = 0; output <= last; output++) before[output] = static_cast<uint32_t>(sinks[output].full);
  for (uint32_t k = 0; k < count; k++) {
    bench_slot* const from = &receiveSlots[slotColumn[rows[k]]];
    const uint8_t* const packet = memory + size_t{from->buffer} * BENCH_BUFFER_SIZE;
    const uint16_t length = from->length;
    const uint32_t later = k + kAheadOfCopies < count ? k + kAheadOfCopies : count - 1;
    __builtin_prefetch(memory + size_t{receiveSlots[slotColumn[rows[later]]].buffer} * BENCH_BUFFER_SIZE);
    for (size_t output = 0; output < last; output++) {
      Sink& sink = sinks[output];
      if (sink.ring->head == sink.ring->tail) {
        sink.full++;
        continue;
      }
      CopyInto(sink.ring, memory, packet, length);
      sink.packets++;
      sink.bytes += length;
    }
    Sink& sink = sinks[last];
    bench_ring* const ring = sink.ring;
    const uint32_t head = ring->head;
    if (head == ring->tail) {
      sink.full++;
      continue;
    }
    sink.packets++;
    sink.bytes += length;
    bench_swap(from, &ring->slots[head]);
    ring->head = (head + 1) & ring->mask;
  }
  for (uint32_t output = 0; output <= last; output++) {
    // A ring that is full stays so: what it did not take are the last ones.
    const uint32_t dropped = static_cast<uint32_t>(sinks[output].full) - before[output];
    if (dropped > 0) NoteDrops(group, output, count - dropped, count);
    bench_ring_sync(sinks[output].ring);
    group.lists->counts[output] = 0;
  }
}

// Where packets go to several: some rows to all their sinks, then the next, so that a packet is still in
// the first-level cache for its second copy. Buffers 2,048 bytes apart share two sets of it: 24 packets.
void MemoryRings::TransmitCopies(Group& group) {
  constexpr uint32_t kRowsAtOnce = 16;
  uint32_t* const counts = group.lists->counts;
  uint32_t* const position = group.active.data();
  const size_t outputs = group.sinks.size();
  std::fill(position, position + outputs, 0);
  for (size_t output = 0; output < outputs; output++) {
    if (group.sinks[output].ring == nullptr) continue;
    for (uint32_t k = 0; k < counts[output]; k++) uses_[group.sinks[output].rows[k]]++;
  }
  for (uint32_t limit = kRowsAtOnce;; limit += kRowsAtOnce) {
    bool more = false;
    for (size_t output = 0; output < outputs; output++) {
      Sink& sink = group.sinks[output];
      if (sink.ring == nullptr) continue;
      const uint32_t first = position[output];
      uint32_t end = first;
      while (end < counts[output] && sink.rows[end] < limit) end++;
      if (end > first) NoteDrops(group, static_cast<uint32_t>(output), first + Send<true, false>(sink, first, end - first), end);
      position[output] = end;
      more |= end < counts[output];
    }
    if (!more) break;
  }
  for (size_t output = 0; output < outputs; output++) {
    if (group.sinks[output].ring == nullptr) continue;
    bench_ring_sync(group.sinks[output].ring);
    counts[output] = 0;
  }
}

int32_t MemoryRings::Count(Napi::Env, const int32_t*) {
  for (Group& group : groups_) {
    for (Sink& sink : group.sinks) {
      if (sink.ring == nullptr) continue;
      sink.counters[0] += sink.packets;
      sink.counters[1] += sink.bytes;
      sink.counters[2 + 1] += sink.full;  // ringFull
      sink.packets = sink.bytes = sink.full = 0;
    }
  }
  return 0;
}

// None ever stays behind: what a full ring does not take is dropped.
int32_t MemoryRings::Transmit(Napi::Env, const int32_t*) {
  if (copies_) {
    for (Group& group : groups_) {
      if (SameLists(group)) TransmitSame(group);
      else TransmitCopies(group);
    }
    return 0;
  }
  // Where the rings fit into the cache that is a loss (13.8 against 11.1 ns on an Intel Xeon), elsewhere a gain (33.7 against 37.1; on an
  // AMD EPYC even where they fit): it is tried.
  const bool fetchNext = fetchNext_.second();
  for (Group& group : groups_) {
    uint32_t* const counts = group.lists->counts;
    Sink* const sinks = group.sinks.data();
    const uint32_t outputs = static_cast<uint32_t>(group.sinks.size());
    // With a thousand outputs most lists are empty: find the others without a branch to guess, then
    // fetch their rings, lists and slots some sinks before they are needed. (Of outputs without a ring all are.)
    uint32_t* const active = group.active.data();
    uint32_t found = 0;
    for (uint32_t output = 0; output < outputs; output++) {
      active[found] = output;
      found += counts[output] != 0;
    }
    for (uint32_t k = 0; k < found; k++) {
      if (k + 2 * kSinksAhead < found) {
        const Sink& sink = sinks[active[k + 2 * kSinksAhead]];
        __builtin_prefetch(sink.ring, 1);
        __builtin_prefetch(sink.rows.first);
      }
      if (k + kSinksAhead < found) {
        const bench_ring* const ring = sinks[active[k + kSinksAhead]].ring;
        __builtin_prefetch(&ring->slots[ring->head], 1);
      }
      const uint32_t output = active[k];
      const uint32_t sent = fetchNext ? Send<false, true>(sinks[output], 0, counts[output]) : Send<false, false>(sinks[output], 0, counts[output]);
      if (sent < counts[output]) NoteDrops(group, output, sent, counts[output]);
      bench_ring_sync(sinks[output].ring);
      counts[output] = 0;
    }
  }
  return 0;
}

}  // namespace bricks::bench
