// Rings in plain memory for tests. The "kernel" is this file: it fills receive rings, takes what
// transmit rings hold, and counts every buffer afterwards.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "receiver.h"
#include "sender.h"
#include "test_columns.h"

namespace bricks::netmap {

constexpr uint32_t kBufferBytes = 2048;
constexpr uint32_t kSlots = 64;
constexpr uint32_t kRows = 48;

#define EXPECT(what) \
  do { \
    if (!(what)) { \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
      std::exit(1); \
    } \
  } while (false)

struct Batch {
  TestColumns columns{kRows};
};

// A region with ports of one receive and one transmit ring each.
class World {
 public:
  explicit World(uint32_t ports, uint32_t extraBuffers) {
    const uint64_t ringBytes = sizeof(netmap_ring) + kSlots * sizeof(netmap_slot);
    buffers_ = (4096 + ports * (256 + 2 * ringBytes) + 4095) & ~uint64_t{4095};
    bufferCount_ = 2 + ports * 2 * kSlots + extraBuffers;
    region_ = Region::Plain(buffers_ + uint64_t{bufferCount_} * kBufferBytes);
    EXPECT(region_ != nullptr);
    uint64_t at = 4096;
    for (uint32_t k = 0; k < ports; k++) {
      auto* interface = reinterpret_cast<netmap_if*>(region_->base() + at);
      interface->ni_tx_rings = interface->ni_rx_rings = 1;
      uint64_t ring = at + 256;
      at = ring + 2 * ringBytes;
      netmap_if_ring_offsets(interface)[0] = 256;
      netmap_if_ring_offsets(interface)[1] = static_cast<int64_t>(256 + ringBytes);
      for (int direction = 0; direction < 2; direction++, ring += ringBytes) MakeRing(ring, direction);
      interfaces_.push_back(interface);
    }
    for (uint32_t k = 0; k < extraBuffers; k++) {
      const uint32_t buffer = next_++;
      std::memcpy(Buffer(buffer), &extraHead_, 4);
      extraHead_ = buffer;
    }
  }

  std::shared_ptr<Port> Open(uint32_t port) {
    PortRequest request;
    request.name = "test";
    return std::make_shared<Port>(region_, interfaces_[port], request);
  }
  uint8_t* Buffer(uint32_t index) { return region_->base() + buffers_ + uint64_t{index} * kBufferBytes; }
  netmap_ring* Transmit(uint32_t port) { return netmap_if_ring(interfaces_[port], 0); }
  netmap_ring* Receive(uint32_t port) { return netmap_if_ring(interfaces_[port], 1); }
  netmap_if* interface(uint32_t port) { return interfaces_[port]; }
  uint32_t extraHead() const { return extraHead_; }
  const std::shared_ptr<Region>& region() const { return region_; }

  // A frame of `length` bytes arrives, over several slots if it must. False if there is no room.
  bool Arrive(uint32_t port, uint32_t number, uint32_t length) {
    netmap_ring* ring = Receive(port);
    const uint32_t needed = (length - 1) / kBufferBytes + 1;
    if (kSlots - 1 - SlotsBetween(ring->head, ring->tail, kSlots) < needed) return false;
    for (uint32_t left = length; left > 0;) {
      netmap_slot& slot = netmap_ring_slots(ring)[ring->tail];
      const uint32_t part = left < kBufferBytes ? left : kBufferBytes;
      std::memset(Buffer(slot.buf_idx), static_cast<int>(number & 255), part);
      std::memcpy(Buffer(slot.buf_idx), &number, 4);
      slot.len = static_cast<uint16_t>(part);
      left -= part;
      slot.flags = left > 0 ? NS_MOREFRAG : 0;
      ring->tail = NextSlot(ring->tail, kSlots);
    }
    return true;
  }

  // The reader of a pipe takes what was sent: numbers of frames, in order.
  void Take(uint32_t port, std::vector<uint32_t>* numbers) {
    netmap_ring* ring = Transmit(port);
    uint32_t length = 0;
    uint32_t at = NextSlot(ring->tail, kSlots);
    for (; at != ring->head; at = NextSlot(at, kSlots)) {
      netmap_slot& slot = netmap_ring_slots(ring)[at];
      EXPECT(slot.buf_idx >= 2 && slot.buf_idx < bufferCount_);
      if (length == 0) {
        uint32_t number;
        std::memcpy(&number, Buffer(slot.buf_idx), 4);
        numbers->push_back(number);
      }
      EXPECT(Buffer(slot.buf_idx)[slot.len - 1] == (numbers->back() & 255) || slot.len <= 4);
      length = slot.flags & NS_MOREFRAG ? length + slot.len : 0;
    }
    EXPECT(length == 0);
    ring->tail = at == 0 ? kSlots - 1 : at - 1;
  }

  // Each buffer stands in exactly one slot or list.
  void CountBuffers(uint32_t head) {
    std::map<uint32_t, int> seen;
    for (netmap_if* interface : interfaces_) {
      for (uint32_t ring = 0; ring < 2; ring++) {
        for (uint32_t slot = 0; slot < kSlots; slot++) seen[netmap_ring_slots(netmap_if_ring(interface, ring))[slot].buf_idx]++;
      }
    }
    while (head != 0) {
      EXPECT(++seen[head] == 1);
      std::memcpy(&head, Buffer(head), 4);
    }
    EXPECT(seen.size() == bufferCount_ - 2);
    for (const auto& [buffer, times] : seen) EXPECT(times == 1 && buffer >= 2);
  }

 private:
  void MakeRing(uint64_t offset, int direction) {
    auto* ring = reinterpret_cast<netmap_ring*>(region_->base() + offset);
    ring->buf_ofs = static_cast<int64_t>(buffers_ - offset);
    ring->num_slots = kSlots;
    ring->nr_buf_size = kBufferBytes;
    ring->dir = static_cast<uint16_t>(1 - direction);
    ring->tail = direction == 0 ? kSlots - 1 : 0;
    for (uint32_t slot = 0; slot < kSlots; slot++) netmap_ring_slots(ring)[slot].buf_idx = next_++;
  }

  std::shared_ptr<Region> region_;
  uint64_t buffers_;
  uint32_t bufferCount_;
  uint32_t next_ = 2;
  uint32_t extraHead_ = 0;
  std::vector<netmap_if*> interfaces_;
};

// With room for 64 rows each; those of an even number of outputs are interleaved.
struct Lists {
  uint32_t outputs, step = 0;
  std::vector<uint16_t> rows;
  std::vector<uint32_t> counts;
  explicit Lists(uint32_t count) : outputs(count), counts(count) {
    if (count % 2 == 0) {
      while (1u << step < count) step++;
    }
    rows.resize(step > 0 ? size_t{64} << step : size_t{64} * count);
  }
  ListRows Of(uint32_t output) { return {&rows[step > 0 ? output : output * 64], step}; }
  void Put(uint32_t output, uint32_t row) { Of(output)[counts[output]++] = static_cast<uint16_t>(row); }
};

// What receives from the first port and sends to the others; `numbers[k]` are those of the packets that sink k's reader took.
struct OneToMany {
  OneToMany(uint32_t sinks, uint32_t extraBuffers, const SenderSettings& settings)
      : world(1 + sinks, extraBuffers), lists(sinks), counters(sinks + 1, std::vector<uint64_t>(kLinkRecord)), numbers(sinks), receiver(std::make_shared<Receiver>(world.Open(0), false)), sender(settings) {
    sent.columns = batch.columns;
    sent.memory = world.region()->base();
    sent.memoryBytes = world.region()->addressable();
    sent.source = receiver;
  }
  void AddSink(uint32_t sink, std::shared_ptr<Port> port, SinkKind kind = SinkKind::kPipe, bool splits = true) {
    sender.AddSink({std::move(port), kind, splits, &lists.counts[sink], lists.Of(sink), 64, counters[sink].data()});
  }
  void Take(uint32_t sink) { world.Take(sink + 1, &numbers[sink]); }

  World world;
  Batch batch;
  Lists lists;
  std::vector<std::vector<uint64_t>> counters;
  std::vector<std::vector<uint32_t>> numbers;
  std::shared_ptr<Receiver> receiver;
  Sender sender;
  SentBatch sent;
  uint32_t next = 0;  // the number of the next packet
};

// Readers that make room while a batch is sent: room_test.cpp.
void TestRoom();
// Packets that go from sink to sink: chain_test.cpp.
void TestChains();
// One sender after another: hand_over_test.cpp.
void TestHandOver();
// Engines of one process: threads_test.cpp.
void TestThreads();

}  // namespace bricks::netmap
