// Encoding of capture records for script: one call a batch.
#include <vector>

#include "arguments.h"
#include "batch_columns.h"
#include "bindings.h"
#include "bound_values.h"
#include "record_encoder.h"

namespace bricks {

namespace {

struct RecordFile {
  uint32_t lists;  // index into Recorder::lists
  uint32_t output;
  RecordRing ring;
  uint64_t* record;
};

struct Recorder {
  static constexpr napi_type_tag kTag = {0x6272'6963'6b73'0001, 0x7265'636f'7264'0001};
  std::vector<std::unique_ptr<BatchColumns>> batches;
  std::vector<std::unique_ptr<PacketLists>> lists;
  std::vector<RecordFile> files;
  Napi::ObjectReference references;
};

constexpr size_t kSmallestRing = 1024;
constexpr size_t kLargestRing = size_t{1} << 31;

RecordRing BindRing(const Napi::Value& ringBytes, const Napi::Value& control, const Napi::Value& state, const Napi::Value& map) {
  size_t size = 0;
  uint8_t* bytes = SharedData<uint8_t>(ringBytes, 0, &size);
  // Positions run on modulo 2^32.
  if (size < kSmallestRing || size > kLargestRing || (size & (size - 1)) != 0) {
    throw Napi::RangeError::New(ringBytes.Env(), "the length of a ring must be a power of two");
  }
  return {bytes, static_cast<uint32_t>(size), SharedData<uint32_t>(control, kControlWords), SharedData<double>(state, kStateNumbers),
          SharedData<uint32_t>(map, kMapRows)};
}

uint32_t BindLists(Recorder* recorder, const Napi::Object& object) {
  uint32_t known = 0;
  while (known < recorder->lists.size() && !recorder->lists[known]->reference.Value().StrictEquals(object)) known++;
  if (known == recorder->lists.size()) {
    recorder->lists.push_back(std::make_unique<PacketLists>());
    recorder->lists.back()->Bind(object);
  }
  return known;
}

Napi::Value BindRecorder(const Napi::CallbackInfo& info) {
  auto recorder = std::make_unique<Recorder>();
  if (!info[0].IsArray() || !info[1].IsArray()) throw Napi::TypeError::New(info.Env(), "an array is missing");
  const Napi::Array batches = info[0].As<Napi::Array>();
  for (uint32_t index = 0; index < batches.Length(); index++) {
    recorder->batches.push_back(std::make_unique<BatchColumns>());
    recorder->batches.back()->Bind(ObjectArgument(batches.Get(index)));
  }
  const Napi::Array lists = info[1].As<Napi::Array>();
  const uint32_t count = lists.Length();
  const Napi::Array rings = ArrayArgument(info[3], count);
  const Napi::Array controls = ArrayArgument(info[4], count);
  const Napi::Array states = ArrayArgument(info[5], count);
  const Napi::Array maps = ArrayArgument(info[6], count);
  const uint32_t* outputs = SharedData<uint32_t>(info[2], count);
  size_t counterWords = 0;
  uint32_t* counters = SharedData<uint32_t>(info[7], 0, &counterWords);
  const uint32_t* records = SharedData<uint32_t>(info[8], count);
  if (reinterpret_cast<uintptr_t>(counters) % sizeof(uint64_t) != 0) throw Napi::RangeError::New(info.Env(), "counters must begin at a multiple of 8");
  Napi::Array kept = Napi::Array::New(info.Env(), 9);
  for (uint32_t index = 0; index < 9; index++) kept.Set(index, info[index]);
  for (uint32_t index = 0; index < count; index++) {
    const uint32_t known = BindLists(recorder.get(), ObjectArgument(lists.Get(index)));
    if (outputs[index] >= recorder->lists[known]->outputs) throw Napi::RangeError::New(info.Env(), "an output has no list");
    if ((size_t{records[index]} + kLinkRecord) * 2 > counterWords) throw Napi::RangeError::New(info.Env(), "a record is not among the counters");
    recorder->files.push_back({known, outputs[index], BindRing(rings.Get(index), controls.Get(index), states.Get(index), maps.Get(index)),
                               reinterpret_cast<uint64_t*>(counters) + records[index]});
  }
  recorder->references = Napi::Persistent(kept.As<Napi::Object>());
  return Hand(info.Env(), std::move(recorder));
}

// What is added to the answer for a file that TypeScript must look at.
constexpr uint64_t kAsks = uint64_t{1} << 32;

// Encodes one file's list; returns how many packets stay on it.
uint64_t EncodeList(const RecordFile& file, const PacketLists& lists, const RecordColumns& columns, const RecordMemory& memory, double revision,
                    bool wait) {
  uint32_t count = lists.counts[file.output];
  if (count == 0) return 0;
  if (file.ring.state[kStateRevision] != revision) {
    file.ring.state[kStateAsks] = 1;
    return kAsks;
  }
  lists.counts[file.output] = 0;
  if (count > lists.room) {
    // A brick counted more than there is room for.
    file.record[kDropBackendError] += count - lists.room;
    count = lists.room;
  }
  const ListRows rows = lists.RowsOf(file.output);
  const EncodeResult result = EncodeRows(file.ring, columns, memory, rows, count);
  file.record[kLinkPackets] += result.packets;
  file.record[kLinkBytes] += result.bytes;
  file.record[kDropTooLong] += result.tooLong;
  file.record[kDropBackendError] += result.impossible;
  const uint32_t rest = count - result.done;
  if (rest > 0 && (wait || result.asks)) {
    rows.TakeOff(result.done, rest);
    lists.counts[file.output] = rest;
    if (!result.asks) return rest;
    file.ring.state[kStateAsks] = 1;
    return kAsks;
  }
  file.record[kDropDiskSlow] += rest;
  return 0;
}

Napi::Value EncodeLists(const Napi::CallbackInfo& info) {
  const Recorder* recorder = Handed<Recorder>(info[0]);
  const uint32_t number = WholeNumber(info[1], "the number of a batch");
  if (number >= recorder->batches.size()) throw Napi::RangeError::New(info.Env(), "there is no batch of this number");
  const BatchColumns& batch = *recorder->batches[number];
  RecordMemory memory = {nullptr, 0, batch.capacity};
  memory.bytes = SharedData<uint8_t>(info[2], 0, &memory.size);
  const uint32_t revision = WholeNumber(info[3], "the revision of a section");
  if (!info[4].IsBoolean()) throw Napi::TypeError::New(info.Env(), "whether to wait must be true or false");
  const bool wait = info[4].As<Napi::Boolean>().Value();
  const uint32_t* notes = info[5].IsUndefined() ? nullptr : SharedData<uint32_t>(info[5], size_t{3} * batch.capacity);
  const RecordColumns columns = {batch, notes};
  uint64_t answer = 0;
  for (const RecordFile& file : recorder->files) answer += EncodeList(file, *recorder->lists[file.lists], columns, memory, revision, wait);
  return Napi::Number::New(info.Env(), static_cast<double>(answer));
}

}  // namespace

void DefineRecorder(Napi::Env env, Napi::Object exports) {
  exports.Set("bindRecorder", Napi::Function::New(env, BindRecorder));
  exports.Set("encodeLists", Napi::Function::New(env, EncodeLists));
}

}  // namespace bricks
