// bricks_files: parsing and encoding of capture records, one call a batch, and the guardian.
#include <dlfcn.h>
#include <napi.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "batch_columns.h"
#include "capture_parser.h"
#include "guardian_client.h"
#include "guardian_protocol.h"
#include "record_encoder.h"

namespace {

using bricks::BatchColumns;
using bricks::PacketLists;

// Also of typed arrays over shared memory, which node-addon-api can't ask for.
template <typename Element>
Element* SharedData(const Napi::Value& value, size_t least, size_t* length = nullptr) {
  napi_typedarray_type type;
  size_t elements = 0;
  void* data = nullptr;
  if (!value.IsTypedArray() ||
      napi_get_typedarray_info(value.Env(), value, &type, &elements, &data, nullptr, nullptr) != napi_ok || elements < least ||
      value.As<Napi::TypedArray>().ElementSize() != sizeof(Element)) {
    throw Napi::TypeError::New(value.Env(), "a typed array is missing, too short or of the wrong kind");
  }
  if (length != nullptr) *length = elements;
  return static_cast<Element*>(data);
}

struct Reader {
  BatchColumns batch;
  bricks::ReaderColumns columns;
  uint8_t* window;
  uint32_t* state;
  Napi::Reference<Napi::Value> windowReference;
  Napi::Reference<Napi::Value> stateReference;
};

Napi::Value BindReader(const Napi::CallbackInfo& info) {
  auto reader = std::make_unique<Reader>();
  reader->batch.Bind(info[0].As<Napi::Object>());
  reader->window = SharedData<uint8_t>(info[1], 0);
  reader->state = SharedData<uint32_t>(info[2], bricks::kReaderWords);
  const BatchColumns& batch = reader->batch;
  reader->columns = {batch.capacity, batch.offset, batch.length, batch.wireLength, batch.seconds,
                     batch.nanoseconds, batch.flowPorts, batch.flowAddresses, batch.flowWord};
  reader->windowReference = Napi::Reference<Napi::Value>::New(info[1], 1);
  reader->stateReference = Napi::Reference<Napi::Value>::New(info[2], 1);
  return Napi::External<Reader>::New(info.Env(), reader.release(), [](Napi::Env, Reader* done) { delete done; });
}

void ParseRecords(const Napi::CallbackInfo& info) {
  Reader* reader = info[0].As<Napi::External<Reader>>().Data();
  bricks::ParseRecords(reader->state, reader->window, reader->columns);
}

struct RecordFile {
  uint32_t lists;   // index into Recorder::lists
  uint32_t output;
  bricks::RecordRing ring;
  uint64_t* record;
};

struct Recorder {
  std::vector<std::unique_ptr<BatchColumns>> batches;
  std::vector<std::unique_ptr<PacketLists>> lists;
  std::vector<RecordFile> files;
  Napi::ObjectReference references;
};

// Positions of src/core/counters.ts and drop-reasons.ts; handed over would be more words than this.
enum : uint32_t { kPackets = 0, kBytesCounted = 1, kDropTooLong = 2 + 2, kDropDiskSlow = 2 + 5, kDropLinkType = 2 + 7 };

Napi::Value BindRecorder(const Napi::CallbackInfo& info) {
  auto recorder = std::make_unique<Recorder>();
  const Napi::Array batches = info[0].As<Napi::Array>();
  for (uint32_t index = 0; index < batches.Length(); index++) {
    recorder->batches.push_back(std::make_unique<BatchColumns>());
    recorder->batches.back()->Bind(batches.Get(index).As<Napi::Object>());
  }
  const Napi::Array lists = info[1].As<Napi::Array>();
  const Napi::Array rings = info[3].As<Napi::Array>();
  const Napi::Array controls = info[4].As<Napi::Array>();
  const Napi::Array states = info[5].As<Napi::Array>();
  const uint32_t count = lists.Length();
  const uint32_t* outputs = SharedData<uint32_t>(info[2], count);
  uint32_t* counters = SharedData<uint32_t>(info[6], 0);
  const uint32_t* records = SharedData<uint32_t>(info[7], count);
  Napi::Array kept = Napi::Array::New(info.Env(), 8);
  for (uint32_t index = 0; index < 8; index++) kept.Set(index, info[index]);
  for (uint32_t index = 0; index < count; index++) {
    const Napi::Object object = lists.Get(index).As<Napi::Object>();
    uint32_t known = 0;
    while (known < recorder->lists.size() && !recorder->lists[known]->reference.Value().StrictEquals(object)) known++;
    if (known == recorder->lists.size()) {
      recorder->lists.push_back(std::make_unique<PacketLists>());
      recorder->lists.back()->Bind(object);
    }
    size_t size = 0;
    uint8_t* bytes = SharedData<uint8_t>(rings.Get(index), 0, &size);
    recorder->files.push_back({known, outputs[index],
                               {bytes, static_cast<uint32_t>(size), SharedData<uint32_t>(controls.Get(index), bricks::kControlWords),
                                SharedData<double>(states.Get(index), bricks::kStateNumbers)},
                               reinterpret_cast<uint64_t*>(counters) + records[index]});
  }
  recorder->references = Napi::Persistent(kept.As<Napi::Object>());
  return Napi::External<Recorder>::New(info.Env(), recorder.release(), [](Napi::Env, Recorder* done) { delete done; });
}

Napi::Value EncodeLists(const Napi::CallbackInfo& info) {
  Recorder* recorder = info[0].As<Napi::External<Recorder>>().Data();
  const BatchColumns& batch = *recorder->batches.at(info[1].As<Napi::Number>().Uint32Value());
  const uint8_t* memory = SharedData<uint8_t>(info[2], 0);
  const uint32_t linkType = info[3].As<Napi::Number>().Uint32Value();
  const bool wait = info[4].As<Napi::Boolean>().Value();
  const bricks::RecordColumns columns = {batch.offset, batch.length, batch.wireLength, batch.seconds, batch.nanoseconds};
  uint32_t held = 0;
  for (RecordFile& file : recorder->files) {
    const PacketLists& lists = *recorder->lists[file.lists];
    const uint32_t count = lists.counts[file.output];
    if (count == 0) continue;
    const int32_t index = bricks::InterfaceOf(file.ring, linkType);
    if (index < 0) {
      file.record[kDropLinkType] += count;
      lists.counts[file.output] = 0;
      continue;
    }
    uint16_t* rows = lists.rows + (static_cast<size_t>(file.output) << lists.shift);
    const bricks::EncodeResult result = bricks::EncodeRows(file.ring, columns, memory, rows, count, static_cast<uint32_t>(index));
    file.record[kPackets] += result.packets;
    file.record[kBytesCounted] += result.bytes;
    file.record[kDropTooLong] += result.tooLong;
    const uint32_t rest = count - result.done;
    if (rest > 0 && wait) {
      std::memmove(rows, rows + result.done, rest * sizeof *rows);
      lists.counts[file.output] = rest;
      held += rest;
    } else {
      file.record[kDropDiskSlow] += rest;
      lists.counts[file.output] = 0;
    }
  }
  return Napi::Number::New(info.Env(), held);
}

// The guardian lies beside this addon unless its path is given.
std::string GuardianProgram(const std::string& given) {
  if (!given.empty()) return given;
  Dl_info found;
  if (dladdr(reinterpret_cast<void*>(&ParseRecords), &found) == 0 || found.dli_fname == nullptr) return "bricks-guardian";
  const std::string addon = found.dli_fname;
  return addon.substr(0, addon.rfind('/') + 1) + "bricks-guardian";
}

Napi::Value StartGuardian(const Napi::CallbackInfo& info) {
  const bricks::GuardianHandle handle =
      bricks::StartGuardian(GuardianProgram(info[0].As<Napi::String>().Utf8Value()), info[1].As<Napi::Number>().Uint32Value());
  if (handle.socket < 0) throw Napi::Error::New(info.Env(), handle.error);
  Napi::Object answer = Napi::Object::New(info.Env());
  answer.Set("socket", handle.socket);
  answer.Set("memory", handle.memory);
  return answer;
}

Napi::Value MapGuardian(const Napi::CallbackInfo& info) {
  const size_t bytes = info[1].As<Napi::Number>().Uint32Value() * sizeof(double);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, info[0].As<Napi::Number>().Int32Value(), 0);
  if (memory == MAP_FAILED) throw Napi::Error::New(info.Env(), "the guardian's memory can't be mapped");
  return Napi::ArrayBuffer::New(info.Env(), memory, bytes, [bytes](Napi::Env, void* mapped) { munmap(mapped, bytes); });
}

void AnnounceFile(const Napi::CallbackInfo& info) {
  size_t length = 0;
  const uint8_t* header = SharedData<uint8_t>(info[3], 0, &length);
  bricks::TellGuardian(info[0].As<Napi::Number>().Int32Value(), bricks::kAnnounce, info[1].As<Napi::Number>().Uint32Value(),
                       info[2].As<Napi::String>().Utf8Value(), header, static_cast<uint32_t>(length), -1);
}

void WatchFile(const Napi::CallbackInfo& info) {
  bricks::TellGuardian(info[0].As<Napi::Number>().Int32Value(), bricks::kWatch, info[1].As<Napi::Number>().Uint32Value(), "", nullptr, 0,
                       info[2].As<Napi::Number>().Int32Value());
}

void ForgetFile(const Napi::CallbackInfo& info) {
  bricks::TellGuardian(info[0].As<Napi::Number>().Int32Value(), bricks::kForget, info[1].As<Napi::Number>().Uint32Value(), "", nullptr, 0, -1);
}

void CloseGuardian(const Napi::CallbackInfo& info) {
  close(info[0].As<Napi::Number>().Int32Value());
  close(info[1].As<Napi::Number>().Int32Value());
}

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("bindReader", Napi::Function::New(env, BindReader));
  exports.Set("parseRecords", Napi::Function::New(env, ParseRecords));
  exports.Set("bindRecorder", Napi::Function::New(env, BindRecorder));
  exports.Set("encodeLists", Napi::Function::New(env, EncodeLists));
  exports.Set("startGuardian", Napi::Function::New(env, StartGuardian));
  exports.Set("mapGuardian", Napi::Function::New(env, MapGuardian));
  exports.Set("announceFile", Napi::Function::New(env, AnnounceFile));
  exports.Set("watchFile", Napi::Function::New(env, WatchFile));
  exports.Set("forgetFile", Napi::Function::New(env, ForgetFile));
  exports.Set("closeGuardian", Napi::Function::New(env, CloseGuardian));
  return exports;
}

}  // namespace

NODE_API_MODULE(bricks_files, Initialize)
