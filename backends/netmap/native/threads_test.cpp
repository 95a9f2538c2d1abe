// Engines of one process: threads with ports of their own in one memory region, whose mapping and claims they share.
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "test_rings.h"

namespace bricks::netmap {

namespace {

constexpr uint32_t kEngines = 4;

// Balances packets of one port over two, all in a region where others do the same.
void RunEngine(World& world, uint32_t first) {
  Batch batch;
  Lists lists(2);
  std::vector<std::vector<uint64_t>> counters(3, std::vector<uint64_t>(kLinkRecord));
  for (int opened = 0; opened < 20; opened++) {
    auto receiver = std::make_shared<Receiver>(world.Open(first), false);
    Sender sender({true, opened % 2 == 0, 1});
    for (uint32_t k = 0; k < 2; k++) {
      sender.AddSink({world.Open(first + 1 + k), SinkKind::kPipe, true, &lists.counts[k], lists.Of(k), 64, counters[k].data()});
    }
    SentBatch sent = {batch.columns, world.region()->base(), world.region()->addressable(), receiver};
    std::vector<uint32_t> numbers[2];
    for (uint32_t number = 0; number < 400; number++) {
      world.Arrive(first, number, number % 50 == 0 ? 5000 : 100);
      if (number % 10 != 9) continue;
      const int32_t rows = receiver->Receive(batch.columns, {}, counters[2].data());
      for (int32_t row = 0; row < rows; row++) {
        for (uint32_t k = 0; k < 2; k++) lists.Put(k, static_cast<uint32_t>(row));
      }
      sender.Transmit(sent, false);
      sender.Flush();
      receiver->Release();
      for (uint32_t k = 0; k < 2; k++) world.Take(first + 1 + k, &numbers[k]);
      sender.Settle();
    }
    sender.Close(0);
    for (uint32_t k = 0; k < 2; k++) world.Take(first + 1 + k, &numbers[k]);
    EXPECT(numbers[0].size() == 400 && numbers[1].size() == 400);
  }
}

// Ports of one region come and go, in all engines at the same time.
void AttachAndDetach(int descriptor, std::atomic<uint32_t>* staged) {
  constexpr uint64_t kBytes = 1 << 20;
  for (int turn = 0; turn < 300; turn++) {
    const int own = dup(descriptor);
    EXPECT(own >= 0);
    std::shared_ptr<Region> region = Region::Attach(77, kBytes, own);
    EXPECT(region != nullptr && region->base() != nullptr);
    if (uint8_t* const area = region->TakeStaging()) {
      area[0] = 1;
      (*staged)++;
      region->GiveStaging(area);
    }
    EXPECT(region->ClaimRing(&region) && !region->ClaimRing(&region));
    region->ReleaseRing(&region);
    region->Detach(own);
    close(own);
  }
}

}  // namespace

void TestThreads() {
  World world(3 * kEngines, 0);
  std::atomic<uint32_t> staged{0};
  const int descriptor = memfd_create("region", MFD_CLOEXEC);
  EXPECT(descriptor >= 0 && ftruncate(descriptor, 1 << 20) == 0);
  std::vector<std::thread> threads;
  for (uint32_t k = 0; k < kEngines; k++) {
    threads.emplace_back([&world, k] { RunEngine(world, 3 * k); });
    threads.emplace_back([descriptor, &staged] { AttachAndDetach(descriptor, &staged); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT(staged > 0);
  close(descriptor);
  world.CountBuffers(0);
}

}  // namespace bricks::netmap
