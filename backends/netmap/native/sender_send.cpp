// What is done with a batch's packets, sink by sink.
#include <algorithm>
#include <cstring>

#include "sender.h"

namespace bricks::netmap {

namespace {
// How far ahead the sink's slots are fetched: its reader wrote to them last.
constexpr uint32_t kSlotsAhead = 12;

// Index, length and flags of a slot, which lie together: one store for three.
inline uint64_t SlotWord(uint32_t buffer, uint64_t length, uint64_t flags) { return buffer | length << 32 | flags << 48; }

inline void StoreSlot(netmap_slot* slot, uint64_t word) { std::memcpy(static_cast<void*>(slot), &word, sizeof word); }
}  // namespace

bool Sender::Movable(const Sink& sink, const SentBatch& batch, bool wait) const {
  // With `wait` a packet may be sent again, to others, after this ring was synced.
  return batch.source && batch.source->region().get() == sink.region && !(wait && copies_);
}

uint32_t Sender::Send(uint32_t index, const SentBatch& batch, bool wait) {
  Sink& sink = sinks_.all[index];
  const uint32_t head = sink.head;
  const uint32_t count = *sink.count < sink.room ? *sink.count : sink.room;
  const bool movable = Movable(sink, batch, wait);
  Tally tally;
  uint32_t done = sink.gone ? 0 : SendPlain(sink, sink.rows, batch, movable, count, &tally);
  uint32_t left = 0;
  for (; done < count; done++) {
    const uint32_t row = sink.rows[done];
    const Outcome outcome = SendOther(index, batch, row, movable, wait);
    if (outcome == Outcome::kLeave) {
      left = count - done;
      sink.rows.TakeOff(done, left);
      sinks_.MarkDirty(index);  // the sync tells when there is room, for a frame of many slots too
      break;
    }
    if (outcome == Outcome::kDropped) continue;
    tally.packets++;
    tally.bytes += batch.columns.length[row];
    // There may be room again for what follows.
    if (sink.queue.count == 0 && done + 1 < count) done += SendPlain(sink, sink.rows.From(done + 1), batch, movable, count - done - 1, &tally);
  }
  *sink.count = left;
  sink.counters[kLinkPackets] += tally.packets;
  sink.counters[kLinkBytes] += tally.bytes;
  if (sink.head != head) sinks_.MarkDirty(index);
  return left;
}

// A packet of one slot whose buffer can't move is copied into `empty`, which was looked at. False if it does not lie in the batch's memory. Out of line, so that the loop has registers enough: 10 instructions a packet less.
__attribute__((noinline)) bool Sender::CopyPlain(Sink& sink, const SentBatch& batch, uint32_t row, netmap_slot* to, uint32_t empty) {
  const uint64_t offset = batch.columns.offset[row];
  const uint64_t length = batch.columns.length[row];
  if (offset + length > batch.memoryBytes) return false;
  std::memcpy(sink.Buffer(empty), batch.memory + offset, length);
  StoreSlot(to, SlotWord(empty, length, to->flags & NS_BUF_CHANGED));
  return true;
}

// The hot loop: packets of one slot, while the ring has room and nothing waits in the reserve. Returns how many it took.
uint32_t Sender::SendPlain(Sink& sink, const ListRows& rows, const SentBatch& batch, bool movable, uint32_t count, Tally* tally) {
  if (sink.queue.count > 0) return 0;
  const uint16_t* next = rows.first;
  const size_t step = rows.stride();
  const uint32_t capacity = batch.columns.capacity;
  const uint32_t* const offsets = batch.columns.offset;
  const uint32_t* const lengths = batch.columns.length;
  const uint32_t* const slotColumn = batch.columns.slot;
  uint8_t* const base = sink.region->base();
  const uint32_t slotsEnd = movable ? static_cast<uint32_t>(std::min<uint64_t>(sink.region->bytes() - sizeof(netmap_slot), UINT32_MAX)) : 0;
  const uint64_t bufferSize = sink.bufferSize;
  // Where buffer 0 would be in the batch's memory: offsets are compared, not pointers.
  const uint64_t buffersStart = static_cast<uint64_t>(sink.buffers - batch.memory);
  const uint32_t buffersGood = sink.lastBuffer - NETMAP_BUFFERS_RESERVED;
  netmap_slot* to = sink.slots + sink.head;
  netmap_slot* const ringEnd = sink.slots + sink.slotCount;
  const uint32_t space = sink.Space();
  uint32_t left = count < space ? count : space;
  uint64_t bytes = 0;
  uint32_t taken = 0;
  while (left > 0) {
    // As far as the ring does not wrap, so that the loop has one end.
    netmap_slot* const first = to;
    netmap_slot* const end = to + std::min<size_t>(left, static_cast<size_t>(ringEnd - to));
    for (; to != end; to++, next += step) {
      const uint32_t row = *next;
      if (__builtin_expect(row >= capacity, 0)) break;
      const uint64_t length = lengths[row];
      const uint32_t empty = to->buf_idx;
      __builtin_prefetch(to + kSlotsAhead, 1);
      if (__builtin_expect(length > bufferSize || empty - NETMAP_BUFFERS_RESERVED > buffersGood, 0)) break;
      const uint32_t at = slotColumn[row];
      auto* const from = reinterpret_cast<netmap_slot*>(base + at);
      if (__builtin_expect(at - 1 < slotsEnd, 1)) {
        const uint32_t full = from->buf_idx;
        // The receiver has looked at this buffer's index; the slot's must still be the same.
        if (__builtin_expect(buffersStart + full * bufferSize == offsets[row], 1)) {
          const uint64_t rest = SlotWord(0, length, NS_BUF_CHANGED);
          StoreSlot(from, empty | rest);
          StoreSlot(to, full | rest);
          bytes += length;
          continue;
        }
      }
      if (__builtin_expect(!CopyPlain(sink, batch, row, to, empty), 0)) break;
      bytes += length;
    }
    const uint32_t done = static_cast<uint32_t>(to - first);
    taken += done;
    left -= done;
    const bool stopped = to != end;
    if (to == ringEnd) to = sink.slots;
    if (stopped) break;
  }
  sink.head = static_cast<uint32_t>(to - sink.slots);
  tally->packets += taken;
  tally->bytes += bytes;
  return taken;
}

// Whatever the hot loop does not take: long frames, full rings, packets that can't be sent.
Sender::Outcome Sender::SendOther(uint32_t index, const SentBatch& batch, uint32_t row, bool movable, bool wait) {
  Sink& sink = sinks_.all[index];
  const auto drop = [&sink, row](uint32_t reason) {
    sink.counters[reason]++;
    sink.drops.Note(sink.output, row, reason);
    return Outcome::kDropped;
  };
  if (sink.gone) return drop(kDropInterfaceDown);
  if (row >= batch.columns.capacity) return drop(kDropBackendError);
  const Packet packet = PacketOf(batch, row, movable && !copies_);
  if (size_t{batch.columns.offset[row]} + packet.length > batch.memoryBytes) return drop(kDropBackendError);
  if (!sink.Fits(packet.length)) return drop(kDropTooLong);
  const uint32_t slots = sink.SlotsFor(packet.length);
  if (slots > 1) MakeRoom(index, slots, true);  // the batch's own look asked for one slot for each packet
  if (sink.queue.count == 0 && sink.Space() >= slots) {
    // What fails here: the reader gave back slots without buffers.
    return sink.Put(packet) ? Outcome::kSent : drop(kDropBackendError);
  }
  if (wait && sinks_.ReaderLives(sink)) return Outcome::kLeave;
  if (overflow_.Keep(index, packet)) return Outcome::kSent;
  return drop(sinks_.ReasonFull(sink));
}

}  // namespace bricks::netmap
