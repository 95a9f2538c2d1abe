// Parsing of capture records for script.
#include "batch_columns.h"
#include "bindings.h"
#include "bound_values.h"
#include "capture_parser.h"

namespace bricks {

namespace {

struct Reader {
  static constexpr napi_type_tag kTag = {0x6272'6963'6b73'0001, 0x7265'6164'6572'0001};
  BatchColumns batch;
  ReaderColumns columns;
  uint8_t* window;
  size_t windowBytes;
  uint32_t* state;
  Napi::Reference<Napi::Value> windowReference;
  Napi::Reference<Napi::Value> stateReference;
  Napi::Reference<Napi::Value> notesReference;
};

Napi::Value BindReader(const Napi::CallbackInfo& info) {
  auto reader = std::make_unique<Reader>();
  reader->batch.Bind(ObjectArgument(info[0]));
  reader->window = SharedData<uint8_t>(info[1], 0, &reader->windowBytes);
  reader->state = SharedData<uint32_t>(info[2], kReaderWords);
  const BatchColumns& batch = reader->batch;
  reader->columns = {batch, nullptr};
  if (!info[3].IsUndefined()) {
    reader->columns.notes = SharedData<uint32_t>(info[3], size_t{3} * batch.capacity);
    reader->notesReference = Napi::Reference<Napi::Value>::New(info[3], 1);
  }
  reader->windowReference = Napi::Reference<Napi::Value>::New(info[1], 1);
  reader->stateReference = Napi::Reference<Napi::Value>::New(info[2], 1);
  return Hand(info.Env(), std::move(reader));
}

void ParseBound(const Napi::CallbackInfo& info) {
  const Reader* reader = Handed<Reader>(info[0]);
  const bool sound = IsSound(reader->state, reader->windowBytes, reader->columns.capacity);
  if (!sound || (reader->state[kNotes] != 0 && reader->columns.notes == nullptr)) {
    throw Napi::RangeError::New(info.Env(), "the state of the parser is impossible");
  }
  ParseRecords(reader->state, reader->window, reader->columns);
}

}  // namespace

void DefineReader(Napi::Env env, Napi::Object exports) {
  exports.Set("bindReader", Napi::Function::New(env, BindReader));
  exports.Set("parseRecords", Napi::Function::New(env, ParseBound));
}

}  // namespace bricks
