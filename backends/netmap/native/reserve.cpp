#include "reserve.h"

#include <cstring>

namespace bricks::netmap {

namespace {
constexpr uint32_t kNone = UINT32_MAX;
}

Reserve::Reserve(std::shared_ptr<Port> port, const netmap_ring* ring)
    : port_(std::move(port)), buffers_(port_->Buffers(ring)), bufferSize_(ring->nr_buf_size), lastBuffer_(port_->LastBuffer(ring)), total_(port_->registered().nr_extra_bufs) {
  entries_.resize(total_);
  for (uint32_t k = 0; k < total_; k++) entries_[k] = {0, k + 1 < total_ ? k + 1 : kNone, 0, false};
  freeEntry_ = total_ > 0 ? 0 : kNone;
}

uint32_t Reserve::TakeFree() {
  const uint32_t buffer = port_->interface()->ni_bufs_head;
  if (buffer < NETMAP_BUFFERS_RESERVED || buffer > lastBuffer_ || freeEntry_ == kNone) return 0;
  uint32_t next;
  std::memcpy(&next, buffers_ + uint64_t{buffer} * bufferSize_, sizeof next);
  port_->interface()->ni_bufs_head = next;
  return buffer;
}

void Reserve::GiveFree(uint32_t buffer) {
  const uint32_t next = port_->interface()->ni_bufs_head;
  std::memcpy(buffers_ + uint64_t{buffer} * bufferSize_, &next, sizeof next);
  port_->interface()->ni_bufs_head = buffer;
}

void Reserve::Push(ReserveQueue* queue, uint32_t buffer, uint16_t length) {
  const uint32_t entry = freeEntry_;
  freeEntry_ = entries_[entry].next;
  entries_[entry] = {buffer, kNone, length, true};
  if (queue->count++ == 0) queue->first = entry;
  else entries_[queue->last].next = entry;
  queue->last = entry;
  queued_++;
}

uint32_t Reserve::Pop(ReserveQueue* queue, uint16_t* length) {
  const uint32_t entry = queue->first;
  const uint32_t buffer = entries_[entry].buffer;
  *length = entries_[entry].length;
  queue->first = entries_[entry].next;
  queue->count--;
  entries_[entry].used = false;
  entries_[entry].next = freeEntry_;
  freeEntry_ = entry;
  queued_--;
  return buffer;
}

void Reserve::GiveBack() {
  if (!port_ || port_->region() == nullptr) return;
  for (Entry& entry : entries_) {
    if (entry.used) GiveFree(entry.buffer);
    entry.used = false;
  }
  queued_ = 0;
  port_.reset();
}

}  // namespace bricks::netmap
