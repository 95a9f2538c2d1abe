// The columns of a packet batch as native code sees them (src/model/packet-batch.ts).
// Bound once, when a port opens; the typed arrays are kept alive by the reference.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <type_traits>

#include "arguments.h"
#include "contract.h"
#include "drop_notes.h"
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

struct BatchColumns : PacketColumns {
  Napi::ObjectReference reference;

  void Bind(const Napi::Object& batch) {
    capacity = WholeNumber(batch.Get("capacity"), "batch.capacity", kMaximumRows);
    if (capacity == 0) throw Napi::RangeError::New(batch.Env(), "batch.capacity must not be 0");
    ForEach([this, &batch](auto*& column, const char* name) {
      column = ColumnData<std::remove_pointer_t<std::remove_reference_t<decltype(column)>>>(batch, name, capacity);
    });
    reference = Napi::Persistent(batch);
  }
};

// The record of a link in its counter block.
inline uint64_t* LinkRecord(const Napi::Value& counters, const Napi::Value& record) {
  const uint32_t first = WholeNumber(record, "record");
  if (!counters.IsArrayBuffer()) throw Napi::TypeError::New(counters.Env(), "counters must be an ArrayBuffer");
  Napi::ArrayBuffer block = counters.As<Napi::ArrayBuffer>();
  if (block.ByteLength() / sizeof(uint64_t) < size_t{first} + kLinkRecord) {
    throw Napi::RangeError::New(counters.Env(), "the record lies outside of the counters");
  }
  return static_cast<uint64_t*>(block.Data()) + first;
}

inline DropNotes NotesOf(const Napi::Object& drops) {
  DropNotes notes;
  notes.words = ColumnData<uint32_t>(drops, "words", 2);
  const auto lengthOf = [&drops](const char* name) { return static_cast<uint32_t>(drops.Get(name).As<Napi::TypedArray>().ElementLength()); };
  notes.room = (lengthOf("words") - 2) / 2;
  if (!drops.Get("late").IsUndefined()) {
    notes.late.words = ColumnData<uint32_t>(drops, "late", LateDrops::kHeaderWords);
    notes.late.room = lengthOf("late") - LateDrops::kHeaderWords;
  }
  return notes;
}

// The lists of one brick's outputs (src/model/packet-list.ts): output k's i-th row number
// is rows[(k << shift) + (i << step)], and counts[k] of them are valid.
struct PacketLists {
  uint16_t* rows = nullptr;
  uint32_t* counts = nullptr;
  uint32_t shift = 0;
  uint32_t step = 0;
  uint32_t room = 0;
  uint32_t outputs = 0;
  DropNotes drops;
  Napi::ObjectReference reference;

  void Bind(const Napi::Object& lists) {
    shift = WholeNumber(lists.Get("shift"), "lists.shift", 16);
    step = WholeNumber(lists.Get("step"), "lists.step", 16);
    room = WholeNumber(lists.Get("room"), "lists.room", kMaximumRows);
    outputs = WholeNumber(lists.Get("outputs"), "lists.outputs");
    counts = ColumnData<uint32_t>(lists, "counts", outputs);
    const uint64_t last = outputs == 0 || room == 0 ? 0 : (uint64_t{outputs - 1} << shift) + (uint64_t{room - 1} << step);
    rows = ColumnData<uint16_t>(lists, "rows", last + 1);
    if (lists.Get("drops").IsObject()) drops = NotesOf(lists.Get("drops").As<Napi::Object>());
    reference = Napi::Persistent(lists);
  }

  ListRows RowsOf(uint32_t output) const { return {rows + (size_t{output} << shift), step}; }
};

}  // namespace bricks
