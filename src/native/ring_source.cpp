#include "ring_source.h"

#include "direct_method.h"
#include "flow_columns.h"

namespace bricks {

// One call a batch tells both.
constexpr uint32_t kLinkTypeShift = 17;
static_assert(kMaximumRows < 1u << kLinkTypeShift, "rows lie below the link type");

Napi::Function RingSource::Define(Napi::Env env) {
  return DefineClass(env, "RingSource",
                     {InstanceMethod<&RingSource::Arm>("arm"),
                      InstanceMethod<&RingSource::WriterState>("writerState"), InstanceMethod<&RingSource::Corruptions>("corruptions"), InstanceMethod<&RingSource::Close>("close")});
}

RingSource::RingSource(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RingSource>(info) {
  if (!info[0].IsObject()) throw Napi::TypeError::New(info.Env(), "options are wanted");
  const Napi::Object self = info.This().As<Napi::Object>();
  DefineDirectMethod<RingSource, &RingSource::Receive, 1>(self, this, "receive");
  DefineDirectMethod<RingSource, &RingSource::Release>(self, this, "release");
  const Napi::Object options = info[0].As<Napi::Object>();
  ring_.Bind(options.Get("ring"));
  columns_.Bind(options.Get("batch").ToObject());
  flowColumns_ = options.Get("flowColumns").ToBoolean();
  if (!options.Get("counters").IsUndefined()) {
    counters_ = LinkRecord(options.Get("counters"), options.Get("record"));
    countersReference_ = Napi::Persistent(options.Get("counters"));
  }
  reader_.Open(ring_.memory, ring_.dataSize);
  // Of a pipe, the pipe's owner says who reads it.
  const uint32_t process = options.Get("process").IsNumber() ? options.Get("process").ToNumber().Uint32Value() : 0;
  attached_ = !ring_.pipe && process != 0;
  if (attached_) reader_.Attach(process);
}

uint32_t RingSource::Fill(uint32_t most) {
  if (reader_.Begin() == 0) return 0;
  // Local copies, since for all the compiler knows a store to a column might change any member.
  RingReader reader = reader_;
  const uint8_t* const data = reader.data();
  const bool flowColumns = flowColumns_;
  uint32_t* const offsets = columns_.offset;
  uint32_t* const lengths = columns_.length;
  uint32_t* const wireLengths = columns_.wireLength;
  uint32_t* const seconds = columns_.seconds;
  uint32_t* const nanoseconds = columns_.nanoseconds;
  int32_t* const flowWords = columns_.flowWord;
  uint32_t linkType = UINT32_MAX;
  uint32_t row = 0;
  uint64_t bytes = 0;
  RingReader::Packet packet;
  while (row < most) {
    reader.FetchAhead();
    if (!reader.Next(&packet, linkType)) break;
    linkType = packet.linkType;
    offsets[row] = kRingHeaderBytes + static_cast<uint32_t>(packet.bytes - data);
    lengths[row] = packet.length;
    wireLengths[row] = packet.wireLength;
    seconds[row] = packet.seconds;
    nanoseconds[row] = packet.nanoseconds;
    flowWords[row] = flowColumns && linkType == kLinkTypeEthernet ? FlowColumns(packet.bytes, packet.length, columns_.flowAddresses + row, columns_.flowPorts + row)
                                                  : kFlowNotComputed;
    bytes += packet.length;
    row++;
  }
  reader_ = reader;
  if (row > 0) linkType_ = linkType;
  if (counters_ != nullptr) {
    counters_[kLinkPackets] += row;
    counters_[kLinkBytes] += bytes;
  }
  return row;
}

void RingSource::LookAtOwner() {
  if (ring_.pipe && ring_.pipe->orphaned.load(std::memory_order_acquire)) reader_.EndAt(ring_.pipe->lastHead);
}

int32_t RingSource::Receive(Napi::Env, const int32_t* arguments) {
  const uint32_t wanted = arguments[0] > 0 ? static_cast<uint32_t>(arguments[0]) : 0;
  const uint32_t most = wanted < columns_.capacity ? wanted : columns_.capacity;
  LookAtOwner();
  uint32_t rows = Fill(most);
  if (rows == 0 && reader_.corruptions != corruptions_) {
    // Nobody gets a packet here and releases it; a writer that saw a full ring would have room never again.
    corruptions_ = reader_.corruptions;
    reader_.Release();
  }
  if (rows == 0 && !reader_.Ended()) {
    // A late signal leaves the event readable though nothing is there: clear it now and then.
    const bool again = !armed_ || (++idleCalls_ & 63) == 0;
    if (again && !ArmNow()) rows = Fill(most);
  }
  if (rows == 0) {
    if (reader_.Ended()) return -1;
    // Nobody will wake who is not armed: come again at once.
    if (!armed_ && ring_.event.writable >= 0) SignalEvent(ring_.event.writable);
    return 0;
  }
  if (armed_) {
    armed_ = false;
    reader_.Disarm();
    if (ring_.event.readable >= 0) DrainEvent(ring_.event.readable);
  }
  return static_cast<int32_t>(rows | linkType_ << kLinkTypeShift);
}

bool RingSource::ArmNow() {
  if (ring_.event.readable >= 0) DrainEvent(ring_.event.readable);
  // After the drain: it may have taken the signal.
  LookAtOwner();
  armed_ = reader_.Arm();
  return armed_;
}

Napi::Value RingSource::Arm(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), ArmNow()); }

int32_t RingSource::Release(Napi::Env, const int32_t*) {
  reader_.Release();
  return 0;
}

Napi::Value RingSource::WriterState(const Napi::CallbackInfo& info) {
  LookAtOwner();
  return Napi::Number::New(info.Env(), !reader_.Closed() ? 0 : reader_.ClosedByWriter() ? 1 : 2);
}

Napi::Value RingSource::Corruptions(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(reader_.corruptions));
}

void RingSource::Close(const Napi::CallbackInfo&) {
  reader_.Disarm();
  if (attached_) reader_.Attach(0);
  attached_ = false;
}

}  // namespace bricks
