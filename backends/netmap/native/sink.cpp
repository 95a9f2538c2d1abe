#include "sink.h"

#include <time.h>

#include <cerrno>
#include <cstring>

namespace bricks::netmap {

Packet PacketOf(const SentBatch& batch, uint32_t row, bool movable) {
  Packet packet = {batch.memory + batch.columns.offset[row], batch.columns.length[row], nullptr, nullptr, row};
  const uint32_t at = batch.columns.slot[row];
  if (!movable || at == kNoSlot) return packet;
  packet.region = batch.source->region().get();
  if (at <= packet.region->bytes() - sizeof(netmap_slot)) packet.slot = reinterpret_cast<netmap_slot*>(packet.region->base() + at);
  return packet;
}

uint32_t Sink::Exchange(const Packet& packet, uint32_t empty) {
  if (packet.slot != nullptr && packet.region == region && Buffer(packet.slot->buf_idx) == packet.data) {
    const uint32_t full = packet.slot->buf_idx;
    packet.slot->buf_idx = empty;
    packet.slot->flags = NS_BUF_CHANGED;
    return full;
  }
  std::memcpy(Buffer(empty), packet.data, packet.length);
  return empty;
}

bool Sink::Put(const Packet& packet) {
  if (packet.length > bufferSize) return PutFrame(packet.data, packet.length);
  netmap_slot& slot = slots[head];
  if (Space() == 0 || !SlotGood(slot)) return false;
  const uint32_t empty = slot.buf_idx;
  slot.buf_idx = Exchange(packet, empty);
  slot.flags = static_cast<uint16_t>(slot.buf_idx != empty ? NS_BUF_CHANGED : slot.flags & NS_BUF_CHANGED);
  slot.len = static_cast<uint16_t>(packet.length);
  head = NextSlot(head, slotCount);
  return true;
}

bool Sink::PutFrame(const uint8_t* from, uint32_t length) {
  const uint32_t needed = SlotsFor(length);
  if (Space() < needed) return false;
  uint32_t at = head;
  for (uint32_t k = 0; k < needed; k++, at = NextSlot(at, slotCount)) {
    if (!SlotGood(slots[at])) return false;
  }
  for (uint32_t left = length; left > 0; head = NextSlot(head, slotCount)) {
    netmap_slot& slot = slots[head];
    const uint32_t part = left < bufferSize ? left : bufferSize;
    std::memcpy(Buffer(slot.buf_idx), from, part);
    from += part;
    left -= part;
    slot.len = static_cast<uint16_t>(part);
    slot.flags = static_cast<uint16_t>((slot.flags & NS_BUF_CHANGED) | (left > 0 ? NS_MOREFRAG : 0));
  }
  return true;
}

void Sink::GoOn(Sink* before) {
  head = before->head;
  lastTail = before->lastTail;
  gone = before->gone;
  everTaken = before->everTaken;
  fullSince = before->fullSince;
  askAgainAt = before->askAgainAt;
  pause = before->pause;
  queue = before->queue;
  before->queue = {};
  claimed = before->claimed;
  before->claimed = false;
}

Sink* Sinks::Of(const netmap_ring* ring) {
  const auto found = places_.find(ring);
  return found == places_.end() ? nullptr : &all[found->second];
}

// Only the first ring is used: several rings would not keep the order of packets.
void Sinks::Add(const SinkSettings& settings, const Sinks* before) {
  if (settings.port->transmitRings().empty()) throw PortError{EINVAL, "claim"};
  netmap_ring* const ring = settings.port->transmitRings()[0];
  Sink sink = {};
  sink.claimed = settings.port->region()->ClaimRing(ring);
  if (!sink.claimed && (before == nullptr || !before->Has(ring) || Has(ring))) throw PortError{EBUSY, "claim"};
  sink.count = settings.count;
  sink.rows = settings.rows;
  sink.ring = ring;
  sink.slots = netmap_ring_slots(ring);
  sink.buffers = settings.port->Buffers(ring);
  sink.counters = settings.counters;
  sink.output = settings.output;
  sink.drops = settings.drops;
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
  places_[ring] = static_cast<uint32_t>(all.size());
  all.push_back(std::move(sink));
  dirty.reserve(all.size());
  polled_.reserve(all.size() + 1);
}

void Sinks::Clear() {
  all.clear();
  places_.clear();
}

void Sinks::MarkDirty(uint32_t index) {
  if (all[index].dirty) return;
  all[index].dirty = true;
  dirty.push_back(index);
}

bool Sinks::Sync(uint32_t index) {
  Sink& sink = all[index];
  sink.ring->head = sink.ring->cur = sink.head;
  return AfterSync(sink, sink.head, sink.port->SyncTransmit());
}

bool Sinks::Ask(uint32_t index) {
  Sink& sink = all[index];
  const uint32_t shown = sink.ring->head;
  return AfterSync(sink, shown, sink.port->SyncTransmit());
}

// poll does for each port what NIOCTXSYNC does, even where no event is asked for. One call for all lets their readers run
// after all of it: on one CPU each call by itself is a switch to a reader that finds one ring filled.
void Sinks::SyncDirty(Receiver* source, int milliseconds) {
  polled_.clear();
  for (const uint32_t index : dirty) {
    Sink& sink = all[index];
    sink.dirty = false;
    sink.ring->head = sink.ring->cur = sink.head;
    polled_.push_back({sink.port->descriptor(), 0, 0});
  }
  if (source != nullptr) polled_.push_back(source->Question());
  const bool asked = poll(polled_.data(), polled_.size(), source != nullptr ? milliseconds : 0) >= 0;
  constexpr int kFailed = POLLERR | POLLHUP | POLLNVAL;
  for (size_t k = 0; k < dirty.size(); k++) {
    Sink& sink = all[dirty[k]];
    const bool sent = asked && (polled_[k].revents & kFailed) == 0;
    AfterSync(sink, sink.head, sent ? 0 : sink.port->SyncTransmit());
  }
  dirty.clear();
  if (source != nullptr && asked) source->Answered(polled_.back());
}

bool Sinks::AfterSync(Sink& sink, uint32_t shown, int error) {
  if (error == ENXIO || error == ENODEV || error == EBADF) sink.gone = true;
  if (sink.ring->head != shown) sink.head = sink.ring->head;  // the kernel resets a ring that it finds spoilt
  const uint32_t tail = sink.ring->tail;
  if (tail == sink.lastTail || tail >= sink.slotCount) return false;
  sink.lastTail = tail;
  sink.everTaken = true;
  sink.fullSince = 0;
  sink.pause = 0;
  return true;
}

bool Sinks::ReaderLives(Sink& sink) const {
  if (sink.fullSince == 0) sink.fullSince = Now();
  return !sink.gone && Now() - sink.fullSince < kStalledNanoseconds;
}

// netmap doesn't tell who holds the other end of a pipe. A reader that has never given back a slot of
// a full ring, or none for a second, is taken for absent.
uint32_t Sinks::ReasonFull(Sink& sink) const {
  if (sink.kind != SinkKind::kPipe) return kDropInterfaceBusy;
  return sink.everTaken && ReaderLives(sink) ? kDropRingFull : kDropNoReader;
}

void Sinks::TakeBack(Sink& sink, const Packet& packet, uint32_t reason) {
  sink.counters[kLinkPackets]--;
  sink.counters[kLinkBytes] -= packet.length;
  sink.counters[reason]++;
  if (packet.row != Packet::kNoRow) sink.drops.Note(sink.output, packet.row, reason);
  else sink.drops.late.Note(sink.output, reason, packet.data, packet.data == nullptr ? 0 : packet.length, packet.length);
}

int64_t Sinks::Now() const {
  if (now_ == 0) {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    now_ = now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
  }
  return now_;
}

}  // namespace bricks::netmap
