#include "ring_transmitter.h"

#include <time.h>

#include <atomic>

#include "direct_method.h"

namespace bricks {

namespace {

constexpr int64_t kStalledReaderNanoseconds = 1'000'000'000;
constexpr uint32_t kMostSinks = 1 << 20;
constexpr uint32_t kLeave = UINT32_MAX;
// How many sinks ahead of the copying their lines are fetched: about the memory's latency.
constexpr size_t kSinksAhead = 8;
constexpr size_t kWritersAhead = 20;
// Within a sink: bytes of its ring, and the short packets that take about as many.
constexpr uint32_t kBytesAhead = 1024;
constexpr uint32_t kPacketsAhead = 12;

// Marks objects that are transmitters.
constexpr napi_type_tag kTag = {0x6272'6963'6b73'0002, 0x7472'616e'736d'0001};

int64_t Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

}  // namespace

Napi::Function RingTransmitter::Define(Napi::Env env) {
  return DefineClass(env, "RingTransmitter",
                     {InstanceMethod<&RingTransmitter::BindMemory>("bindMemory"), InstanceMethod<&RingTransmitter::Close>("close")});
}

RingTransmitter::RingTransmitter(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RingTransmitter>(info) {
  Napi::Env env = info.Env();
  if (!info[0].IsObject()) throw Napi::TypeError::New(env, "options are wanted");
  info.This().As<Napi::Object>().TypeTag(&kTag);
  DefineDirectMethod<RingTransmitter, &RingTransmitter::Transmit, 3>(info.This().As<Napi::Object>(), this, "transmit");
  DefineDirectMethod<RingTransmitter, &RingTransmitter::Flush>(info.This().As<Napi::Object>(), this, "flush");
  DefineDirectMethod<RingTransmitter, &RingTransmitter::HasReader, 1>(info.This().As<Napi::Object>(), this, "hasReader");
  DefineDirectMethod<RingTransmitter, &RingTransmitter::Follow>(info.This().As<Napi::Object>(), this, "follow");
  const Napi::Object options = info[0].As<Napi::Object>();
  const Napi::Value batches = options.Get("batches");
  const Napi::Value sinks = options.Get("sinks");
  if (!batches.IsArray() || !sinks.IsArray()) throw Napi::TypeError::New(env, "batches and sinks must be arrays");
  copies_ = options.Get("copies").ToBoolean();

  const Napi::Array batchArray = batches.As<Napi::Array>();
  for (uint32_t k = 0; k < batchArray.Length(); k++) {
    batches_.push_back(std::make_unique<Batch>());
    batches_.back()->columns.Bind(batchArray.Get(k).ToObject());
  }
  const Napi::Array sinkArray = sinks.As<Napi::Array>();
  const uint32_t count = sinkArray.Length();
  if (count > kMostSinks) throw Napi::RangeError::New(env, "too many sinks");
  writers_ = std::make_unique<RingWriter[]>(count);
  sinks_.resize(count);
  rings_.resize(count);
  counts_.resize(count);
  active_.resize(size_t{count} + kWritersAhead);
  progress_.resize(copies_ ? count : 0);
  dirty_.reserve(count);
  for (uint32_t k = 0; k < count; k++) {
    const Napi::Object request = sinkArray.Get(k).ToObject();
    const Napi::Object lists = request.Get("lists").ToObject();
    // The sinks of one brick share its lists: a few of them at most, the last one mostly.
    PacketLists* bound = nullptr;
    for (auto known = lists_.rbegin(); known != lists_.rend() && bound == nullptr; ++known) {
      if ((*known)->reference.Value().StrictEquals(lists)) bound = known->get();
    }
    if (bound == nullptr) {
      lists_.push_back(std::make_unique<PacketLists>());
      bound = lists_.back().get();
      bound->Bind(lists);
    }
    const uint32_t output = WholeNumber(request.Get("output"), "output");
    if (output >= bound->outputs) throw Napi::RangeError::New(env, "output is no output of its lists");
    Sink& sink = sinks_[k];
    sink.count = bound->counts + output;
    sink.rows = bound->RowsOf(output);
    sink.room = bound->room;
    sink.output = output;
    sink.drops = bound->drops;
    sink.counters = LinkRecord(request.Get("counters"), request.Get("record"));
    rings_[k].Bind(request.Get("ring"));
    sink.wake = rings_[k].event.writable;
    counts_[k] = sink.count;
    if (request.Get("before").IsUndefined()) {
      writers_[k].Open(rings_[k].memory, rings_[k].dataSize);
    } else {
      writers_[k] = WriterOf(request, rings_[k]);
    }
  }
  settings_ = Napi::Persistent(info[0].As<Napi::Object>());
}

// Where the transmitter that had this ring until now would have written next.
const RingWriter& RingTransmitter::WriterOf(const Napi::Object& request, const RingMemory& ring) {
  Napi::Env env = request.Env();
  const Napi::Value before = request.Get("before");
  if (!before.IsObject() || !before.As<Napi::Object>().CheckTypeTag(&kTag)) throw Napi::TypeError::New(env, "before must be a RingTransmitter");
  const RingTransmitter* const transmitter = Unwrap(before.As<Napi::Object>());
  const uint32_t index = WholeNumber(request.Get("index"), "a sink's number");
  if (index >= transmitter->sinks_.size()) throw Napi::RangeError::New(env, "no such sink");
  if (transmitter->rings_[index].memory != ring.memory) throw Napi::Error::New(env, "the ring is another one");
  if (transmitter->writers_[index].Unpublished()) throw Napi::Error::New(env, "the ring has packets that were not flushed");
  return transmitter->writers_[index];
}

void RingTransmitter::BindMemory(const Napi::CallbackInfo& info) {
  const uint32_t index = WholeNumber(info[0], "a batch's number");
  if (index >= batches_.size()) throw Napi::RangeError::New(info.Env(), "no such batch");
  Batch& batch = *batches_[index];
  batch.memory = TypedArrayBytes(info[1], &batch.memoryBytes);
  batch.reference = Napi::Persistent(info[1]);
}

int32_t RingTransmitter::Transmit(Napi::Env env, const int32_t* arguments) {
  const uint32_t index = static_cast<uint32_t>(arguments[0]);
  if (index >= batches_.size() || batches_[index]->memory == nullptr) throw Napi::RangeError::New(env, "this batch has no memory yet");
  const Batch& batch = *batches_[index];
  const uint32_t linkType = static_cast<uint32_t>(arguments[1]);
  const bool wait = arguments[2] != 0;
  // With a thousand outputs most lists are empty or hold one packet: find the others without guessing.
  uint32_t* active = active_.data();
  uint32_t found = 0;
  const uint32_t total = static_cast<uint32_t>(counts_.size());
  uint32_t* const* counts = counts_.data();
  for (uint32_t k = 0; k < total; k++) {
    active[found] = k;
    found += *counts[k] != 0;
  }
  if (copies_ && found > 1 && BytesListed(sinks_[active[0]].rows, Listed(active[0]), batch.columns.length, batch.columns.capacity) > kBytesInCache) {
    return static_cast<int32_t>(SendTogether(batch, linkType, wait, found));
  }
  // In three stages, so that no copy waits for memory.
  uint32_t left = 0;
  for (uint32_t k = 0; k < kWritersAhead && k < found; k++) __builtin_prefetch(&writers_[active[k]]);
  for (uint32_t k = 0; k < kSinksAhead && k < found; k++) {
    Fetch(active[k]);
  }
  for (uint32_t k = 0; k < found; k++) {
    if (k + kWritersAhead < found) {
      const uint32_t ahead = active[k + kWritersAhead];
      __builtin_prefetch(&writers_[ahead]);
      __builtin_prefetch(&sinks_[ahead]);
    }
    if (k + kSinksAhead < found) {
      const uint32_t ahead = active[k + kSinksAhead];
      Fetch(ahead);
    }
    left += TakeOff(active[k], Send(active[k], batch, linkType, wait, 0, Listed(active[k])));
  }
  return static_cast<int32_t>(left);
}

// To 4 pipes, 1,514 bytes: 398 ns a packet instead of 454 (Intel Xeon).
uint32_t RingTransmitter::SendTogether(const Batch& batch, uint32_t linkType, bool wait, uint32_t found) {
  for (uint32_t k = 0; k < found; k++) progress_[k] = {0, Listed(active_[k])};
  bricks::SendTogether(
      batch.columns.length, batch.columns.capacity, progress_.data(), found, [this](uint32_t k) { return sinks_[active_[k]].rows; },
      [this, &batch, linkType, wait](uint32_t k, uint32_t first, uint32_t end) { return Send(active_[k], batch, linkType, wait, first, end); });
  uint32_t left = 0;
  for (uint32_t k = 0; k < found; k++) left += TakeOff(active_[k], progress_[k].reached);
  return left;
}

// How many rows are on a sink's list.
uint32_t RingTransmitter::Listed(uint32_t index) const {
  const Sink& sink = sinks_[index];
  return *sink.count < sink.room ? *sink.count : sink.room;
}

// Ends a batch for a sink: the first `done` of its list are sent or dropped. Returns how many are left.
uint32_t RingTransmitter::TakeOff(uint32_t index, uint32_t done) {
  Sink& sink = sinks_[index];
  const uint32_t left = Listed(index) - done;
  *sink.count = left;
  if (left == 0) return 0;
  sink.rows.TakeOff(done, left);
  // The reader can make room only for what it sees.
  if (writers_[index].Commit()) Wake(index);
  return left;
}

// What Send will touch of a sink. Short packets are where it matters.
void RingTransmitter::Fetch(uint32_t index) const {
  const Sink& sink = sinks_[index];
  const uint32_t packets = *counts_[index];
  writers_[index].Prefetch(packets < 12 ? packets * 80 : 960);
  __builtin_prefetch(sink.rows.first);
  __builtin_prefetch(sink.counters, 1);
}

// Rows `first` to `end` - 1 of a sink's list; returns the first that can't be sent now, or `end`.
// Some 5 ns a packet where a sink gets many; where each gets one, the mispredicted loop end and the lines
// of the ring cost more than the copy.
uint32_t RingTransmitter::Send(uint32_t index, const Batch& batch, uint32_t linkType, bool wait, uint32_t first, uint32_t end) {
  Sink& sink = sinks_[index];
  TakeBackSkipped(sink, writers_[index]);
  sink.read = writers_[index].LookForReader();
  if (__builtin_expect(!sink.read, 0)) MoveOn(index);
  // Local copies, since stores of packet bytes might otherwise change any of it for all the compiler knows.
  RingWriter writer = writers_[index];
  const uint32_t* const offsets = batch.columns.offset;
  const uint32_t* const lengths = batch.columns.length;
  const uint32_t* const wireLengths = batch.columns.wireLength;
  const uint32_t* const seconds = batch.columns.seconds;
  const uint32_t* const nanoseconds = batch.columns.nanoseconds;
  const uint8_t* const memory = batch.memory;
  const size_t memoryBytes = batch.memoryBytes;
  const uint32_t capacity = batch.columns.capacity;
  const ListRows rows = sink.rows;
  const uint32_t longest = linkType <= kMaximumRecordLinkType ? writer.longest() : 0;
  uint32_t packets = 0;
  uint64_t bytes = 0;
  uint32_t k = first;
  for (; k < end; k++) {
    const uint32_t row = rows[k];
    if (__builtin_expect(row >= capacity, 0)) {
      Drop(sink, row, kDropBackendError);
      continue;
    }
    const uint32_t offset = offsets[row];
    const uint32_t length = lengths[row];
    if (__builtin_expect(size_t{offset} + length > memoryBytes, 0)) {
      Drop(sink, row, kDropBackendError);
      continue;
    }
    uint8_t* const to = length <= longest ? writer.Reserve(length, wireLengths[row], seconds[row], nanoseconds[row], linkType) : nullptr;
    if (__builtin_expect(to != nullptr, 1)) {
      // A ring of some MiB is out of the caches when its turn comes: stores wait for its lines one after the other.
      if (end - k > kPacketsAhead) {
        __builtin_prefetch(to + kBytesAhead, 1);
        __builtin_prefetch(to + kBytesAhead + 64, 1);
      }
      CopyPacket(to, memory + offset, length);
      packets++;
      bytes += length;
      continue;
    }
    writers_[index] = writer;
    const uint32_t reason = ReasonToDrop(sink, writers_[index], length, linkType, wait);
    if (reason != kLeave) {
      Drop(sink, row, reason);
      continue;
    }
    break;
  }
  writers_[index] = writer;
  if (packets == 0) return k;
  sink.counters[kLinkPackets] += packets;
  sink.counters[kLinkBytes] += bytes;
  if (!sink.dirty) {
    sink.dirty = true;
    dirty_.push_back(index);
  }
  return k;
}

void RingTransmitter::Drop(Sink& sink, uint32_t row, uint32_t reason) {
  sink.counters[reason]++;
  sink.drops.Note(sink.output, row, reason);
}

uint32_t RingTransmitter::ReasonToDrop(Sink& sink, const RingWriter& writer, uint32_t length, uint32_t linkType, bool wait) {
  if (linkType > kMaximumRecordLinkType) return kDropLinkType;
  if (length > writer.longest()) return kDropTooLong;
  if (!sink.read || writer.Reader() == 0) {
    sink.stalledSince = -1;  // that was the last reader's
    return kDropNoReader;
  }
  return wait && !Stalled(sink, writer) ? kLeave : kDropRingFull;
}

// What was written, but skipped for the next reader.
void RingTransmitter::TakeBackSkipped(Sink& sink, RingWriter& writer) {
  const RingWriter::Skipped skipped = writer.TakeSkipped();
  if (skipped.packets > 0) TakeBack(sink, skipped.packets, skipped.bytes);
}

// Packets counted as sent that nobody will read. Whoever reads a ring can write there: no more is believed than was sent.
void RingTransmitter::TakeBack(Sink& sink, uint32_t packets, uint32_t bytes) {
  const uint64_t taken = packets < sink.counters[kLinkPackets] ? packets : sink.counters[kLinkPackets];
  sink.counters[kLinkPackets] -= taken;
  sink.counters[kLinkBytes] -= bytes < sink.counters[kLinkBytes] ? bytes : sink.counters[kLinkBytes];
  sink.counters[kDropNoReader] += taken;
}

// A writer whose pipe's owner was killed, and whose next reader has made the pipe anew, goes on in the ring of that one. What the
// reader before has left goes with it, as far as anything is to stay there while nobody reads.
void RingTransmitter::MoveOn(uint32_t index) {
  RingMemory& ring = rings_[index];
  const std::shared_ptr<PipeRing> before = ring.MoveOn();
  if (!before) return;
  Sink& sink = sinks_[index];
  RingWriter& writer = writers_[index];
  writer.Publish();
  const bool keeps = KeepsUnread(before->mapping);
  writer.Open(ring.memory, ring.dataSize);
  sink.read = writer.LookForReader();
  sink.stalledSince = -1;
  sink.wake = ring.event.writable;
  RingReader reader;
  reader.Open(before->mapping, before->dataSize);
  reader.Begin();
  for (RingReader::Packet packet; reader.Next(&packet);) {
    uint8_t* const to = keeps && packet.length <= writer.longest() ? writer.Reserve(packet.length, packet.wireLength, packet.seconds, packet.nanoseconds, packet.linkType) : nullptr;
    if (to != nullptr) CopyPacket(to, packet.bytes, packet.length);
    else TakeBack(sink, 1, packet.length);
  }
  if (!writer.Unpublished() || sink.dirty) return;
  sink.dirty = true;
  dirty_.push_back(index);
}

bool RingTransmitter::Stalled(Sink& sink, const RingWriter& writer) {
  const uint32_t position = writer.ReaderPosition();
  const int64_t now = Now();
  if (sink.stalledSince >= 0 && position == sink.stalledAt) return now - sink.stalledSince > kStalledReaderNanoseconds;
  sink.stalledAt = position;
  sink.stalledSince = now;
  return false;
}

void RingTransmitter::Wake(uint32_t index) {
  if (sinks_[index].wake >= 0) SignalEvent(sinks_[index].wake);
}

int32_t RingTransmitter::Flush(Napi::Env, const int32_t*) {
  if (dirty_.empty()) return 0;
  for (const uint32_t index : dirty_) writers_[index].Publish();
  // One fence for all rings, between the heads and the question who sleeps.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (const uint32_t index : dirty_) {
    sinks_[index].dirty = false;
    if (writers_[index].TakeWaiting()) Wake(index);
  }
  dirty_.clear();
  return 0;
}

int32_t RingTransmitter::HasReader(Napi::Env env, const int32_t* arguments) {
  const uint32_t index = static_cast<uint32_t>(arguments[0]);
  if (index >= sinks_.size()) throw Napi::RangeError::New(env, "no such sink");
  if (writers_[index].Reader() != 0) return 1;
  // One that gets no packets because nobody reads it would never find the reader that has made its pipe anew.
  MoveOn(index);
  if (sinks_[index].dirty) Flush(env, nullptr);
  return writers_[index].Reader() != 0;
}

int32_t RingTransmitter::Follow(Napi::Env env, const int32_t*) {
  const uint32_t moves = PipeHandle::moves.load(std::memory_order_acquire);
  if (moves == moves_) return 0;
  moves_ = moves;
  for (uint32_t k = 0; k < sinks_.size(); k++) MoveOn(k);
  return Flush(env, nullptr);
}

void RingTransmitter::Close(const Napi::CallbackInfo& info) {
  Flush(info.Env(), nullptr);
  size_t given = 0;
  const uint8_t* const left = info[0].IsUndefined() ? nullptr : TypedArrayBytes(info[0], &given);
  if (left != nullptr && given != sinks_.size()) throw Napi::RangeError::New(info.Env(), "one byte for each sink is wanted");
  for (uint32_t k = 0; k < sinks_.size(); k++) {
    if (left != nullptr && left[k] != 0) continue;
    TakeBackSkipped(sinks_[k], writers_[k]);
    MoveOn(k);
    writers_[k].Commit();
    writers_[k].MarkClosed();
    Wake(k);
  }
}

}  // namespace bricks
