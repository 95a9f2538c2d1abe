#include "overflow.h"

namespace bricks::netmap {

namespace {
// Packets that the longest queue loses at once when the reserve is used up.
constexpr uint32_t kEvicted = 16;
}  // namespace

Reserve* Overflow::ReserveOf(const Region* region) const {
  for (size_t k = 0; k < reserves_.size(); k++) {
    if (regions_[k] == region) return reserves_[k].get();
  }
  return nullptr;
}

void Overflow::AddSink(uint32_t index, const Overflow* before) {
  Sink& sink = sinks_.all[index];
  queuing_.reserve(sinks_.all.size());
  sink.reserve = ReserveOf(sink.region);
  if (sink.reserve != nullptr || sink.port->registered().nr_extra_bufs == 0) return;
  if (before != nullptr && before->ReserveOf(sink.region) != nullptr) return;
  reserves_.push_back(std::make_unique<Reserve>(sink.port, sink.ring));
  regions_.push_back(sink.region);
  sink.reserve = reserves_.back().get();
}

void Overflow::TakeOver(Overflow* before) {
  for (size_t k = 0; k < before->reserves_.size();) {
    Region* const region = before->regions_[k];
    bool ours = false;
    for (const Sink& sink : sinks_.all) ours = ours || sink.region == region;
    if (!ours || ReserveOf(region) != nullptr) {
      k++;
      continue;
    }
    for (Sink& sink : before->sinks_.all) {
      if (sink.region == region) sink.reserve = nullptr;
    }
    reserves_.push_back(std::move(before->reserves_[k]));
    regions_.push_back(region);
    before->reserves_.erase(before->reserves_.begin() + static_cast<ptrdiff_t>(k));
    before->regions_.erase(before->regions_.begin() + static_cast<ptrdiff_t>(k));
  }
  queuing_.clear();
  for (uint32_t index = 0; index < sinks_.all.size(); index++) {
    Sink& sink = sinks_.all[index];
    sink.reserve = ReserveOf(sink.region);
    sink.queuing = sink.queue.count > 0;
    if (sink.queuing) queuing_.push_back(index);
  }
}

void Overflow::Drop(uint32_t index) {
  Sink& sink = sinks_.all[index];
  while (sink.queue.count > 0) DropOldest(sink);
}

bool Overflow::Keep(uint32_t index, const Packet& packet) {
  Sink& sink = sinks_.all[index];
  if (sink.reserve == nullptr || sink.reserve->total() == 0 || packet.length > sink.bufferSize) return false;
  uint32_t buffer = sink.reserve->TakeFree();
  if (buffer == 0) {
    Evict(sink.reserve);
    buffer = sink.reserve->TakeFree();
    if (buffer == 0) return false;
  }
  if (!sink.queuing) queuing_.push_back(index);
  sink.queuing = true;
  sink.reserve->Push(&sink.queue, sink.Exchange(packet, buffer), static_cast<uint16_t>(packet.length));
  return true;
}

void Overflow::Empty(uint32_t index) {
  Sink& sink = sinks_.all[index];
  const uint32_t head = sink.head;
  for (uint32_t space = sink.Space(); sink.queue.count > 0 && space > 0; space--) {
    netmap_slot& slot = sink.slots[sink.head];
    if (!sink.SlotGood(slot)) break;
    uint16_t length;
    const uint32_t buffer = sink.reserve->Pop(&sink.queue, &length);
    sink.reserve->GiveFree(slot.buf_idx);
    slot.buf_idx = buffer;
    slot.len = length;
    slot.flags = NS_BUF_CHANGED;
    sink.head = NextSlot(sink.head, sink.slotCount);
  }
  if (sink.head != head) sinks_.MarkDirty(index);
}

void Overflow::Evict(const Reserve* reserve) {
  Sink* longest = nullptr;
  for (const uint32_t index : queuing_) {
    Sink& sink = sinks_.all[index];
    if (sink.reserve == reserve && sink.queue.count > 0 && (longest == nullptr || sink.queue.count > longest->queue.count)) longest = &sink;
  }
  for (uint32_t k = 0; longest != nullptr && k < kEvicted && longest->queue.count > 0; k++) DropOldest(*longest);
}

// It was counted as sent when the reserve took it.
void Overflow::DropOldest(Sink& sink) {
  uint16_t length;
  const uint32_t buffer = sink.reserve->Pop(&sink.queue, &length);
  Sinks::TakeBack(sink, {sink.Buffer(buffer), length, nullptr, nullptr}, sinks_.ReasonFull(sink));
  // A free buffer's bytes are netmap's.
  sink.reserve->GiveFree(buffer);
}

uint32_t Overflow::Backlog() const {
  uint32_t backlog = 0;
  for (const auto& reserve : reserves_) backlog += reserve->queued();
  return backlog;
}

void Overflow::ForgetEmpty() {
  for (uint32_t k = 0; k < queuing_.size();) {
    Sink& sink = sinks_.all[queuing_[k]];
    if (sink.queue.count > 0) {
      k++;
      continue;
    }
    sink.queuing = false;
    queuing_[k] = queuing_.back();
    queuing_.pop_back();
  }
}

void Overflow::Close() {
  for (uint32_t index = 0; index < sinks_.all.size(); index++) {
    Drop(index);
    sinks_.all[index].reserve = nullptr;
  }
  reserves_.clear();
  regions_.clear();
  queuing_.clear();
}

}  // namespace bricks::netmap
