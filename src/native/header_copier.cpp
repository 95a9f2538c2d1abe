#include "header_copier.h"

#include "batch_columns.h"
#include "copy_head.h"
#include "direct_method.h"

namespace bricks {

namespace {
// Packets ahead of the one at hand whose first line is fetched: about as many as a core fetches at once.
constexpr uint32_t kAhead = 16;
}  // namespace

Napi::Function HeaderCopier::Define(Napi::Env env) { return DefineClass(env, "HeaderCopier", {}); }

HeaderCopier::HeaderCopier(const Napi::CallbackInfo& info) : Napi::ObjectWrap<HeaderCopier>(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject()) throw Napi::TypeError::New(env, "columns are wanted");
  const Napi::Object columns = info[0].As<Napi::Object>();
  const Napi::Value headerBytes = columns.Get("headerBytes");
  size_t headBytes = 0;
  void* headData = nullptr;
  if (!headerBytes.IsDataView() || napi_get_dataview_info(env, headerBytes, &headBytes, &headData, nullptr, nullptr) != napi_ok) {
    throw Napi::TypeError::New(env, "columns.headerBytes is not a DataView");
  }
  if (headBytes / kHeaderBytes > kMaximumRows) throw Napi::RangeError::New(env, "columns.headerBytes has too many rows");
  rows_ = static_cast<uint32_t>(headBytes / kHeaderBytes);
  heads_ = static_cast<uint8_t*>(headData);
  offset_ = ColumnData<uint32_t>(columns, "offset", rows_);
  length_ = ColumnData<uint32_t>(columns, "length", rows_);
  napi_typedarray_type type;
  size_t bytes = 0;
  void* data = nullptr;
  if (!info[1].IsTypedArray() || napi_get_typedarray_info(env, info[1], &type, &bytes, &data, nullptr, nullptr) != napi_ok || type != napi_uint8_array) {
    throw Napi::TypeError::New(env, "the memory must be a Uint8Array");
  }
  memory_ = static_cast<const uint8_t*>(data);
  memoryBytes_ = bytes;
  columnsReference_ = Napi::Persistent(columns);
  memoryReference_ = Napi::Persistent(info[1]);
  DefineDirectMethod<HeaderCopier, &HeaderCopier::Copy, 1>(info.This().As<Napi::Object>(), this, "copy");
}

int32_t HeaderCopier::Copy(Napi::Env, const int32_t* arguments) {
  const uint32_t wanted = arguments[0] > 0 ? static_cast<uint32_t>(arguments[0]) : 0;
  const uint32_t count = wanted < rows_ ? wanted : rows_;
  // In locals: stores of bytes might change whatever is behind a pointer, as far as the compiler knows.
  const uint32_t* const offsets = offset_;
  const uint32_t* const lengths = length_;
  const uint8_t* const memory = memory_;
  const uint64_t memoryBytes = memoryBytes_;
  uint8_t* head = heads_;
  for (uint32_t row = 0; row < count; row++, head += kHeaderBytes) {
    __builtin_prefetch(memory + offsets[row + kAhead < count ? row + kAhead : row]);
    const uint32_t offset = offsets[row];
    const uint32_t length = lengths[row];
    if (__builtin_expect(uint64_t{offset} + length > memoryBytes, 0)) {
      std::memset(head, 0, kHeaderBytes);
      continue;
    }
    CopyHead(head, memory + offset, length);
  }
  return 0;
}

}  // namespace bricks
