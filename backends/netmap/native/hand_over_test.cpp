// One sender takes the place of another, again and again, while packets flow: with a reserve, and with packets that are still owed.
#include "test_rings.h"

namespace bricks::netmap {

namespace {

constexpr uint32_t kPorts = 5;
constexpr uint32_t kExtra = 60;

void Changes(uint32_t seed, const SenderSettings& settings) {
  std::mt19937 random(seed);
  World world(1 + kPorts, kExtra);
  world.interface(1)->ni_bufs_head = world.extraHead();
  Batch batch;
  std::vector<std::vector<uint64_t>> counters(kPorts + 1, std::vector<uint64_t>(kLinkRecord));
  std::vector<std::vector<uint32_t>> numbers(kPorts);
  std::vector<std::shared_ptr<Port>> ports;
  for (uint32_t k = 0; k < kPorts; k++) ports.push_back(world.Open(k + 1));
  ports[0]->PretendExtraBuffers(kExtra);
  auto receiver = std::make_shared<Receiver>(world.Open(0), false);
  SentBatch sent;
  sent.columns = batch.columns;
  sent.memory = world.region()->base();
  sent.memoryBytes = world.region()->addressable();
  sent.source = receiver;
  std::vector<uint32_t> used = {0, 1};
  std::unique_ptr<Lists> lists;
  std::unique_ptr<Sender> sender;
  const auto make = [&](const Sender* before) {
    auto made = std::make_unique<Sender>(settings);
    lists = std::make_unique<Lists>(static_cast<uint32_t>(used.size()));
    for (uint32_t k = 0; k < used.size(); k++) {
      made->AddSink({ports[used[k]], SinkKind::kPipe, true, &lists->counts[k], lists->Of(k), 64, counters[used[k]].data()}, before);
    }
    return made;
  };
  sender = make(nullptr);
  uint32_t number = 0;
  uint64_t listed = 0;
  for (int round = 0; round < 2000; round++) {
    for (uint32_t k = random() % 20; k > 0; k--) number += world.Arrive(0, number, 60 + random() % 200);
    const int32_t rows = receiver->Receive(batch.columns, {}, counters[kPorts].data());
    for (int32_t row = 0; row < rows; row++) {
      for (uint32_t k = 0; k < used.size(); k++) {
        if (k != number % used.size() && !(settings.copies && random() % 2 == 0)) continue;
        lists->Put(k, static_cast<uint32_t>(row));
        listed++;
      }
    }
    sender->Transmit(sent, false);
    if (sender->WantsFlush()) sender->Flush();
    receiver->Release();
    for (uint32_t k = 0; k < kPorts; k++) {
      if (random() % (k + 2) == 0) world.Take(k + 1, &numbers[k]);
    }
    if (random() % 10 != 0) continue;
    // The first port, which brought the extra buffers, comes and goes like the others.
    std::vector<uint32_t> next;
    for (uint32_t k = 0; k < kPorts; k++) {
      if (random() % 2 == 0) next.insert(random() % 2 == 0 ? next.begin() : next.end(), k);
    }
    if (next.empty()) next = {1};
    used = next;
    std::unique_ptr<Lists> before = std::move(lists);
    std::unique_ptr<Sender> successor = make(sender.get());
    if (random() % 4 == 0) {
      // It was not needed after all.
      successor->Close(0);
      successor = make(sender.get());
    }
    sender->HandOver(successor.get(), 0);
    sender->Close(0);
    sender = std::move(successor);
  }
  sender->Close(0);
  uint64_t booked = 0;
  for (uint32_t k = 0; k < kPorts; k++) {
    world.Take(k + 1, &numbers[k]);
    EXPECT(numbers[k].size() == counters[k][kLinkPackets] && counters[k][kLinkPackets] > 100);
    for (size_t at = 1; at < numbers[k].size(); at++) EXPECT(settings.chains ? numbers[k][at] != numbers[k][at - 1] : numbers[k][at] > numbers[k][at - 1]);
    booked += counters[k][kLinkPackets];
    for (uint32_t reason = 2; reason < 16; reason++) booked += counters[k][reason];
  }
  EXPECT(booked == listed);
  world.CountBuffers(world.interface(1)->ni_bufs_head);
}

// Another sender's ring is refused, unless it is to be handed over.
void RingsOfOthers() {
  World world(1, 0);
  Lists lists(1);
  std::vector<uint64_t> counters(kLinkRecord);
  const SinkSettings settings = {world.Open(0), SinkKind::kPipe, true, &lists.counts[0], lists.Of(0), 64, counters.data()};
  Sender first({false, false, 1});
  first.AddSink(settings);
  Sender second({false, false, 1});
  Sender third({false, false, 1});
  const auto refused = [&settings](Sender& sender, const Sender* before) {
    try {
      sender.AddSink(settings, before);
    } catch (const PortError& error) {
      return error.number != 0;
    }
    return false;
  };
  EXPECT(refused(second, nullptr) && refused(second, &third));
  EXPECT(!refused(second, &first) && refused(second, &first));
  first.HandOver(&second, 0);
  first.Close(0);
  EXPECT(refused(third, nullptr));
  second.Close(0);
  EXPECT(!refused(third, nullptr));
}

}  // namespace

void TestHandOver() {
  for (uint32_t seed = 1; seed <= 3; seed++) {
    Changes(seed, {false, false, 1});
    Changes(seed, {true, false, 2});
    Changes(seed, {true, true, 1});
  }
  RingsOfOthers();
}

}  // namespace bricks::netmap
