// Readers on other CPUs make room, and use what they took, while a batch is sent: whatever happens at a sync.
#include "test_rings.h"

namespace bricks::netmap {

namespace {

constexpr uint32_t kLong = 5000;

// One port to several pipes.
class Engine : public OneToMany {
 public:
  Engine(uint32_t sinks, bool copies, bool chains) : OneToMany(sinks, 0, {copies, chains, 1}) {
    for (uint32_t k = 0; k < sinks; k++) {
      ports.push_back(world.Open(k + 1));
      AddSink(k, ports[k]);
    }
  }
  // A batch of frames of these lengths, all of them on the lists of these sinks.
  void Send(const std::vector<uint32_t>& lengths, const std::vector<uint32_t>& sinks) {
    for (const uint32_t length : lengths) EXPECT(world.Arrive(0, next++, length));
    const int32_t rows = receiver->Receive(batch.columns, {}, counters.back().data());
    EXPECT(rows == static_cast<int32_t>(lengths.size()));
    for (const uint32_t sink : sinks) {
      for (int32_t row = 0; row < rows; row++) lists.Put(sink, static_cast<uint32_t>(row));
    }
    EXPECT(sender.Transmit(sent, false) == 0);
    if (sender.WantsFlush()) sender.Flush();
    receiver->Release();
  }
  // The sink has got all that was listed so far.
  void ExpectAll(uint32_t sink) {
    Take(sink);
    EXPECT(counters[sink][kLinkPackets] == next && numbers[sink].size() == next);
    for (uint32_t k = 0; k < next; k++) EXPECT(numbers[sink][k] == k);
  }

  std::vector<std::shared_ptr<Port>> ports;
};

// What one sink's reader does with a packet that it has got does not change what the other sink gets.
void ReaderWritesIntoItsPackets() {
  Engine engine(2, true, false);
  engine.Send(std::vector<uint32_t>(40, 60), {0, 1});
  engine.Take(1);
  engine.Send(std::vector<uint32_t>(20, 60), {0, 1});
  engine.ports[0]->PretendSync([&engine] {
    netmap_ring* const ring = engine.world.Transmit(1);
    const uint32_t first = NextSlot(ring->tail, kSlots);
    engine.Take(0);
    for (uint32_t at = first; at != ring->head; at = NextSlot(at, kSlots)) std::memset(engine.world.Buffer(netmap_ring_slots(ring)[at].buf_idx), 255, kBufferBytes);
  });
  engine.Take(1);
  engine.Send({60, kLong}, {0, 1});
  engine.ExpectAll(1);
  engine.ExpectAll(0);
}

// What is counted as sent is shown, also where room that the reader made meanwhile lets a batch go once around the ring.
void OnceAround() {
  Engine engine(1, false, false);
  engine.Send({60, 60}, {0});
  engine.ports[0]->PretendSync([&engine] { engine.Take(0); });
  // Of no netmap source: as many frames of two slots as make a ring.
  const std::vector<uint8_t> memory(kBufferBytes + 1);
  for (uint32_t row = 0; row < kSlots / 2; row++) {
    engine.batch.columns.offset[row] = 0;
    engine.batch.columns.length[row] = kBufferBytes + 1;
    engine.batch.columns.slot[row] = kNoSlot;
    engine.lists.Put(0, row);
  }
  engine.sender.Transmit({engine.batch.columns, memory.data(), memory.size(), nullptr}, false);
  if (engine.sender.WantsFlush()) engine.sender.Flush();
  engine.Take(0);
  EXPECT(engine.counters[0][kLinkPackets] > 31);
  EXPECT(engine.numbers[0].size() == engine.counters[0][kLinkPackets]);
}

// A chained frame of several slots finds the room that its reader has made since the last sync.
void LongFrameInAChain() {
  Engine engine(2, true, true);
  engine.Send(std::vector<uint32_t>(30, 60), {0, 1});
  engine.Take(0);
  engine.sender.Settle();
  engine.Send(std::vector<uint32_t>(31, 60), {0, 1});
  engine.Take(0);
  engine.sender.Settle();
  engine.Take(1);
  engine.Send({kLong}, {0, 1});
  engine.ExpectAll(0);
  engine.ExpectAll(1);
}

// What two readers give back at once goes on to a third whose reader has made room since the last sync.
void TwoIntoOne() {
  Engine engine(3, true, true);
  engine.Send(std::vector<uint32_t>(31, 60), {0, 2});
  engine.Take(0);
  engine.sender.Settle();
  engine.Take(2);
  engine.Send(std::vector<uint32_t>(31, 60), {0, 2});
  engine.Send(std::vector<uint32_t>(31, 60), {1, 2});
  engine.Take(0);
  engine.Take(1);
  engine.sender.Settle();
  engine.ExpectAll(2);
}

}  // namespace

void TestRoom() {
  TwoIntoOne();
  LongFrameInAChain();
  OnceAround();
  ReaderWritesIntoItsPackets();
}

}  // namespace bricks::netmap
