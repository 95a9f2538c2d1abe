// Packets that go from sink to sink as their readers give them back: none is lost, doubled or out of its flow's order.
#include "test_rings.h"

namespace bricks::netmap {

namespace {

constexpr uint32_t kGroups = 3;
constexpr uint32_t kPipes = 2;  // of each group

// Three groups of two pipes. Packet n is of flow n % 8, and goes to pipe flow % 2 of each group.
class Groups : public OneToMany {
 public:
  explicit Groups(uint32_t extra, SinkKind kind = SinkKind::kPipe) : OneToMany(kGroups * kPipes, extra, {true, true, 1}) {
    world.interface(1)->ni_bufs_head = world.extraHead();
    for (uint32_t k = 0; k < kGroups * kPipes; k++) {
      auto port = world.Open(k + 1);
      if (k == 0) port->PretendExtraBuffers(extra);
      AddSink(k, port, k < kPipes ? kind : SinkKind::kPipe, k != 3);
    }
  }

  // Some packets arrive and are sent; `long_`: one in ten goes over several slots.
  void Send(uint32_t count, bool long_, bool wait = false) {
    for (uint32_t k = 0; k < count; k++) {
      if (world.Arrive(0, next, long_ && next % 10 == 3 ? 5000 : 60 + next % 1000)) next++;
    }
    const int32_t rows = receiver->Receive(batch.columns, {FlowNeed::kNone, true}, counters.back().data());
    for (int32_t row = 0; row < rows; row++) {
      uint32_t number;
      std::memcpy(&number, sent.memory + batch.columns.offset[row], 4);
      for (uint32_t group = 0; group < kGroups; group++) lists.Put(group * kPipes + (number % 8) % kPipes, static_cast<uint32_t>(row));
    }
    while (sender.Transmit(sent, wait) > 0) {
      sender.Flush();
      for (uint32_t k = 0; k < kGroups * kPipes; k++) Take(k);
    }
    if (sender.WantsFlush()) sender.Flush();
    receiver->Release();
  }

  // What was counted is what the readers got, each flow in order; everything is accounted for.
  void Check() {
    for (uint32_t k = 0; k < kGroups * kPipes; k++) {
      Take(k);
      uint64_t booked = 0;
      for (uint32_t reason = 2; reason < 16; reason++) booked += counters[k][reason];
      uint32_t last[8] = {};
      for (const uint32_t number : numbers[k]) {
        EXPECT((number % 8) % kPipes == k % kPipes);
        EXPECT(number + 1 > last[number % 8]);
        last[number % 8] = number + 1;
      }
      EXPECT(numbers[k].size() == counters[k][kLinkPackets]);
      uint64_t received = 0;
      for (uint32_t number = 0; number < next; number++) received += (number % 8) % kPipes == k % kPipes;
      EXPECT(booked + counters[k][kLinkPackets] == received);
    }
  }
  uint64_t Dropped(uint32_t sink) const {
    uint64_t dropped = 0;
    for (uint32_t reason = 2; reason < 16; reason++) dropped += counters[sink][reason];
    return dropped;
  }
  // Readers take all there is, until nothing is owed any more.
  void Finish() {
    while (sender.Backlog() > 0) {
      for (uint32_t k = 0; k < kGroups * kPipes; k++) Take(k);
      sender.Settle();
    }
    Check();
    sender.Close(0);
    Check();
    world.CountBuffers(world.interface(1)->ni_bufs_head);
  }
};

// A packet is in one place: the second group has it when the first one's reader has given it back.
void OneAfterTheOther() {
  Groups groups(0);
  groups.Send(8, false);
  const netmap_slot first = netmap_ring_slots(groups.world.Transmit(1))[0];
  for (uint32_t k = 0; k < kPipes; k++) groups.Take(k);
  EXPECT(groups.numbers[0].size() == 4 && groups.numbers[1].size() == 4 && groups.sender.Backlog() == 8);
  groups.Take(2);
  EXPECT(groups.numbers[2].empty());
  groups.sender.Settle();
  EXPECT(netmap_ring_slots(groups.world.Transmit(3))[0].buf_idx == first.buf_idx);
  EXPECT(netmap_ring_slots(groups.world.Transmit(3))[0].len == first.len);
  for (uint32_t k = kPipes; k < 2 * kPipes; k++) groups.Take(k);
  EXPECT(groups.numbers[2].size() == 4 && groups.numbers[3].size() == 4 && groups.sender.Backlog() == 8);
  groups.sender.Settle();
  EXPECT(netmap_ring_slots(groups.world.Transmit(5))[0].buf_idx == first.buf_idx);
  EXPECT(groups.sender.Backlog() == 0);
  groups.Finish();
}

// Readers of all speeds, frames of all lengths, with and without a reserve, waiting now and then.
void Traffic(uint32_t seed, uint32_t extra, SinkKind kind) {
  std::mt19937 random(seed);
  Groups groups(extra, kind);
  uint32_t speeds[kGroups * kPipes];
  for (uint32_t& speed : speeds) speed = random() % 4;
  for (uint32_t round = 0; round < 4000; round++) {
    groups.Send(random() % 12, true, round % 500 == 499);
    if (round % 50 == 0) groups.sender.Settle();
    for (uint32_t k = 0; k < kGroups * kPipes; k++) {
      if (random() % (1 + 4 * speeds[k]) == 0) groups.Take(k);
    }
    if (round % 300 == 0) speeds[random() % (kGroups * kPipes)] = random() % 4;
  }
  EXPECT(groups.counters[3][kDropTooLong] > 100 && groups.counters[2][kDropTooLong] == 0);
  groups.Finish();
}

// A reader that never comes loses its own packets, and none of the others'.
void DeadReader() {
  Groups groups(0);
  for (uint32_t round = 0; round < 500; round++) {
    groups.Send(6, round % 7 == 0);
    for (uint32_t k = 1; k < kGroups * kPipes; k++) groups.Take(k);
    groups.sender.Settle();
    for (uint32_t k = 1; k < kGroups * kPipes; k++) groups.Take(k);
  }
  EXPECT(groups.Dropped(0) > 1000 && groups.Dropped(2) == 0 && groups.Dropped(4) == 0);
  EXPECT(groups.counters[0][kDropNoReader] == groups.Dropped(0));
  groups.Finish();
}

// What is owed when the sender closes goes on all the same.
void CloseInTheMiddle() {
  Groups groups(0);
  groups.Send(30, true);
  EXPECT(groups.sender.Backlog() > 0);
  groups.sender.Close(0);
  groups.Check();
  for (const auto& numbers : groups.numbers) EXPECT(!numbers.empty());
  EXPECT(groups.numbers[0] == groups.numbers[4]);
  groups.world.CountBuffers(0);
}

// A reader that puts other buffers into its slots breaks the way of these packets; it is counted, and nothing else happens.
void ReaderKeepsBuffers() {
  Groups groups(0);
  groups.Send(8, false);
  netmap_slot* const slots = netmap_ring_slots(groups.world.Transmit(1));
  std::swap(slots[0].buf_idx, slots[1].buf_idx);
  slots[2].buf_idx = UINT32_MAX;
  groups.world.Transmit(1)->tail = 2;
  groups.sender.Settle();
  EXPECT(groups.counters[2][kDropBackendError] == 3 && groups.counters[4][kDropBackendError] == 3);
  EXPECT(groups.counters[2][kLinkPackets] == 1 && groups.sender.Backlog() > 0);
}

// Four pipes of the first group lead to one of the second. Their readers give back all at once, after that one's has taken all it could:
// its ring has room for what is owed to it, and nothing is lost.
void ManyGiveBackAtOnce() {
  constexpr uint32_t kFirst = 4;
  OneToMany funnel(kFirst + 1, 0, {true, true, 1});
  for (uint32_t k = 0; k <= kFirst; k++) funnel.AddSink(k, funnel.world.Open(k + 1), SinkKind::kPipe, true);
  uint32_t sent = 0;
  const auto send = [&](uint32_t count) {
    for (uint32_t k = 0; k < count; k++) EXPECT(funnel.world.Arrive(0, funnel.next++, 60));
    const int32_t rows = funnel.receiver->Receive(funnel.batch.columns, {FlowNeed::kNone, true}, funnel.counters.back().data());
    for (int32_t row = 0; row < rows; row++) {
      funnel.lists.Put(sent++ % kFirst, static_cast<uint32_t>(row));
      funnel.lists.Put(kFirst, static_cast<uint32_t>(row));
    }
    EXPECT(funnel.sender.Transmit(funnel.sent, false) == 0);
    if (funnel.sender.WantsFlush()) funnel.sender.Flush();
    funnel.receiver->Release();
  };
  for (uint32_t round = 0; round < 40; round++) {
    for (uint32_t part = 0; part < 4; part++) {
      send(kFirst * 6);
      funnel.Take(kFirst);
    }
    for (uint32_t k = 0; k < kFirst; k++) funnel.Take(k);
    funnel.sender.Settle();
    funnel.Take(kFirst);
  }
  funnel.sender.Close(0);
  funnel.Take(kFirst);
  EXPECT(funnel.counters[kFirst][kLinkPackets] == sent && funnel.numbers[kFirst].size() == sent);
  std::vector<uint32_t> last(kFirst, 0);
  for (const uint32_t number : funnel.numbers[kFirst]) {
    EXPECT(number + 1 > last[number % kFirst]);
    last[number % kFirst] = number + 1;
  }
}

}  // namespace

void TestChains() {
  ManyGiveBackAtOnce();
  OneAfterTheOther();
  for (uint32_t seed = 1; seed <= 8; seed++) {
    Traffic(seed, 0, SinkKind::kPipe);
    Traffic(seed, 100, SinkKind::kPipe);
    Traffic(seed, 0, SinkKind::kOther);
  }
  DeadReader();
  CloseInTheMiddle();
  ReaderKeepsBuffers();
}

}  // namespace bricks::netmap
