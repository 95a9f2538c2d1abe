// PcapSource: a capture bound to one batch and one counter record. See backends/pcap/source.ts.
#include <time.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "addon.h"
#include "batch_columns.h"
#include "capture.h"
#include "direct_method.h"

namespace bricks {

namespace {

// What Receive answers where there are no packets.
constexpr int32_t kNothing = 0;
constexpr int32_t kLook = -1;
constexpr int32_t kFailed = -2;

// How often an interface from which nothing comes is looked at: the system does not tell of each that goes down.
constexpr int64_t kLookMilliseconds = 250;
// At first at each call that finds nothing: V8 optimises the caller without what it has not seen happen, and drops the code when it does.
constexpr uint32_t kFirstLooks = 64;

int64_t CoarseMilliseconds() {
  timespec now;
#if defined(CLOCK_MONOTONIC_COARSE)
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
#else
  clock_gettime(CLOCK_MONOTONIC, &now);
#endif
  return now.tv_sec * int64_t{1000} + now.tv_nsec / 1'000'000;
}

class PcapSource : public Napi::ObjectWrap<PcapSource> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "PcapSource",
                       {InstanceMethod<&PcapSource::Bind>("bind"), InstanceMethod<&PcapSource::RefreshCounters>("refreshCounters"),
                        InstanceMethod<&PcapSource::State>("state"), InstanceMethod<&PcapSource::Close>("close")});
  }

  // new PcapSource(settings): opens the device. Errors carry libpcap's `status`.
  explicit PcapSource(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PcapSource>(info) {
    Napi::Env env = info.Env();
    const Napi::Object given = RequireObject(info, 0, "settings");
    CaptureSettings settings;
    settings.device = Text(given, "device");
    settings.direction = Text(given, "direction");
    settings.timestampSource = Text(given, "timestampSource");
    settings.filter = Text(given, "filter");
    settings.snapLength = Integer(given, "snapLength", settings.snapLength);
    settings.bufferBytes = Integer(given, "bufferBytes");
    settings.latencyMilliseconds = Integer(given, "latencyMilliseconds", settings.latencyMilliseconds);
    settings.promiscuous = Flag(given, "promiscuous");
    settings.nanoseconds = Flag(given, "nanoseconds");
    settings.receiveRing = Flag(given, "receiveRing");
    settings.fanout = {Text(given, "fanout"), Integer(given, "share", -1), Flag(given, "takeOver")};
    try {
      capture_ = OpenCapture(settings);
    } catch (const CaptureError& error) {
      throw ErrorWithStatus(env, error.what(), error.status);
    }
    Napi::Object self = info.This().As<Napi::Object>();
    self.Set("descriptor", capture_->Descriptor());
    self.Set("linkType", capture_->LinkType());
    self.Set("snapLength", capture_->SnapLength());
    self.Set("nanoseconds", capture_->Nanoseconds());
    self.Set("warning", capture_->Warning());
    self.Set("others", capture_->Others());
    self.Set("memory", MemoryOf(env, capture_->Memory()));
    Napi::Uint32Array pause = Napi::Uint32Array::New(env, 1);
    pauseReference_ = Napi::Persistent(pause.As<Napi::Object>());
    pause_ = pause.Data();
    self.Set("pause", pause);
    DefineDirectMethod<PcapSource, &PcapSource::Receive>(self, this, "receive");
  }

 private:
  // bind(batch, memory, counters, record, flowColumns)
  void Bind(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    // All or nothing: what was bound before stays as it was if anything is wrong.
    BatchColumns columns;
    columns.Bind(RequireObject(info, 0, "batch"));
    CaptureRows rows;
    uint64_t memoryBytes = 0;
    rows.memory = Bytes(env, info[1], &memoryBytes);
    if (!capture_ || memoryBytes < static_cast<uint64_t>(capture_->SnapLength()) || memoryBytes > UINT32_MAX) {
      throw Napi::RangeError::New(env, "the memory must hold at least one packet");
    }
    const std::shared_ptr<CaptureMemory> own = capture_->Memory();
    if (own && (rows.memory != own->base || memoryBytes != own->bytes)) throw Napi::RangeError::New(env, "the memory must be the capture's own");
    record_ = LinkRecord(info[2], info[3]);
    memoryReference_ = Napi::Persistent(info[1].As<Napi::Object>());
    countersReference_ = Napi::Persistent(info[2].As<Napi::Object>());
    columns_ = std::move(columns);
    static_cast<PacketColumns&>(rows) = columns_;
    rows.memoryBytes = static_cast<uint32_t>(memoryBytes);
    rows.flowColumns = info[4].ToBoolean().Value();
    rows_ = rows;
  }

  // The number of rows filled; or kNothing, kLook where it is time to look at the interface, kFailed where the system reports an error.
  int32_t Receive(Napi::Env, const int32_t*) {
    if (!capture_ || record_ == nullptr) return kNothing;
    const int count = capture_->Fill(rows_);
    if (count > 0) {
      record_[kLinkPackets] += static_cast<uint64_t>(count);
      record_[kLinkBytes] += capture_->FilledBytes();
      return count;
    }
    *pause_ = capture_->PauseMicroseconds();
    const int64_t now = CoarseMilliseconds();
    if (count == 0 && now < lookAt_ && looks_ >= kFirstLooks) return kNothing;
    looks_++;
    lookAt_ = now + kLookMilliseconds;
    return count < 0 ? kFailed : kLook;
  }

  void RefreshCounters(const Napi::CallbackInfo& info) {
    if (capture_ && record_ != nullptr) record_[kDropCaptureFull] += capture_->TakeDrops();
  }

  // { device: 'up' | 'down' | 'gone', error }
  Napi::Value State(const Napi::CallbackInfo& info) {
    Napi::Object state = Napi::Object::New(info.Env());
    const DeviceState device = capture_ ? capture_->State() : DeviceState::kGone;
    state.Set("device", device == DeviceState::kUp ? "up" : device == DeviceState::kDown ? "down" : "gone");
    state.Set("error", capture_ ? capture_->Error() : "");
    return state;
  }

  // As one ArrayBuffer, which keeps it; undefined where there is none.
  static Napi::Value MemoryOf(Napi::Env env, const std::shared_ptr<CaptureMemory>& memory) {
    if (!memory) return env.Undefined();
    auto* const keep = new std::shared_ptr<CaptureMemory>(memory);
    return Napi::ArrayBuffer::New(env, memory->base, memory->bytes, [](Napi::Env, void*, std::shared_ptr<CaptureMemory>* kept) { delete kept; }, keep);
  }

  void Close(const Napi::CallbackInfo& info) { capture_.reset(); }

  std::unique_ptr<Capture> capture_;
  BatchColumns columns_;
  CaptureRows rows_;
  Napi::ObjectReference memoryReference_;
  Napi::ObjectReference countersReference_;
  Napi::ObjectReference pauseReference_;
  uint32_t* pause_ = nullptr;
  uint64_t* record_ = nullptr;
  int64_t lookAt_ = 0;
  uint32_t looks_ = 0;
};

}  // namespace

void RegisterPcapSource(Napi::Env env, Napi::Object exports) { exports.Set("PcapSource", PcapSource::Define(env)); }

}  // namespace bricks
