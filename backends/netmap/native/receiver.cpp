#include "receiver.h"

#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fill_column.h"
#include "flow_columns.h"

namespace bricks::netmap {

namespace {

// Packets ahead of the one at hand whose first line is fetched: a memory's latency at 7 ns each.
constexpr uint32_t kPacketsAhead = 14;

// Out of line, and told no more than it needs, so that the loop has registers enough: 20 instructions a packet less.
__attribute__((noinline)) int32_t UncommonFlow(const PacketColumns& columns, const uint8_t* packet, size_t row) {
  return ParsedFlow(packet, columns.length[row], columns.flowAddresses + row, columns.flowPorts + row);
}

}  // namespace

Receiver::Receiver(std::shared_ptr<Port> port, bool timestamps, bool waits)
    : port_(std::move(port)), region_(port_->region()), timestamps_(timestamps), waits_(waits) {
  for (netmap_ring* ring : port_->receiveRings()) {
    if (!region_->ClaimRing(ring)) {
      Close();
      throw PortError{EBUSY, "claim"};
    }
    rings_.push_back({ring, netmap_ring_slots(ring), port_->Buffers(ring), ring->num_slots, ring->nr_buf_size, port_->LastBuffer(ring), ring->head, false});
    if (timestamps) ring->flags |= NR_TIMESTAMP;
  }
}

void Receiver::Close() {
  Release();
  for (const Ring& ring : rings_) region_->ReleaseRing(ring.ring);
  rings_.clear();
  if (staging_ != nullptr) region_->GiveStaging(staging_);
  staging_ = nullptr;
  port_.reset();
  region_.reset();
}

uint32_t Receiver::Available() const {
  uint32_t available = 0;
  for (const Ring& ring : rings_) {
    if (!ring.blocked) available += SlotsBetween(ring.next, ring.ring->tail, ring.count);
  }
  return available;
}

// Where the caller waits whenever nothing is there, waiting syncs.
// Otherwise: while a whole batch waits, the system need not be asked. Asking before the rings are empty makes
// batches larger, and gives the kernel its slots back in time.
bool Receiver::WantsSync(uint32_t capacity) const {
  const uint32_t available = Available();
  return available == 0 || (available < capacity && released_);
}

int32_t Receiver::Receive(const PacketColumns& columns, const ColumnNeeds& needs, uint64_t* counters) {
  if (rings_.empty()) return -1;
  Release();
  if (!waits_ && !asked_ && WantsSync(columns.capacity)) {
    const int error = port_->SyncReceive();
    if (error != 0 && error != EAGAIN && error != EBUSY) return -1;
    AfterSync();
  }
  asked_ = false;
  if (gone_ && port_->SyncReceive() != 0) return -1;
  bytes_ = 0;
  malformed_ = 0;
  stagingUsed_ = 0;
  const uint32_t rows = Fill(columns, needs);
  counters[kLinkPackets] += rows;
  counters[kLinkBytes] += bytes_;
  counters[kDropMalformed] += malformed_;
  if (rows == 0) Release();  // what was malformed, and how far was looked
  return static_cast<int32_t>(rows);
}

void Receiver::Wait(int milliseconds) {
  if (!port_ || port_->descriptor() < 0) return;
  pollfd polled = {port_->descriptor(), POLLIN, 0};
  if (poll(&polled, 1, milliseconds) < 0) polled.revents = 0;
  Answered(polled);
}

pollfd Receiver::Question() {
  Release();
  return {port_ ? port_->descriptor() : -1, POLLIN, 0};
}

void Receiver::Answered(const pollfd& polled) {
  gone_ = (polled.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
  asked_ = true;
  AfterSync();
}

void Receiver::AfterSync() {
  released_ = false;
  for (Ring& ring : rings_) {
    ring.blocked = false;
    ring.next = ring.ring->head;  // the kernel resets a ring that it finds spoilt
  }
}

// Each ring may fill its share of the batch, and what others leave; the first one changes from batch to batch.
uint32_t Receiver::Fill(const PacketColumns& columns, const ColumnNeeds& needs) {
  const uint32_t count = static_cast<uint32_t>(rings_.size());
  const auto take = [&](Ring& ring, uint32_t from, uint32_t limit) {
    const uint32_t to = needs.flow == FlowNeed::kWord  ? Take<FlowNeed::kWord>(ring, columns, from, limit)
                        : needs.flow == FlowNeed::kAll ? Take<FlowNeed::kAll>(ring, columns, from, limit)
                                                       : Take<FlowNeed::kNone>(ring, columns, from, limit);
    if (needs.arrival) Stamp(ring, columns, from, to);
    return to;
  };
  uint32_t row = 0;
  if (count == 1) return take(rings_[0], 0, columns.capacity);
  for (int pass = 0; pass < 2 && row < columns.capacity; pass++) {
    for (uint32_t k = 0; k < count && row < columns.capacity; k++) {
      Ring& ring = rings_[(turn_ + k) % count];
      const uint32_t left = columns.capacity - row;
      const uint32_t share = pass == 0 ? (left + count - k - 1) / (count - k) : left;
      row = take(ring, row, row + share);
    }
  }
  turn_ = (turn_ + 1) % count;
  return row;
}

template <FlowNeed kFlow>
uint32_t Receiver::Take(Ring& ring, const PacketColumns& columns, uint32_t row, uint32_t limit) {
  // In locals: stores of bytes might change whatever is behind a pointer, as far as the compiler knows.
  const uint8_t* const base = region_->base();
  const uint32_t tail = ring.ring->tail;
  const uint32_t slots = ring.count;
  const netmap_slot* const slot = ring.slots;
  const uint8_t* const buffers = ring.buffers;
  const uint64_t bufferSize = ring.bufferSize;
  const uint32_t buffersGood = ring.lastBuffer - NETMAP_BUFFERS_RESERVED;
  uint32_t* const offset = columns.offset;
  uint32_t* const lengths = columns.length;
  uint32_t* const slotColumn = columns.slot;
  int32_t* const words = columns.flowWord;
  uint16_t* const addresses = columns.flowAddresses;
  uint32_t* const ports = columns.flowPorts;
  if (tail >= slots || ring.blocked) return row;
  constexpr bool kFields = kFlow == FlowNeed::kAll;
  uint32_t at = ring.next;
  for (uint32_t k = 0, early = at; k < kPacketsAhead && early != tail; k++, early = NextSlot(early, slots)) {
    __builtin_prefetch(buffers + slot[early].buf_idx * bufferSize);
  }
  const uint32_t buffersStart = static_cast<uint32_t>(buffers - base);
  const uint32_t slotsStart = static_cast<uint32_t>(reinterpret_cast<const uint8_t*>(slot) - base);
  uint64_t bytes = 0;
  while (at != tail && row < limit) {
    // As far as neither slot wraps and there is room, so that the loop has one end.
    const uint32_t ahead = at + kPacketsAhead >= slots ? (at + kPacketsAhead) % slots : at + kPacketsAhead;
    const netmap_slot* current = slot + at;
    const netmap_slot* const end = current + std::min({(tail > at ? tail : slots) - at, slots - ahead, limit - row});
    const ptrdiff_t early = static_cast<ptrdiff_t>(ahead) - static_cast<ptrdiff_t>(at);
    const uint32_t first = row;
    netmap_slot seen = {};
    size_t to = first;
    for (; current != end; current++, to++) {
      __builtin_prefetch(buffers + current[early].buf_idx * bufferSize);
      seen = *current;
      if (__builtin_expect((seen.flags & NS_MOREFRAG) != 0, 0)) break;
      // The other end of a pipe is a program, and the kernel doesn't look at what it writes.
      if (__builtin_expect(seen.buf_idx - NETMAP_BUFFERS_RESERVED > buffersGood || seen.len > bufferSize, 0)) break;
      const uint64_t into = seen.buf_idx * bufferSize;
      const uint32_t length = seen.len;
      offset[to] = static_cast<uint32_t>(into) + buffersStart;
      lengths[to] = length;
      int32_t word = kFlowNotComputed;
      if (kFlow != FlowNeed::kNone && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
        word = FastPathFlow<kFields>(buffers + into, length, kFields ? addresses + to : nullptr, kFields ? ports + to : nullptr);
        if (__builtin_expect(word == kFlowNotComputed, 0)) word = UncommonFlow(columns, buffers + into, to);
      }
      words[to] = word;
    }
    row = static_cast<uint32_t>(to);
    FillSteps(slotColumn + first, row - first, slotsStart + at * static_cast<uint32_t>(sizeof(netmap_slot)), sizeof(netmap_slot));
    bytes += SumColumn(lengths + first, row - first);
    at = static_cast<uint32_t>(current - slot);
    if (at == slots) at = 0;
    if (current == end) continue;
    if ((seen.flags & NS_MOREFRAG) == 0) {
      malformed_++;
      at = NextSlot(at, slots);
      continue;
    }
    ring.next = at;
    const uint32_t before = row;
    uint32_t after = row;  // whose address is taken: the loop's stays in a register
    if (!TakeFrame(ring, columns, &after)) break;
    row = after;
    if (row != before && kFlow != FlowNeed::kNone) words[before] = FlowColumns(base + offset[before], lengths[before], addresses + before, ports + before);
    at = ring.next;
  }
  ring.next = at;
  bytes_ += bytes;
  return row;
}

// Takes the frame of several slots at ring.next, if all of it is there and there is room; false to end the batch here.
// A frame that can't be whole is skipped and counted, without a row.
bool Receiver::TakeFrame(Ring& ring, const PacketColumns& columns, uint32_t* row) {
  const uint32_t tail = ring.ring->tail;
  uint32_t end = ring.next;
  uint32_t fragments = 0;
  size_t length = 0;
  bool good = true;
  bool whole = false;
  while (!whole && end != tail) {
    const netmap_slot& slot = ring.slots[end];
    good = good && slot.buf_idx - NETMAP_BUFFERS_RESERVED <= ring.lastBuffer - NETMAP_BUFFERS_RESERVED && slot.len <= ring.bufferSize;
    length += slot.len;
    fragments++;
    whole = !(slot.flags & NS_MOREFRAG);
    end = NextSlot(end, ring.count);
  }
  if (!whole && fragments + 1 < ring.count) {
    ring.blocked = true;
    return false;
  }
  if (good && whole && staging_ == nullptr) staging_ = region_->TakeStaging();
  if (!good || !whole || fragments > NETMAP_FRAGMENTS_MAX || staging_ == nullptr || length > kStagingBytes) {
    malformed_++;
    ring.next = end;
    return true;
  }
  if (length > kStagingBytes - stagingUsed_) return false;
  uint8_t* const to = staging_ + stagingUsed_;
  size_t copied = 0;
  for (uint32_t at = ring.next; at != end; at = NextSlot(at, ring.count)) {
    const netmap_slot slot = ring.slots[at];
    // The length was added up before: a writer who changes it now may not make us write further.
    const size_t part = slot.len < length - copied ? slot.len : length - copied;
    if (slot.buf_idx <= ring.lastBuffer) std::memcpy(to + copied, ring.buffers + uint64_t{slot.buf_idx} * ring.bufferSize, part);
    copied += part;
  }
  stagingUsed_ += (length + 63) & ~size_t{63};
  ring.next = end;
  columns.offset[*row] = static_cast<uint32_t>(to - region_->base());
  columns.length[*row] = static_cast<uint32_t>(length);
  columns.slot[*row] = kNoSlot;
  columns.flowWord[*row] = kFlowNotComputed;
  bytes_ += length;
  ++*row;
  return true;
}

void Receiver::Stamp(const Ring& ring, const PacketColumns& columns, uint32_t from, uint32_t to) {
  if (from == to) return;
  std::memcpy(columns.wireLength + from, columns.length + from, (to - from) * sizeof(uint32_t));
  uint32_t seconds = static_cast<uint32_t>(ring.ring->ts.tv_sec);
  uint32_t nanoseconds = static_cast<uint32_t>(ring.ring->ts.tv_usec) * 1000;
  if (!timestamps_ || seconds == 0) {
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    seconds = static_cast<uint32_t>(now.tv_sec);
    nanoseconds = static_cast<uint32_t>(now.tv_nsec);
  }
  FillColumn(columns.seconds + from, to - from, seconds);
  FillColumn(columns.nanoseconds + from, to - from, nanoseconds);
}

void Receiver::Release() {
  for (Ring& ring : rings_) {
    if (ring.ring->head != ring.next) released_ = true;
    ring.ring->head = ring.next;
    // Half a frame has been seen: poll need not report it again.
    ring.ring->cur = ring.blocked ? ring.ring->tail : ring.next;
  }
}

}  // namespace bricks::netmap
