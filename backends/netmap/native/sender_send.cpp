// What is done with a batch's packets, sink by sink.
#include <cstring>

#include "sender.h"

namespace bricks::netmap {

namespace {
// How far ahead the sink's slots are fetched: its reader wrote to them last.
constexpr uint32_t kSlotsAhead = 12;
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
  uint32_t done = sink.gone ? 0 : SendPlain(sink, batch, movable, count, &tally);
  uint32_t left = 0;
  for (; done < count; done++) {
    const uint32_t row = sink.rows[done];
    const Outcome outcome = SendOther(index, batch, row, movable, wait);
    if (outcome == Outcome::kLeave) {
      left = count - done;
      std::memmove(sink.rows, sink.rows + done, left * sizeof(uint16_t));
      sinks_.MarkDirty(index);  // the sync tells when there is room, for a frame of many slots too
      break;
    }
    if (outcome == Outcome::kDropped) continue;
    tally.packets++;
    tally.bytes += batch.columns.length[row];
    // There may be room again for what follows.
    if (sink.queue.count == 0 && done + 1 < count) {
      sink.rows += done + 1;  // for the hot loop only
      done += SendPlain(sink, batch, movable, count - done - 1, &tally);
      sink.rows = rows_[index];
    }
  }
  *sink.count = left;
  sink.counters[kPackets] += tally.packets;
  sink.counters[kBytes] += tally.bytes;
  if (sink.head != head) sinks_.MarkDirty(index);
  return left;
}

// The hot loop: packets of one slot, while the ring has room and nothing waits in the reserve. Answers how many it took.
uint32_t Sender::SendPlain(Sink& sink, const SentBatch& batch, bool movable, uint32_t count, Tally* tally) {
  if (sink.queue.count > 0) return 0;
  const uint16_t* const rows = sink.rows;
  const uint32_t capacity = batch.columns.capacity;
  const uint32_t* const offsets = batch.columns.offset;
  const uint32_t* const lengths = batch.columns.length;
  const uint32_t* const slotColumn = batch.columns.slot;
  const uint8_t* const memory = batch.memory;
  const size_t memoryBytes = batch.memoryBytes;
  uint8_t* const base = sink.region->base();
  const uint64_t slotsEnd = movable ? sink.region->bytes() - sizeof(netmap_slot) : 0;
  uint8_t* const buffers = sink.buffers;
  const uint64_t bufferSize = sink.bufferSize;
  const uint32_t buffersGood = sink.lastBuffer - NETMAP_BUFFERS_RESERVED;
  netmap_slot* const slots = sink.slots;
  const uint32_t slotCount = sink.slotCount;
  const uint32_t space = sink.Space();
  const uint32_t most = count < space ? count : space;
  uint32_t head = sink.head;
  uint64_t bytes = 0;
  uint32_t k = 0;
  for (; k < most; k++) {
    const uint32_t row = rows[k];
    if (__builtin_expect(row >= capacity, 0)) break;
    const uint32_t length = lengths[row];
    const uint32_t offset = offsets[row];
    netmap_slot* const to = slots + head;
    __builtin_prefetch(to + kSlotsAhead, 1);
    if (__builtin_expect(length > bufferSize || size_t{offset} + length > memoryBytes || to->buf_idx - NETMAP_BUFFERS_RESERVED > buffersGood, 0)) break;
    const uint32_t at = slotColumn[row];
    netmap_slot* const from = reinterpret_cast<netmap_slot*>(base + at);
    const uint32_t empty = to->buf_idx;
    if (__builtin_expect(at - 1 < slotsEnd && buffers + from->buf_idx * bufferSize == memory + offset, 1)) {
      to->buf_idx = from->buf_idx;
      to->flags = NS_BUF_CHANGED;
      from->buf_idx = empty;
      from->flags = NS_BUF_CHANGED;
    } else {
      std::memcpy(buffers + empty * bufferSize, memory + offset, length);
      to->flags &= NS_BUF_CHANGED;
    }
    to->len = static_cast<uint16_t>(length);
    bytes += length;
    head = NextSlot(head, slotCount);
  }
  sink.head = head;
  tally->packets += k;
  tally->bytes += bytes;
  return k;
}

// Whatever the hot loop does not take: long frames, full rings, packets that can't be sent.
Sender::Outcome Sender::SendOther(uint32_t index, const SentBatch& batch, uint32_t row, bool movable, bool wait) {
  Sink& sink = sinks_.all[index];
  const LinkSlots& reasons = sinks_.reasons;
  const auto drop = [&sink](uint32_t reason) {
    sink.counters[reason]++;
    return Outcome::kDropped;
  };
  if (sink.gone) return drop(reasons.interfaceDown);
  if (row >= batch.columns.capacity) return drop(reasons.backendError);
  const Packet packet = PacketOf(batch, row, movable && !copies_);
  if (size_t{batch.columns.offset[row]} + packet.length > batch.memoryBytes) return drop(reasons.backendError);
  if (!sink.Fits(packet.length)) return drop(reasons.tooLong);
  if (sink.queue.count == 0 && sink.Space() >= sink.SlotsFor(packet.length)) {
    // What fails here: the reader gave back slots without buffers.
    return sink.Put(packet) ? Outcome::kSent : drop(reasons.backendError);
  }
  if (wait && sinks_.ReaderLives(sink)) return Outcome::kLeave;
  if (overflow_.Keep(index, packet)) return Outcome::kSent;
  return drop(sinks_.ReasonFull(sink));
}

}  // namespace bricks::netmap
