// Receiving and sending over rings in plain memory, under the sanitizers.
#include "test_rings.h"

using namespace bricks;
using namespace bricks::netmap;

namespace {

// Frames of all lengths from one port to several; `copies` puts some of them on every list.
void Traffic(uint32_t seed, bool copies, bool wait, bool foreign) {
  std::mt19937 random(seed);
  const uint32_t outputs = 3;
  World world(1 + outputs, 0);
  World other(1, 0);
  Batch batch;
  Lists lists(outputs);
  std::vector<std::vector<uint64_t>> counters(outputs + 1, std::vector<uint64_t>(kLinkRecord));
  World& from = foreign ? other : world;
  auto receiver = std::make_shared<Receiver>(from.Open(0), false);
  Sender sender({copies, false, 1});
  for (uint32_t k = 0; k < outputs; k++) {
    sender.AddSink({world.Open(k + 1), SinkKind::kPipe, k != 2, &lists.counts[k], lists.Of(k), 64, counters[k].data()});
  }
  // As in an engine with one source, which flushes when it asks for packets.
  if (seed == 2) sender.LeaveFlushTo(receiver.get());
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
    sender.FlushFor(*receiver, 0);
    const int32_t rows = receiver->Receive(batch.columns, {}, counters[outputs].data());
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
  sender.FlushFor(*receiver, 0);
  uint64_t booked = 0;
  for (uint32_t k = 0; k < outputs; k++) {
    world.Take(k + 1, &numbers[k]);
    EXPECT(numbers[k].size() == counters[k][kLinkPackets]);
    for (size_t at = 1; at < numbers[k].size(); at++) EXPECT(numbers[k][at] > numbers[k][at - 1]);
    booked += counters[k][kLinkPackets];
    for (uint32_t reason = 2; reason < 16; reason++) booked += counters[k][reason];
    EXPECT(!wait || counters[k][kDropRingFull] + counters[k][kDropNoReader] == 0);
  }
  EXPECT(booked == listed);
  EXPECT(counters[2][kDropTooLong] > 0);
  sender.Close(0);
  world.CountBuffers(0);
  other.CountBuffers(0);
}

// What a hostile writer at the other end of a pipe may put into slots is skipped and counted.
void Malformed() {
  std::mt19937 random(5);
  World world(1, 0);
  Batch batch;
  std::vector<uint64_t> counters(kLinkRecord);
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
    const int32_t rows = receiver.Receive(batch.columns, {}, counters.data());
    for (int32_t row = 0; row < rows; row++) EXPECT(uint64_t{batch.columns.offset[row]} + batch.columns.length[row] <= world.region()->addressable());
    receiver.Release();
  }
  EXPECT(counters[kLinkPackets] > 1000 && counters[kDropMalformed] > 1000);
}

// A frame whose end has not arrived waits; one that can never be whole does not block the ring.
void HalfFrames() {
  World world(1, 0);
  Batch batch;
  std::vector<uint64_t> counters(kLinkRecord);
  Receiver receiver(world.Open(0), false);
  netmap_ring* ring = world.Receive(0);
  EXPECT(world.Arrive(0, 1, 5000));
  const uint32_t end = ring->tail;
  ring->tail = 1;
  EXPECT(receiver.Receive(batch.columns, {}, counters.data()) == 0);
  EXPECT(ring->head == 0 && ring->cur == 1);
  ring->tail = end;
  EXPECT(receiver.Receive(batch.columns, {}, counters.data()) == 1 && batch.columns.length[0] == 5000 && batch.columns.slot[0] == kNoSlot);
  receiver.Release();
  for (uint32_t k = 0; k + 1 < kSlots; k++) {
    netmap_ring_slots(ring)[ring->tail].flags = NS_MOREFRAG;
    netmap_ring_slots(ring)[ring->tail].len = 100;
    ring->tail = NextSlot(ring->tail, kSlots);
  }
  EXPECT(receiver.Receive(batch.columns, {}, counters.data()) == 0);
  EXPECT(counters[kDropMalformed] == 1 && ring->head == ring->tail);
}

// The newest packets win, the longest queue pays, and every extra buffer is in the list again at the end.
void ExtraBuffers(bool move) {
  const uint32_t extra = 100;
  World world(3, extra);
  world.interface(1)->ni_bufs_head = world.extraHead();
  Batch batch;
  Lists lists(2);
  std::vector<std::vector<uint64_t>> counters(3, std::vector<uint64_t>(kLinkRecord));
  auto receiver = std::make_shared<Receiver>(world.Open(0), false);
  auto first = world.Open(1);
  first->PretendExtraBuffers(extra);
  Sender sender({!move, false, 4});
  sender.AddSink({first, SinkKind::kPipe, true, &lists.counts[0], lists.Of(0), 64, counters[0].data()});
  sender.AddSink({world.Open(2), SinkKind::kPipe, true, &lists.counts[1], lists.Of(1), 64, counters[1].data()});
  SentBatch sent;
  sent.columns = batch.columns;
  sent.memory = world.region()->base();
  sent.memoryBytes = world.region()->addressable();
  sent.source = receiver;
  std::vector<uint32_t> numbers[2];
  for (uint32_t number = 0; number < 4000; number++) {
    EXPECT(world.Arrive(0, number, 60));
    EXPECT(receiver->Receive(batch.columns, {FlowNeed::kNone, true}, counters[2].data()) == 1);
    // The first sink is never read; the second one now and then.
    lists.Put(number & 1, 0);
    sender.Transmit(sent, false);
    if (sender.WantsFlush()) sender.Flush();
    receiver->Release();
    if (number % 97 == 0) world.Take(2, &numbers[1]);
    if (number == 2000) EXPECT(sender.Backlog() > 60 && sender.Backlog() <= extra);
  }
  EXPECT(counters[1][kDropRingFull] + counters[1][kDropNoReader] == 0);
  EXPECT(counters[0][kDropNoReader] > 1500);
  for (int round = 0; round < 40; round++) {
    timespec pause = {0, 2'000'000};
    nanosleep(&pause, nullptr);
    world.Take(1, &numbers[0]);
    world.Take(2, &numbers[1]);
    sender.Settle();
  }
  EXPECT(sender.Backlog() == 0 && numbers[0].back() == 3998 && numbers[1].back() == 3999);
  for (int k = 0; k < 2; k++) {
    EXPECT(numbers[k].size() == counters[static_cast<size_t>(k)][kLinkPackets]);
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
  TestRoom();
  TestChains();
  TestHandOver();
  TestThreads();
  std::printf("rings: good\n");
  return 0;
}
