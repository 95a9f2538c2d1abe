// Receiving from the benchmark's ring, in rounds that the measuring thread announces.
#include <algorithm>
#include <cstdio>

#include "memory_rings.h"

namespace bricks::bench {

// Other packets of the kind that the measuring thread has named.
void MemoryRings::Renew() {
  const int32_t kind = control_[kKind].load();
  const bench_traffic traffic = {kKinds[kind], kind < 4 ? 60u : 0u, 0};
  generation_++;
  old_ = 0;
  Fill(rings_.receive, traffic);
  for (uint32_t k = 0; k < rings_.outputs; k++) Fill(rings_.send[k], traffic);
}

void MemoryRings::RunPeer(int64_t packets) {
  if (peer_ == nullptr) {
    peer_ = std::make_unique<balancer>();
    peer_->rings = rings_;
    if (balancer_create(peer_.get(), 1) == 0) return peer_.reset();
  }
  const uint64_t end = peer_->received + static_cast<uint64_t>(packets);
  const bool mask = (rings_.outputs & (rings_.outputs - 1)) == 0;
  times_.PeerLoop([this, end, mask] {
    if (peer_->received >= end) return false;
    balancer_run_batch(peer_.get(), mask ? 2 : 0, 1);
    return true;
  });
}

// True where a new round has begun. A round's time is from its first receive to the one after its last batch. A round of no packets
// changes the traffic: no batch's time has that in it. One of -1 is an empty loop in place of the last one, and one of fewer is the
// hand-written load balancer in the engine's place, for as many packets less one.
bool MemoryRings::BetweenRounds() {
  if (round_ != control_[kDone].load()) {
    results_[kWall] = Clock(CLOCK_MONOTONIC) - wall_;
    results_[kCpu] = Clock(CLOCK_THREAD_CPUTIME_ID) - cpu_;
    control_[kDone].store(round_);
  }
  const int32_t next = control_[kRound].load();
  if (next == round_) return false;
  round_ = next;
  left_ = control_[kPackets].load();
  if (left_ == -1) times_.EmptyLoop();
  if (left_ < -1) RunPeer(-1 - left_);
  const int32_t kind = control_[kKind].load();
  if (left_ == 0 && kind > 0 && kind < kKindCount) {
    times_.Forget();
    Renew();
  }
  if (left_ == 0 && control_[kAnnounce].load() != 0) {
    // By the stream that V8 writes its traces to, so that they stand in order.
    std::printf("[round %d]\n", round_);
    std::fflush(stdout);
  }
  wall_ = Clock(CLOCK_MONOTONIC);
  cpu_ = Clock(CLOCK_THREAD_CPUTIME_ID);
  return left_ > 0;
}

int32_t MemoryRings::Receive(Napi::Env, const int32_t*) {
  if (left_ <= 0) {
    times_.Look(false);
    if (!BetweenRounds()) return control_[kEnd].load() ? -1 : 0;
  }
  if (old_ >= control_[kRenew].load(std::memory_order_relaxed) && control_[kRenew].load(std::memory_order_relaxed) > 0) {
    times_.Look(false);
    Renew();
  }
  times_.Look(true);
  bench_ring_sync(rings_.receive);
  uint32_t count = bench_ring_space(rings_.receive);
  if (count > columns_.capacity) count = columns_.capacity;
  left_ -= count;
  fetchNext_.Batch(count == std::min(columns_.capacity, rings_.receive->mask));
  old_ += count;
  switch (flow_) {
    case Flow::kWord:
      return static_cast<int32_t>(Fill<Flow::kWord>(count));
    case Flow::kAll:
      return static_cast<int32_t>(Fill<Flow::kAll>(count));
    default:
      return static_cast<int32_t>(Fill<Flow::kNone>(count));
  }
}

// A network card without time stamps: the batch's time.
void MemoryRings::StampRows(uint32_t count) {
  timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  bricks::FillColumn(columns_.seconds, count, static_cast<uint32_t>(now.tv_sec));
  bricks::FillColumn(columns_.nanoseconds, count, static_cast<uint32_t>(now.tv_nsec));
}

namespace {

// Out of line, and told no more than it needs, as in the netmap backend's receiver.
__attribute__((noinline)) int32_t UncommonFlow(const bricks::PacketColumns& columns, const uint8_t* packet, uint32_t row) {
  return bricks::ParsedFlow(packet, columns.length[row], columns.flowAddresses + row, columns.flowPorts + row);
}

}  // namespace

template <MemoryRings::Flow kFlow>
uint32_t MemoryRings::Fill(uint32_t count) {
  bench_ring* const ring = rings_.receive;
  const uint8_t* const memory = rings_.memory;
  const uint32_t mask = ring->mask;
  // Local and restricted: a store of one byte could be to anything otherwise, and all be loaded again.
  uint32_t* __restrict const offset = columns_.offset;
  uint32_t* __restrict const length = columns_.length;
  uint32_t* __restrict const slotColumn = columns_.slot;
  uint16_t* __restrict const flowAddresses = columns_.flowAddresses;
  uint32_t* __restrict const flowPorts = columns_.flowPorts;
  int32_t* __restrict const flowWord = columns_.flowWord;
  const bool lookedAt = lookedAt_;
  uint32_t cursor = ring->head;
  uint64_t bytes = 0;
  for (uint32_t row = 0; row < count; row++, cursor = (cursor + 1) & mask) {
    const bench_slot* const slot = &ring->slots[cursor];
    if (lookedAt) __builtin_prefetch(memory + size_t{ring->slots[(cursor + kAhead) & mask].buffer} * BENCH_BUFFER_SIZE);
    const uint32_t at = slot->buffer * BENCH_BUFFER_SIZE;
    offset[row] = at;
    length[row] = slot->length;
    slotColumn[row] = cursor;
    bytes += slot->length;
    if (kFlow == Flow::kNone) continue;
    const int32_t word = bricks::FastPathFlow<kFlow == Flow::kAll>(memory + at, slot->length, flowAddresses + row, flowPorts + row);
    flowWord[row] = __builtin_expect(word != bricks::kFlowNotComputed, 1) ? word : UncommonFlow(columns_, memory + at, row);
  }
  ring->head = cursor;
  next_ = (cursor + kAhead) & mask;
  if (kFlow == Flow::kNone) std::memset(flowWord, 0, count * sizeof *flowWord);
  if (arrival_) {
    std::memcpy(columns_.wireLength, length, count * sizeof *length);
    StampRows(count);
  }
  counters_[0] += count;
  counters_[1] += bytes;
  return count;
}

}  // namespace bricks::bench
