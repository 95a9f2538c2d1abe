// The columns of a packet batch as native code sees them (src/model/packet-batch.ts).
// Bound once, when a port opens; the typed arrays are kept alive by the reference.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "arguments.h"
#include "list_rows.h"

namespace bricks {

// Row numbers have 16 bits.
constexpr uint32_t kMaximumRows = 65536;

template <typename Element>
Element* ColumnData(const Napi::Object& batch, const char* name, uint64_t capacity) {
  Napi::Value value = batch.Get(name);
  if (!value.IsTypedArray()) {
    throw Napi::TypeError::New(batch.Env(), std::string("batch.") + name + " is not a typed array");
  }
  Napi::TypedArray array = value.As<Napi::TypedArray>();
  if (array.ElementSize() != sizeof(Element) || array.ElementLength() < capacity) {
    throw Napi::TypeError::New(batch.Env(),
                               std::string("batch.") + name + " has the wrong element size or is too short");
  }
  return reinterpret_cast<Element*>(static_cast<uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset());
}

struct BatchColumns {
  uint32_t capacity = 0;
  uint32_t* offset = nullptr;
  uint32_t* length = nullptr;
  uint32_t* wireLength = nullptr;
  uint32_t* seconds = nullptr;
  uint32_t* nanoseconds = nullptr;
  uint32_t* slot = nullptr;
  uint32_t* flowPorts = nullptr;
  uint16_t* flowAddresses = nullptr;
  int32_t* flowWord = nullptr;
  Napi::ObjectReference reference;

  void Bind(const Napi::Object& batch) {
    capacity = WholeNumber(batch.Get("capacity"), "batch.capacity", kMaximumRows);
    if (capacity == 0) throw Napi::RangeError::New(batch.Env(), "batch.capacity must not be 0");
    offset = ColumnData<uint32_t>(batch, "offset", capacity);
    length = ColumnData<uint32_t>(batch, "length", capacity);
    wireLength = ColumnData<uint32_t>(batch, "wireLength", capacity);
    seconds = ColumnData<uint32_t>(batch, "seconds", capacity);
    nanoseconds = ColumnData<uint32_t>(batch, "nanoseconds", capacity);
    slot = ColumnData<uint32_t>(batch, "slot", capacity);
    flowPorts = ColumnData<uint32_t>(batch, "flowPorts", capacity);
    flowAddresses = ColumnData<uint16_t>(batch, "flowAddresses", capacity);
    flowWord = ColumnData<int32_t>(batch, "flowWord", capacity);
    reference = Napi::Persistent(batch);
  }
};

// The lists of one brick's outputs (src/model/packet-list.ts): output k's i-th row number
// is rows[(k << shift) + (i << step)], and counts[k] of them are valid.
struct PacketLists {
  uint16_t* rows = nullptr;
  uint32_t* counts = nullptr;
  uint32_t shift = 0;
  uint32_t step = 0;
  uint32_t room = 0;
  uint32_t outputs = 0;
  Napi::ObjectReference reference;

  void Bind(const Napi::Object& lists) {
    shift = WholeNumber(lists.Get("shift"), "lists.shift", 16);
    step = WholeNumber(lists.Get("step"), "lists.step", 16);
    room = WholeNumber(lists.Get("room"), "lists.room", kMaximumRows);
    outputs = WholeNumber(lists.Get("outputs"), "lists.outputs");
    counts = ColumnData<uint32_t>(lists, "counts", outputs);
    const uint64_t last = outputs == 0 || room == 0 ? 0 : (uint64_t{outputs - 1} << shift) + (uint64_t{room - 1} << step);
    rows = ColumnData<uint16_t>(lists, "rows", last + 1);
    reference = Napi::Persistent(lists);
  }

  ListRows RowsOf(uint32_t output) const { return {rows + (size_t{output} << shift), step}; }
};

}  // namespace bricks
