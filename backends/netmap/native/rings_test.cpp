// Receiving and sending over rings in plain memory, under the sanitizers. The "kernel" is this file:
// it fills receive rings, takes what transmit rings hold, and counts every buffer afterwards.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "receiver.h"
#include "sender.h"

using namespace bricks::netmap;

namespace {

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
  std::vector<uint32_t> words[7];
  std::vector<uint16_t> addresses;
  std::vector<int32_t> kinds;
  Columns columns;
  Batch() : addresses(kRows), kinds(kRows) {
    for (auto& column : words) column.resize(kRows);
    columns = {kRows, words[0].data(), words[1].data(), words[2].data(), words[3].data(), words[4].data(), words[5].data(), words[6].data(), addresses.data(), kinds.data()};
  }
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

struct Lists {
  std::vector<uint16_t> rows;
  std::vector<uint32_t> counts;
  explicit Lists(uint32_t outputs) : rows(outputs * 64), counts(outputs) {}
  void Put(uint32_t output, uint32_t row) { rows[output * 64 + counts[output]++] = static_cast<uint16_t>(row); }
};

// Frames of all lengths from one port to several; `copies` puts some of them on every list.
void Traffic(uint32_t seed, bool copies, bool wait, bool foreign) {
  std::mt19937 random(seed);
  const uint32_t outputs = 3;
  World world(1 + outputs, 0);
  World other(1, 0);
  Batch batch;
  Lists lists(outputs);
  std::vector<std::vector<uint64_t>> counters(outputs + 1, std::vector<uint64_t>(16));
  World& from = foreign ? other : world;
  auto receiver = std::make_shared<Receiver>(from.Open(0), false);
  Sender sender(LinkSlots{}, copies, 1);
  for (uint32_t k = 0; k < outputs; k++) {
    sender.AddSink({world.Open(k + 1), SinkKind::kPipe, k != 2, &lists.counts[k], &lists.rows[k * 64], 64, counters[k].data()});
  }
  SentBatch sent;
  sent.columns = batch.columns;
  sent.memory = from.region()->base();
  sent.memoryBytes = from.region()->addressable();
  sent.source = receiver;
  std::vector<std::vector<uint32_t>> numbers(outputs);
  uint32_t number = 0;
  uint64_t listed = 0;
  for (int round = 0; round < 3000; round++) {
    for (uint32_t k = random() % 40; k > 0; k--) {
      const uint32_t length = random() % 10 == 0 ? 4 + random() % 9000 : 4 + random() % 1500;
      if (from.Arrive(0, number, length)) number++;
    }
    const int32_t rows = receiver->Receive(batch.columns, true, counters[outputs].data(), LinkSlots{});
    EXPECT(rows >= 0);
    for (int32_t row = 0; row < rows; row++) {
      if (copies && random() % 3 == 0) {
        for (uint32_t k = 0; k < outputs; k++, listed++) lists.Put(k, static_cast<uint32_t>(row));
      } else {
        lists.Put(random() % outputs, static_cast<uint32_t>(row));
        listed++;
      }
    }
    uint32_t left = sender.Transmit(sent, wait);
    if (sender.WantsFlush()) sender.Flush();
    EXPECT(wait || left == 0);
    while (left > 0) {
      for (uint32_t k = 0; k < outputs; k++) world.Take(k + 1, &numbers[k]);
      left = sender.Transmit(sent, true);
      if (sender.WantsFlush()) sender.Flush();
    }
    receiver->Release();
    for (uint32_t k = 0; k < outputs; k++) {
      if (random() % (k + 2) == 0) world.Take(k + 1, &numbers[k]);
    }
  }
  uint64_t booked = 0;
  for (uint32_t k = 0; k < outputs; k++) {
    world.Take(k + 1, &numbers[k]);
    EXPECT(numbers[k].size() == counters[k][kPackets]);
    for (size_t at = 1; at < numbers[k].size(); at++) EXPECT(numbers[k][at] > numbers[k][at - 1]);
    booked += counters[k][kPackets];
    for (uint32_t reason = 2; reason < 16; reason++) booked += counters[k][reason];
    EXPECT(!wait || counters[k][LinkSlots{}.ringFull] + counters[k][LinkSlots{}.noReader] == 0);
  }
  EXPECT(booked == listed);
  EXPECT(counters[2][LinkSlots{}.tooLong] > 0);
  sender.Close(0);
  world.CountBuffers(0);
  other.CountBuffers(0);
}

// What a hostile writer at the other end of a pipe may put into slots is skipped and counted.
void Malformed() {
  std::mt19937 random(5);
  World world(1, 0);
  Batch batch;
  std::vector<uint64_t> counters(16);
  Receiver receiver(world.Open(0), true);
  netmap_ring* ring = world.Receive(0);
  for (int round = 0; round < 20000; round++) {
    netmap_slot& slot = netmap_ring_slots(ring)[ring->tail];
    if (NextSlot(ring->tail, kSlots) != ring->head) {
      slot.buf_idx = random() % 4 == 0 ? random() : 2 + random() % 20;
      slot.len = static_cast<uint16_t>(random() % 4 == 0 ? random() : random() % 100);
      slot.flags = static_cast<uint16_t>(random());
      ring->tail = NextSlot(ring->tail, kSlots);
    }
    if (random() % 8 != 0) continue;
    const int32_t rows = receiver.Receive(batch.columns, true, counters.data(), LinkSlots{});
    for (int32_t row = 0; row < rows; row++) EXPECT(uint64_t{batch.columns.offset[row]} + batch.columns.length[row] <= world.region()->addressable());
    receiver.Release();
  }
  EXPECT(counters[kPackets] > 1000 && counters[LinkSlots{}.malformed] > 1000);
}

// A frame whose end has not arrived waits; one that can never be whole does not block the ring.
void HalfFrames() {
  World world(1, 0);
  Batch batch;
  std::vector<uint64_t> counters(16);
  Receiver receiver(world.Open(0), false);
  netmap_ring* ring = world.Receive(0);
  EXPECT(world.Arrive(0, 1, 5000));
  const uint32_t end = ring->tail;
  ring->tail = 1;
  EXPECT(receiver.Receive(batch.columns, true, counters.data(), LinkSlots{}) == 0);
  EXPECT(ring->head == 0 && ring->cur == 1);
  ring->tail = end;
  EXPECT(receiver.Receive(batch.columns, true, counters.data(), LinkSlots{}) == 1 && batch.columns.length[0] == 5000 && batch.columns.slot[0] == kNoSlot);
  receiver.Release();
  for (uint32_t k = 0; k + 1 < kSlots; k++) {
    netmap_ring_slots(ring)[ring->tail].flags = NS_MOREFRAG;
    netmap_ring_slots(ring)[ring->tail].len = 100;
    ring->tail = NextSlot(ring->tail, kSlots);
  }
  EXPECT(receiver.Receive(batch.columns, true, counters.data(), LinkSlots{}) == 0);
  EXPECT(counters[LinkSlots{}.malformed] == 1 && ring->head == ring->tail);
}

// The newest packets win, the longest queue pays, and every extra buffer is in the list again at the end.
void ExtraBuffers(bool move) {
  const uint32_t extra = 100;
  World world(3, extra);
  world.interface(1)->ni_bufs_head = world.extraHead();
  Batch batch;
  Lists lists(2);
  std::vector<std::vector<uint64_t>> counters(3, std::vector<uint64_t>(16));
  auto receiver = std::make_shared<Receiver>(world.Open(0), false);
  auto first = world.Open(1);
  first->PretendExtraBuffers(extra);
  Sender sender(LinkSlots{}, !move, 4);
  sender.AddSink({first, SinkKind::kPipe, true, &lists.counts[0], &lists.rows[0], 64, counters[0].data()});
  sender.AddSink({world.Open(2), SinkKind::kPipe, true, &lists.counts[1], &lists.rows[64], 64, counters[1].data()});
  SentBatch sent;
  sent.columns = batch.columns;
  sent.memory = world.region()->base();
  sent.memoryBytes = world.region()->addressable();
  sent.source = receiver;
  std::vector<uint32_t> numbers[2];
  for (uint32_t number = 0; number < 4000; number++) {
    EXPECT(world.Arrive(0, number, 60));
    EXPECT(receiver->Receive(batch.columns, false, counters[2].data(), LinkSlots{}) == 1);
    // The first sink is never read; the second one now and then.
    lists.Put(number & 1, 0);
    sender.Transmit(sent, false);
    if (sender.WantsFlush()) sender.Flush();
    receiver->Release();
    if (number % 97 == 0) world.Take(2, &numbers[1]);
    if (number == 2000) EXPECT(sender.Backlog() > 60 && sender.Backlog() <= extra);
  }
  EXPECT(counters[1][LinkSlots{}.ringFull] + counters[1][LinkSlots{}.noReader] == 0);
  EXPECT(counters[0][LinkSlots{}.noReader] > 1500);
  for (int round = 0; round < 40; round++) {
    timespec pause = {0, 2'000'000};
    nanosleep(&pause, nullptr);
    world.Take(1, &numbers[0]);
    world.Take(2, &numbers[1]);
    sender.Settle();
  }
  EXPECT(sender.Backlog() == 0 && numbers[0].back() == 3998 && numbers[1].back() == 3999);
  for (int k = 0; k < 2; k++) {
    EXPECT(numbers[k].size() == counters[static_cast<size_t>(k)][kPackets]);
    for (size_t at = 1; at < numbers[k].size(); at++) EXPECT(numbers[k][at] > numbers[k][at - 1]);
  }
  sender.Close(0);
  world.CountBuffers(world.interface(1)->ni_bufs_head);
}

void TwoUsersOfOneRing() {
  World world(1, 0);
  Receiver receiver(world.Open(0), false);
  bool refused = false;
  try {
    Receiver second(world.Open(0), false);
  } catch (const PortError& error) {
    refused = error.number != 0;
  }
  EXPECT(refused);
}

}  // namespace

int main() {
  for (uint32_t seed = 1; seed <= 3; seed++) {
    Traffic(seed, false, false, false);
    Traffic(seed, true, false, false);
    Traffic(seed, false, true, false);
    Traffic(seed, true, true, false);
    Traffic(seed, true, false, true);
  }
  Malformed();
  HalfFrames();
  ExtraBuffers(true);
  ExtraBuffers(false);
  TwoUsersOfOneRing();
  std::printf("rings: good\n");
  return 0;
}
