// The ports of the benchmark's backend: what a netmap port is, over rings in memory. One object holds
// the ring that is received from and those that are sent to.
#include <napi.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "batch_columns.h"
#include "batch_times.h"
#include "direct_method.h"
#include "fill_column.h"
#include "flow_columns.h"
#include "trial.h"
extern "C" {
#include "balancer.h"
#include "netmap_rings.h"
#include "traffic.h"
}

namespace {

// Words of the memory that the measuring thread shares with the engine's.
enum Control : uint32_t { kRound = 0, kDone = 1, kEnd = 2, kPackets = 3, kKind = 4, kAnnounce = 5, kRenew = 6 };
// Kinds of traffic by number, for rounds that change it; 0 keeps what there is.
constexpr const char* kKinds[] = {"", "ipv4", "ipv6", "vlan", "mixed", "malformed", "fragments", "orphans", "arp", "wrapped", "extensions"};
constexpr int32_t kKindCount = sizeof kKinds / sizeof *kKinds;
// Numbers of it, behind the words.
enum Result : uint32_t { kWall = 0, kCpu = 1 };
constexpr uint32_t kResultsOffset = 64;
// Histograms of batch times, behind these, where there is room for them.
constexpr uint32_t kTimesOffset = 128;
// Packets ahead of the one being looked at whose first line is fetched: about as many as a core fetches at once.
constexpr uint32_t kAhead = 16;
constexpr uint32_t kAheadOfCopies = 4;
// Sinks ahead, where there are many.
constexpr uint32_t kSinksAhead = 6;

double Clock(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// What sending to a ring needs, in a cache line. What was sent is counted here, and brought to the counters when they are published.
struct alignas(64) Sink {
  bench_ring* ring = nullptr;
  bricks::ListRows rows;
  uint64_t* counters = nullptr;
  uint64_t packets = 0, bytes = 0, full = 0;
};

class MemoryRings : public Napi::ObjectWrap<MemoryRings> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "MemoryRings",
                       {InstanceMethod<&MemoryRings::BindSource>("bindSource"), InstanceMethod<&MemoryRings::BindSinks>("bindSinks"),
                        InstanceMethod<&MemoryRings::BindColumn>("bindColumn"), InstanceMethod<&MemoryRings::Memory>("memory")});
  }

  // ({outputs, slots, huge, scatter, kind, length, flows, control})
  explicit MemoryRings(const Napi::CallbackInfo& info) : Napi::ObjectWrap<MemoryRings>(info) {
    bricks::DefineDirectMethod<MemoryRings, &MemoryRings::Receive>(info.This().As<Napi::Object>(), this, "receive");
    bricks::DefineDirectMethod<MemoryRings, &MemoryRings::Transmit>(info.This().As<Napi::Object>(), this, "transmit");
    bricks::DefineDirectMethod<MemoryRings, &MemoryRings::Count>(info.This().As<Napi::Object>(), this, "count");
    bricks::DefineDirectMethod<MemoryRings, &MemoryRings::TransmitColumn, 2>(info.This().As<Napi::Object>(), this, "transmitColumn");
    const Napi::Object options = info[0].ToObject();
    const uint32_t slots = options.Get("slots").ToNumber().Uint32Value();
    if (slots < 2 || (slots & (slots - 1)) != 0) throw Napi::RangeError::New(info.Env(), "slots must be a power of two");
    if (!bench_rings_create(&rings_, options.Get("outputs").ToNumber().Uint32Value(), slots, options.Get("huge").ToBoolean())) {
      throw Napi::Error::New(info.Env(), "not enough memory for the rings");
    }
    if (options.Get("scatter").ToBoolean()) Scatter();
    const std::string kind = options.Get("kind").ToString();
    const bench_traffic traffic = {kind.c_str(), options.Get("length").ToNumber().Uint32Value(), options.Get("flows").ToNumber().Uint32Value()};
    Fill(rings_.receive, traffic);
    for (uint32_t k = 0; k < rings_.outputs; k++) Fill(rings_.send[k], traffic);
    napi_typedarray_type type;
    size_t length;
    void* data;
    napi_get_typedarray_info(info.Env(), options.Get("control"), &type, &length, &data, nullptr, nullptr);
    control_ = static_cast<std::atomic<int32_t>*>(data);
    results_ = reinterpret_cast<double*>(static_cast<uint8_t*>(data) + kResultsOffset);
    if (length * sizeof(int32_t) > kTimesOffset) times_ = BatchTimes(reinterpret_cast<double*>(static_cast<uint8_t*>(data) + kTimesOffset));
    controlReference_ = Napi::Persistent(options.Get("control"));
  }

 private:
  // Buffers in no order, as a load balancer leaves them after a while.
  void Scatter() {
    std::vector<bench_slot*> slots;
    const auto add = [&slots](bench_ring* ring) {
      for (uint32_t k = 0; k <= ring->mask; k++) slots.push_back(&ring->slots[k]);
    };
    add(rings_.receive);
    for (uint32_t k = 0; k < rings_.outputs; k++) add(rings_.send[k]);
    for (size_t left = slots.size(); left > 1; left--) std::swap(slots[left - 1]->buffer, slots[bench_random(left) % left]->buffer);
  }

  void Fill(bench_ring* ring, const bench_traffic& traffic) {
    for (uint32_t k = 0; k <= ring->mask; k++) {
      const uint32_t buffer = ring->slots[k].buffer;
      ring->slots[k].length = static_cast<uint16_t>(bench_packet(rings_.memory + size_t{buffer} * BENCH_BUFFER_SIZE, (generation_ << 20) + buffer, &traffic));
    }
  }

  Napi::Value Memory(const Napi::CallbackInfo& info) {
    return Napi::ArrayBuffer::New(info.Env(), rings_.memory, rings_.memory_bytes);
  }

  // ({batch, flowColumns, flowFields, arrival, lookedAt, counters, record})
  void BindSource(const Napi::CallbackInfo& info) {
    const Napi::Object request = info[0].ToObject();
    columns_.Bind(request.Get("batch").ToObject());
    flow_ = !request.Get("flowColumns").ToBoolean() ? Flow::kNone : request.Get("flowFields").ToBoolean() ? Flow::kAll : Flow::kWord;
    arrival_ = request.Get("arrival").ToBoolean();
    lookedAt_ = request.Get("lookedAt").ToBoolean();
    counterReference_ = Napi::Persistent(request.Get("counters"));
    counters_ = static_cast<uint64_t*>(request.Get("counters").As<Napi::ArrayBuffer>().Data()) + request.Get("record").ToNumber().Uint32Value();
  }

  // ([{lists, output, record}], counters, copies, batchRows)
  void BindSinks(const Napi::CallbackInfo& info) {
    const Napi::Array requests = info[0].As<Napi::Array>();
    uint64_t* counters = static_cast<uint64_t*>(info[1].As<Napi::ArrayBuffer>().Data());
    sinkReference_ = Napi::Persistent(info[1]);
    copies_ = info[2].ToBoolean();
    uses_.resize(info[3].ToNumber().Uint32Value());
    for (uint32_t k = 0; k < requests.Length(); k++) {
      const Napi::Object request = requests.Get(k).ToObject();
      const Napi::Object lists = request.Get("lists").ToObject();
      const uint32_t output = request.Get("output").ToNumber().Uint32Value();
      if (groups_.empty() || !groups_.back().lists->reference.Value().StrictEquals(lists)) {
        groups_.push_back({std::make_unique<bricks::PacketLists>(), {}, {}});
        groups_.back().lists->Bind(lists);
        groups_.back().sinks.resize(groups_.back().lists->outputs);
        groups_.back().active.resize(groups_.back().lists->outputs + 1);
      }
      Group& group = groups_.back();
      Sink& sink = group.sinks[output];
      sink.ring = rings_.send[k];
      sink.rows = group.lists->RowsOf(output);
      sink.counters = counters + request.Get("record").ToNumber().Uint32Value();
    }
  }

  // (column): the output of each row, for `transmitColumn`, the trial of bench/column.js.
  void BindColumn(const Napi::CallbackInfo& info) {
    const Napi::Uint16Array column = info[0].As<Napi::Uint16Array>();
    column_ = column.Data();
    columnRows_ = static_cast<uint32_t>(column.ElementLength());
    columnReference_ = Napi::Persistent(info[0]);
    touched_.resize(rings_.outputs + 1);
    touchedAt_.resize(rings_.outputs);
  }

  int32_t Receive(Napi::Env env, const int32_t* none);
  // What flow columns are read.
  enum class Flow { kNone, kWord, kAll };
  template <Flow kFlow>
  uint32_t Fill(uint32_t count);
  void StampRows(uint32_t count);
  void Renew();
  bool BetweenRounds();
  void RunPeer(int64_t packets);
  int32_t Transmit(Napi::Env env, const int32_t* none);
  int32_t TransmitColumn(Napi::Env env, const int32_t* rows);
  template <bool kMany>
  void SendColumn(uint32_t count);
  int32_t Count(Napi::Env env, const int32_t* none);
  struct Group {
    std::unique_ptr<bricks::PacketLists> lists;
    std::vector<Sink> sinks;
    std::vector<uint32_t> active;
  };

  template <bool Copies, bool kFetchNext>
  void Send(Sink& sink, uint32_t first, uint32_t count);
  void TransmitCopies(Group& group);
  static bool SameLists(const Group& group);
  void TransmitSame(Group& group);

  bench_rings rings_ = {};
  bricks::BatchColumns columns_;
  std::vector<Group> groups_;
  std::vector<uint8_t> uses_;
  // The last slot to receive from whose packet was fetched already.
  uint32_t next_ = 0;
  std::atomic<int32_t>* control_;
  double* results_;
  uint64_t* counters_ = nullptr;
  Flow flow_ = Flow::kNone;
  // Whether time and length on the wire are read.
  bool arrival_ = true;
  // Whether a brick looks into packets, so that they are fetched when they come.
  bool lookedAt_ = false;
  bool copies_ = false;
  Trial fetchNext_;
  int32_t round_ = 0;
  int64_t left_ = 0;
  double wall_ = 0, cpu_ = 0;
  BatchTimes times_;
  // Of the hand-written loop, once it was asked for.
  std::unique_ptr<balancer> peer_;
  // How often other packets were made, and how many came since.
  uint64_t generation_ = 0;
  int64_t old_ = 0;
  Napi::Reference<Napi::Value> controlReference_, counterReference_, sinkReference_, columnReference_;
  const uint16_t* column_ = nullptr;
  uint32_t columnRows_ = 0;
  // Rings that a batch has touched, and the number of the last batch that has touched each.
  std::vector<uint32_t> touched_, touchedAt_;
  uint32_t columnBatch_ = 0;
};

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
    if (kFlow != Flow::kNone) flowWord[row] = bricks::FlowColumns<kFlow == Flow::kAll>(memory + at, slot->length, flowAddresses + row, flowPorts + row);
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

template <bool Copies, bool kFetchNext>
inline void MemoryRings::Send(Sink& sink, uint32_t first, uint32_t count) {
  bench_ring* const ring = sink.ring;
  bench_slot* const receiveSlots = rings_.receive->slots;
  const uint32_t* const slotColumn = columns_.slot;
  const uint32_t space = bench_ring_space(ring);
  const uint32_t sent = count < space ? count : space;
  const uint32_t mask = ring->mask;
  const bricks::ListRows rows = sink.rows.From(first);
  const size_t stride = rows.stride();
  uint8_t* const memory = rings_.memory;
  const uint32_t receiveMask = rings_.receive->mask;
  uint32_t head = ring->head, next = next_;
  uint64_t bytes = 0;
  const uint16_t* at = rows.first;
  for (uint32_t k = 0; k < sent; k++, head = (head + 1) & mask, at += stride) {
    const uint32_t row = *at;
    bench_slot* const from = &receiveSlots[slotColumn[row]];
    bench_slot* const to = &ring->slots[head];
    bytes += from->length;
    if (kFetchNext) {
      // While packets move, their successors' first lines come into the second-level cache, and their pages into the address cache.
      next = (next + 1) & receiveMask;
      __builtin_prefetch(memory + size_t{receiveSlots[next].buffer} * BENCH_BUFFER_SIZE, 0, 2);
    }
    if (Copies) __builtin_prefetch(memory + size_t{ring->slots[(head + kAhead) & mask].buffer} * BENCH_BUFFER_SIZE, 1);
    if (Copies && --uses_[row] != 0) {
      bench_copy(memory + size_t{to->buffer} * BENCH_BUFFER_SIZE, memory + size_t{from->buffer} * BENCH_BUFFER_SIZE, from->length);
      to->length = from->length;
      to->flags = BENCH_CHANGED;
    } else {
      bench_swap(from, to);
    }
  }
  if (Copies) {
    for (uint32_t k = sent; k < count; k++) uses_[rows[k]]--;
  }
  ring->head = head;
  next_ = next;
  sink.packets += sent;
  sink.bytes += bytes;
  sink.full += count - sent;
}

// A duplicator's lists: all the same. Then it is a packet at a time to all sinks, the last of which gets the packet itself.
bool MemoryRings::SameLists(const Group& group) {
  const uint32_t count = group.lists->counts[0];
  if (group.lists->step > 0) return false;
  for (size_t output = 0; output < group.sinks.size(); output++) {
    if (group.sinks[output].ring == nullptr || group.lists->counts[output] != count) return false;
    if (output > 0 && std::memcmp(group.sinks[output].rows.first, group.sinks[0].rows.first, count * sizeof(uint16_t)) != 0) return false;
  }
  return group.sinks.size() > 1;
}

void MemoryRings::TransmitSame(Group& group) {
  Sink* const sinks = group.sinks.data();
  const size_t last = group.sinks.size() - 1;
  const uint32_t count = group.lists->counts[0];
  const bricks::ListRows rows = sinks[0].rows;
  bench_slot* const receiveSlots = rings_.receive->slots;
  uint8_t* const memory = rings_.memory;
  const uint32_t* const slotColumn = columns_.slot;
  for (uint32_t k = 0; k < count; k++) {
    bench_slot* const from = &receiveSlots[slotColumn[rows[k]]];
    const uint8_t* const packet = memory + size_t{from->buffer} * BENCH_BUFFER_SIZE;
    const uint32_t length = from->length;
    const uint32_t later = k + kAheadOfCopies < count ? k + kAheadOfCopies : count - 1;
    __builtin_prefetch(memory + size_t{receiveSlots[slotColumn[rows[later]]].buffer} * BENCH_BUFFER_SIZE);
    for (size_t output = 0; output < last; output++) {
      Sink& sink = sinks[output];
      bench_ring* const ring = sink.ring;
      const uint32_t head = ring->head;
      if (head == ring->tail) {
        sink.full++;
        continue;
      }
      bench_slot* const to = &ring->slots[head];
      __builtin_prefetch(memory + size_t{ring->slots[(head + kAheadOfCopies) & ring->mask].buffer} * BENCH_BUFFER_SIZE, 1);
      bench_copy(memory + size_t{to->buffer} * BENCH_BUFFER_SIZE, packet, length);
      to->length = static_cast<uint16_t>(length);
      to->flags = BENCH_CHANGED;
      ring->head = (head + 1) & ring->mask;
      sink.packets++;
      sink.bytes += length;
    }
    Sink& sink = sinks[last];
    bench_ring* const ring = sink.ring;
    const uint32_t head = ring->head;
    if (head == ring->tail) {
      sink.full++;
      continue;
    }
    sink.packets++;
    sink.bytes += length;
    bench_swap(from, &ring->slots[head]);
    ring->head = (head + 1) & ring->mask;
  }
  for (size_t output = 0; output <= last; output++) {
    bench_ring_sync(sinks[output].ring);
    group.lists->counts[output] = 0;
  }
}

// Where packets go to several: some rows to all their sinks, then the next, so that a packet is still in
// the first-level cache for its second copy. Buffers 2,048 bytes apart share two sets of it: 24 packets.
void MemoryRings::TransmitCopies(Group& group) {
  constexpr uint32_t kRowsAtOnce = 16;
  uint32_t* const counts = group.lists->counts;
  uint32_t* const position = group.active.data();
  const size_t outputs = group.sinks.size();
  std::fill(position, position + outputs, 0);
  for (size_t output = 0; output < outputs; output++) {
    if (group.sinks[output].ring == nullptr) continue;
    for (uint32_t k = 0; k < counts[output]; k++) uses_[group.sinks[output].rows[k]]++;
  }
  for (uint32_t limit = kRowsAtOnce;; limit += kRowsAtOnce) {
    bool more = false;
    for (size_t output = 0; output < outputs; output++) {
      Sink& sink = group.sinks[output];
      if (sink.ring == nullptr) continue;
      const uint32_t first = position[output];
      uint32_t end = first;
      while (end < counts[output] && sink.rows[end] < limit) end++;
      if (end > first) Send<true, false>(sink, first, end - first);
      position[output] = end;
      more |= end < counts[output];
    }
    if (!more) break;
  }
  for (size_t output = 0; output < outputs; output++) {
    if (group.sinks[output].ring == nullptr) continue;
    bench_ring_sync(group.sinks[output].ring);
    counts[output] = 0;
  }
}

int32_t MemoryRings::Count(Napi::Env, const int32_t*) {
  for (Group& group : groups_) {
    for (Sink& sink : group.sinks) {
      if (sink.ring == nullptr) continue;
      sink.counters[0] += sink.packets;
      sink.counters[1] += sink.bytes;
      sink.counters[2 + 1] += sink.full;  // ringFull
      sink.packets = sink.bytes = sink.full = 0;
    }
  }
  return 0;
}

// None ever stays behind: what a full ring does not take is dropped.
int32_t MemoryRings::Transmit(Napi::Env, const int32_t*) {
  if (copies_) {
    for (Group& group : groups_) {
      if (SameLists(group)) TransmitSame(group);
      else TransmitCopies(group);
    }
    return 0;
  }
  // Where the rings fit into the cache that is a loss (13.8 against 11.1 ns on an Intel Xeon), elsewhere a gain (33.7 against 37.1; on an
  // AMD EPYC even where they fit): it is tried.
  const bool fetchNext = fetchNext_.second();
  for (Group& group : groups_) {
    uint32_t* const counts = group.lists->counts;
    Sink* const sinks = group.sinks.data();
    const uint32_t outputs = static_cast<uint32_t>(group.sinks.size());
    // With a thousand outputs most lists are empty: find the others without a branch to guess, then
    // fetch their rings, lists and slots some sinks before they are needed. (Of outputs without a ring all are.)
    uint32_t* const active = group.active.data();
    uint32_t found = 0;
    for (uint32_t output = 0; output < outputs; output++) {
      active[found] = output;
      found += counts[output] != 0;
    }
    for (uint32_t k = 0; k < found; k++) {
      if (k + 2 * kSinksAhead < found) {
        const Sink& sink = sinks[active[k + 2 * kSinksAhead]];
        __builtin_prefetch(sink.ring, 1);
        __builtin_prefetch(sink.rows.first);
      }
      if (k + kSinksAhead < found) {
        const bench_ring* const ring = sinks[active[k + kSinksAhead]].ring;
        __builtin_prefetch(&ring->slots[ring->head], 1);
      }
      const uint32_t output = active[k];
      if (fetchNext) Send<false, true>(sinks[output], 0, counts[output]);
      else Send<false, false>(sinks[output], 0, counts[output]);
      bench_ring_sync(sinks[output].ring);
      counts[output] = 0;
    }
  }
  return 0;
}

// Each row to the output that the column says, in order of rows.
template <bool kMany>
void MemoryRings::SendColumn(uint32_t count) {
  Sink* const sinks = groups_[0].sinks.data();
  const uint32_t outputs = static_cast<uint32_t>(groups_[0].sinks.size());
  bench_slot* const receiveSlots = rings_.receive->slots;
  const uint32_t* const slotColumn = columns_.slot;
  const uint16_t* const column = column_;
  const uint32_t batch = ++columnBatch_;
  uint32_t touched = 0;
  for (uint32_t row = 0; row < count; row++) {
    if (kMany) {
      const uint32_t later = row + 2 * kSinksAhead < count ? row + 2 * kSinksAhead : count - 1;
      const uint32_t soon = row + kSinksAhead < count ? row + kSinksAhead : count - 1;
      if (column[later] < outputs) __builtin_prefetch(sinks[column[later]].ring, 1);
      if (column[soon] < outputs) __builtin_prefetch(&sinks[column[soon]].ring->slots[sinks[column[soon]].ring->head], 1);
    }
    const uint32_t output = column[row];
    if (output >= outputs) continue;
    Sink& sink = sinks[output];
    bench_ring* const ring = sink.ring;
    const uint32_t head = ring->head;
    if (kMany) {
      touched_[touched] = output;
      touched += touchedAt_[output] != batch;
      touchedAt_[output] = batch;
    }
    if (head == ring->tail) {
      sink.full++;
      continue;
    }
    bench_slot* const from = &receiveSlots[slotColumn[row]];
    sink.packets++;
    sink.bytes += from->length;
    bench_swap(from, &ring->slots[head]);
    ring->head = (head + 1) & ring->mask;
  }
  if (kMany) {
    for (uint32_t k = 0; k < touched; k++) bench_ring_sync(sinks[touched_[k]].ring);
  } else {
    for (uint32_t output = 0; output < outputs; output++) bench_ring_sync(sinks[output].ring);
  }
}

// (rows, copies): rows from `rows` on are copies of others, over the same slots; they go first, so that a packet itself can be moved.
int32_t MemoryRings::TransmitColumn(Napi::Env env, const int32_t* numbers) {
  const uint32_t count = static_cast<uint32_t>(numbers[0]), all = count + static_cast<uint32_t>(numbers[1]);
  if (column_ == nullptr || groups_.empty() || numbers[0] < 0 || numbers[1] < 0 || all > columnRows_) throw Napi::RangeError::New(env, "more rows than the column has");
  Sink* const sinks = groups_[0].sinks.data();
  const uint32_t outputs = static_cast<uint32_t>(groups_[0].sinks.size());
  bench_slot* const receiveSlots = rings_.receive->slots;
  uint8_t* const memory = rings_.memory;
  const uint32_t* const slotColumn = columns_.slot;
  for (uint32_t row = count; row < all; row++) {
    const uint32_t output = column_[row];
    const uint32_t later = row + 3 * kAheadOfCopies < all ? row + 3 * kAheadOfCopies : all - 1;
    __builtin_prefetch(memory + size_t{receiveSlots[slotColumn[later]].buffer} * BENCH_BUFFER_SIZE);
    if (output >= outputs) continue;
    Sink& sink = sinks[output];
    bench_ring* const ring = sink.ring;
    const uint32_t head = ring->head;
    if (head == ring->tail) {
      sink.full++;
      continue;
    }
    const bench_slot* const from = &receiveSlots[slotColumn[row]];
    bench_slot* const to = &ring->slots[head];
    __builtin_prefetch(memory + size_t{ring->slots[(head + kAheadOfCopies) & ring->mask].buffer} * BENCH_BUFFER_SIZE, 1);
    bench_copy(memory + size_t{to->buffer} * BENCH_BUFFER_SIZE, memory + size_t{from->buffer} * BENCH_BUFFER_SIZE, from->length);
    to->length = from->length;
    to->flags = BENCH_CHANGED;
    ring->head = (head + 1) & ring->mask;
    sink.packets++;
    sink.bytes += from->length;
  }
  if (outputs > 64) SendColumn<true>(count);
  else SendColumn<false>(count);
  return 0;
}

Napi::Object Initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("MemoryRings", MemoryRings::Define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(bench_rings, Initialise)
