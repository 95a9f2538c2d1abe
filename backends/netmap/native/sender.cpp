#include "sender.h"

#include <time.h>

#include <cerrno>
#include <cstring>

namespace bricks::netmap {

namespace {

constexpr int64_t kMillisecond = 1'000'000;
// A full ring's reader that takes nothing for so long is not there, as far as anyone can tell.
constexpr int64_t kStalledNanoseconds = 1000 * kMillisecond;
// A ring found full is asked again after a pause that grows: a dead reader costs the others nothing.
constexpr int64_t kPauseFirst = 2'000;
constexpr int64_t kPauseLongest = kMillisecond;
// How far ahead the sink's slots are fetched: its reader wrote to them last.
constexpr uint32_t kSlotsAhead = 12;
// Packets that the longest queue loses at once when the reserve is used up.
constexpr uint32_t kEvicted = 16;

int64_t Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

}  // namespace

Reserve* Sender::ReserveOf(const std::shared_ptr<Port>& port, const netmap_ring* ring) {
  for (size_t k = 0; k < reserves_.size(); k++) {
    if (reserveRegions_[k] == port->region().get()) return reserves_[k].get();
  }
  if (port->registered().nr_extra_bufs == 0) return nullptr;
  reserves_.push_back(std::make_unique<Reserve>(port, ring));
  reserveRegions_.push_back(port->region().get());
  return reserves_.back().get();
}

// Only the first ring is used: several rings would not keep the order of packets.
void Sender::AddSink(const SinkSettings& settings) {
  if (settings.port->transmitRings().empty()) throw PortError{EINVAL, "claim"};
  netmap_ring* const ring = settings.port->transmitRings()[0];
  if (!settings.port->region()->ClaimRing(ring)) throw PortError{EBUSY, "claim"};
  Sink sink = {};
  sink.count = settings.count;
  sink.rows = settings.rows;
  sink.ring = ring;
  sink.slots = netmap_ring_slots(ring);
  sink.buffers = settings.port->Buffers(ring);
  sink.counters = settings.counters;
  sink.room = settings.room;
  sink.slotCount = ring->num_slots;
  sink.head = ring->head;
  sink.bufferSize = ring->nr_buf_size;
  sink.lastBuffer = settings.port->LastBuffer(ring);
  sink.splits = settings.splits;
  sink.region = settings.port->region().get();
  sink.port = settings.port;
  sink.kind = settings.kind;
  sink.lastTail = ring->tail;
  sink.takenAt = Now();
  sink.reserve = ReserveOf(settings.port, ring);
  rows_.push_back(sink.rows);
  sinks_.push_back(std::move(sink));
  active_.resize(sinks_.size() + 1);
  dirty_.reserve(sinks_.size());
  queuing_.reserve(sinks_.size());
}

void Sender::MarkDirty(uint32_t index) {
  if (sinks_[index].dirty) return;
  sinks_[index].dirty = true;
  dirty_.push_back(index);
}

void Sender::Sync(Sink& sink) {
  const int error = sink.port->SyncTransmit();
  if (error == ENXIO || error == ENODEV || error == EBADF) sink.gone = true;
  if (sink.ring->head != sink.head) sink.head = sink.ring->head;  // the kernel resets a ring that it finds spoilt
}

// Before the batch's first packet: learns what the reader has given back, and sends on from the reserve.
void Sender::MakeRoom(uint32_t index, uint32_t wanted) {
  Sink& sink = sinks_[index];
  const uint32_t space = Space(sink);
  if (space >= wanted && sink.queue.count == 0) return;
  if (now_ == 0) now_ = Now();
  if (space == 0 && now_ < sink.askAgainAt) return;
  Sync(sink);
  if (sink.ring->tail != sink.lastTail) {
    sink.lastTail = sink.ring->tail;
    sink.everTaken = true;
    sink.takenAt = now_;
    sink.pause = 0;
  } else if (Space(sink) == 0) {
    sink.pause = sink.pause == 0 ? kPauseFirst : sink.pause * 2 < kPauseLongest ? sink.pause * 2 : kPauseLongest;
    sink.askAgainAt = now_ + sink.pause;
  }
  if (sink.queue.count > 0) EmptyQueue(index);
}

void Sender::EmptyQueue(uint32_t index) {
  Sink& sink = sinks_[index];
  uint32_t space = Space(sink);
  const uint32_t head = sink.head;
  while (sink.queue.count > 0 && space > 0) {
    netmap_slot& slot = sink.slots[sink.head];
    if (slot.buf_idx - NETMAP_BUFFERS_RESERVED > sink.lastBuffer - NETMAP_BUFFERS_RESERVED) break;
    uint16_t length;
    const uint32_t buffer = sink.reserve->Pop(&sink.queue, &length);
    const uint32_t free = slot.buf_idx;
    slot.buf_idx = buffer;
    slot.len = length;
    slot.flags = NS_BUF_CHANGED;
    sink.reserve->GiveFree(free);
    sink.head = NextSlot(sink.head, sink.slotCount);
    space--;
  }
  if (sink.head == head) return;
  sink.ring->head = sink.ring->cur = sink.head;
  MarkDirty(index);
}

bool Sender::Movable(const Sink& sink, const SentBatch& batch, bool wait) const {
  // With `wait` a packet may be sent again, to others, after this ring was synced.
  return batch.source && batch.source->region().get() == sink.region && !(wait && copies_);
}

uint32_t Sender::Transmit(const SentBatch& batch, bool wait) {
  uint32_t* const active = active_.data();
  uint32_t found = 0;
  const uint32_t total = static_cast<uint32_t>(sinks_.size());
  for (uint32_t k = 0; k < total; k++) {
    active[found] = k;
    found += *sinks_[k].count != 0;
  }
  now_ = 0;
  lastSource_ = batch.source.get();
  for (uint32_t k = 0; k < found; k++) {
    if (k + 4 < found) __builtin_prefetch(sinks_[active[k + 4]].ring);
    MakeRoom(active[k], *sinks_[active[k]].count);
  }
  for (uint32_t k = 0; k < queuing_.size(); k++) {
    if (*sinks_[queuing_[k]].count == 0) MakeRoom(queuing_[k], 0);
  }
  uint32_t left = 0;
  for (uint32_t k = 0; k < found; k++) {
    if (k + 2 < found) {
      const Sink& ahead = sinks_[active[k + 2]];
      __builtin_prefetch(ahead.slots + ahead.head, 1);
      __builtin_prefetch(ahead.rows);
      __builtin_prefetch(ahead.counters, 1);
    }
    left += Send(active[k], batch, wait);
  }
  left_ = left > 0;
  return left;
}

uint32_t Sender::Send(uint32_t index, const SentBatch& batch, bool wait) {
  Sink& sink = sinks_[index];
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
  if (sink.head != head) {
    sink.ring->head = sink.ring->cur = sink.head;
    MarkDirty(index);
  }
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
  const uint32_t space = Space(sink);
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
  Sink& sink = sinks_[index];
  const auto drop = [&sink](uint32_t reason) {
    sink.counters[reason]++;
    return Outcome::kDropped;
  };
  if (sink.gone) return drop(reasons_.interfaceDown);
  if (row >= batch.columns.capacity) return drop(reasons_.backendError);
  const uint32_t length = batch.columns.length[row];
  if (size_t{batch.columns.offset[row]} + length > batch.memoryBytes) return drop(reasons_.backendError);
  const uint32_t needed = length == 0 ? 1 : (length - 1) / sink.bufferSize + 1;
  if (needed > 1 && (!sink.splits || needed > NETMAP_FRAGMENTS_MAX || needed >= sink.slotCount)) return drop(reasons_.tooLong);
  if (sink.queue.count == 0 && Space(sink) >= needed) {
    // The reader gave back slots without buffers.
    return needed > 1 && SendFrame(sink, batch, row) ? Outcome::kSent : drop(reasons_.backendError);
  }
  if (wait && ReaderLives(sink)) return Outcome::kLeave;
  if (needed == 1 && Keep(index, batch, row, movable && !copies_)) return Outcome::kSent;
  return drop(ReasonFull(sink));
}

// A frame longer than a slot goes over several, whole or not at all.
bool Sender::SendFrame(Sink& sink, const SentBatch& batch, uint32_t row) {
  const uint8_t* from = batch.memory + batch.columns.offset[row];
  uint32_t left = batch.columns.length[row];
  const uint32_t needed = (left - 1) / sink.bufferSize + 1;
  if (Space(sink) < needed) return false;
  uint32_t at = sink.head;
  for (uint32_t k = 0; k < needed; k++, at = NextSlot(at, sink.slotCount)) {
    if (sink.slots[at].buf_idx - NETMAP_BUFFERS_RESERVED > sink.lastBuffer - NETMAP_BUFFERS_RESERVED) return false;
  }
  while (left > 0) {
    netmap_slot& slot = sink.slots[sink.head];
    const uint32_t part = left < sink.bufferSize ? left : sink.bufferSize;
    std::memcpy(sink.buffers + uint64_t{slot.buf_idx} * sink.bufferSize, from, part);
    from += part;
    left -= part;
    slot.len = static_cast<uint16_t>(part);
    slot.flags = static_cast<uint16_t>((slot.flags & NS_BUF_CHANGED) | (left > 0 ? NS_MOREFRAG : 0));
    sink.head = NextSlot(sink.head, sink.slotCount);
  }
  return true;
}

// Puts a packet into the reserve. The newest win: when it is used up, the longest queue loses its oldest.
bool Sender::Keep(uint32_t index, const SentBatch& batch, uint32_t row, bool move) {
  Sink& sink = sinks_[index];
  if (sink.reserve == nullptr || sink.reserve->total() == 0) return false;
  uint32_t buffer = sink.reserve->TakeFree();
  if (buffer == 0) {
    Evict(sink.reserve);
    buffer = sink.reserve->TakeFree();
    if (buffer == 0) return false;
  }
  const uint32_t length = batch.columns.length[row];
  const uint32_t at = batch.columns.slot[row];
  netmap_slot* const from = reinterpret_cast<netmap_slot*>(sink.region->base() + at);
  if (move && at != kNoSlot && at <= sink.region->bytes() - sizeof(netmap_slot) &&
      sink.buffers + uint64_t{from->buf_idx} * sink.bufferSize == batch.memory + batch.columns.offset[row]) {
    const uint32_t full = from->buf_idx;
    from->buf_idx = buffer;
    from->flags = NS_BUF_CHANGED;
    buffer = full;
  } else {
    std::memcpy(sink.buffers + uint64_t{buffer} * sink.bufferSize, batch.memory + batch.columns.offset[row], length);
  }
  if (!sink.queuing) queuing_.push_back(index);
  sink.queuing = true;
  sink.reserve->Push(&sink.queue, buffer, static_cast<uint16_t>(length));
  return true;
}

void Sender::Evict(Reserve* reserve) {
  Sink* longest = nullptr;
  for (const uint32_t index : queuing_) {
    Sink& sink = sinks_[index];
    if (sink.reserve == reserve && sink.queue.count > 0 && (longest == nullptr || sink.queue.count > longest->queue.count)) longest = &sink;
  }
  for (uint32_t k = 0; longest != nullptr && k < kEvicted && longest->queue.count > 0; k++) DropOldest(*longest);
}

// It was counted as sent when the reserve took it.
void Sender::DropOldest(Sink& sink) {
  uint16_t length;
  sink.reserve->GiveFree(sink.reserve->Pop(&sink.queue, &length));
  sink.counters[kPackets]--;
  sink.counters[kBytes] -= length;
  sink.counters[ReasonFull(sink)]++;
}

bool Sender::ReaderLives(const Sink& sink) const { return !sink.gone && (now_ == 0 ? Now() : now_) - sink.takenAt < kStalledNanoseconds; }

// netmap doesn't tell who holds the other end of a pipe. A reader that has never given back a slot of
// a full ring, or none for a second, is taken for absent.
uint32_t Sender::ReasonFull(const Sink& sink) const {
  if (sink.kind != SinkKind::kPipe) return reasons_.interfaceBusy;
  return sink.everTaken && ReaderLives(sink) ? reasons_.ringFull : reasons_.noReader;
}

bool Sender::WantsFlush() {
  if (dirty_.empty()) return false;
  // Those who wait for readers must let them see what there is.
  if (left_) return true;
  return lastSource_ == nullptr || ++together_ >= batchesTogether_ || lastSource_->Available() == 0;
}

void Sender::Flush() {
  together_ = 0;
  for (const uint32_t index : dirty_) {
    Sink& sink = sinks_[index];
    sink.dirty = false;
    Sync(sink);
    if (sink.ring->tail == sink.lastTail) continue;
    sink.lastTail = sink.ring->tail;
    sink.everTaken = true;
    if (now_ == 0) now_ = Now();
    sink.takenAt = now_;
  }
  dirty_.clear();
}

void Sender::Settle() {
  now_ = 0;
  lastSource_ = nullptr;
  for (uint32_t k = 0; k < queuing_.size();) {
    const uint32_t index = queuing_[k];
    MakeRoom(index, 0);
    if (sinks_[index].queue.count > 0) {
      k++;
    } else {
      sinks_[index].queuing = false;
      queuing_[k] = queuing_.back();
      queuing_.pop_back();
    }
  }
  Flush();
}

uint32_t Sender::Backlog() const {
  uint32_t backlog = 0;
  for (const auto& reserve : reserves_) backlog += reserve->queued();
  return backlog;
}

void Sender::Abandon() {
  for (Sink& sink : sinks_) sink.counters = ignored_;
  Close(0);
}

void Sender::Close(uint32_t milliseconds) {
  if (sinks_.empty()) return;
  lastSource_ = nullptr;
  const int64_t deadline = Now() + milliseconds * kMillisecond;
  const auto pending = [this] {
    bool wait = Backlog() > 0;
    for (Sink& sink : sinks_) {
      if (sink.kind == SinkKind::kPipe || sink.gone) continue;
      // What a network card has not sent is lost when its port is closed.
      if (SlotsBetween(sink.head, sink.ring->tail, sink.slotCount) + 1 < sink.slotCount) {
        Sync(sink);
        wait = wait || SlotsBetween(sink.head, sink.ring->tail, sink.slotCount) + 1 < sink.slotCount;
      }
    }
    return wait;
  };
  Settle();
  while (milliseconds > 0 && pending() && Now() < deadline) {
    const timespec pause = {0, 200'000};
    nanosleep(&pause, nullptr);
    Settle();
  }
  for (Sink& sink : sinks_) {
    while (sink.queue.count > 0) DropOldest(sink);
    sink.region->ReleaseRing(sink.ring);
  }
  reserves_.clear();
  reserveRegions_.clear();
  queuing_.clear();
  dirty_.clear();
  sinks_.clear();
  rows_.clear();
}

}  // namespace bricks::netmap
