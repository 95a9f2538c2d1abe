// The ports of the benchmark's backend: what a netmap port is, over rings in memory. One object holds
// the ring that is received from and those that are sent to.
#pragma once

#include <napi.h>
#include <time.h>

#include <atomic>
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

namespace bricks::bench {

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

inline double Clock(clockid_t clock) {
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

// Copies a packet into the first free slot of a ring, which has room, and fetches the buffer that a later copy is written to. The length
// comes by reference: it may lie in a slot, and reading it there again costs less than a register over the copy.
inline void CopyInto(bench_ring* ring, uint8_t* memory, const uint8_t* packet, const uint16_t& length) {
  const uint32_t head = ring->head;
  bench_slot* const to = &ring->slots[head];
  __builtin_prefetch(memory + size_t{ring->slots[(head + kAheadOfCopies) & ring->mask].buffer} * BENCH_BUFFER_SIZE, 1);
  bench_copy(memory + size_t{to->buffer} * BENCH_BUFFER_SIZE, packet, length);
  to->length = length;
  to->flags = BENCH_CHANGED;
  ring->head = (head + 1) & ring->mask;
}

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

  // Returns how many the ring took.
  template <bool Copies, bool kFetchNext>
  uint32_t Send(Sink& sink, uint32_t first, uint32_t count);
  static void NoteDrops(const Group& group, uint32_t output, uint32_t first, uint32_t end);
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

}  // namespace bricks::bench
