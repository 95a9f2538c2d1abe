// RuleTable for script: src/rules/native-rules.ts has its types.
#include "rule_bindings.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstring>
#include <memory>
#include <string>

#include "arguments.h"
#include "batch_columns.h"
#include "direct_method.h"
#include "packet_rows.h"
#include "rule_table.h"

namespace bricks {

namespace {

// Memory may be shared: only what a view itself says of it is asked for.
template <typename Element>
Element* ViewData(const Napi::Value& value, napi_typedarray_type wanted, uint64_t least, const std::string& what, uint64_t* length = nullptr) {
  napi_typedarray_type type;
  size_t count = 0;
  void* data = nullptr;
  if (!value.IsTypedArray() || napi_get_typedarray_info(value.Env(), value, &type, &count, &data, nullptr, nullptr) != napi_ok || type != wanted) {
    throw Napi::TypeError::New(value.Env(), what + " is not a typed array of the right kind");
  }
  if (count < least) throw Napi::RangeError::New(value.Env(), what + " is too short");
  if (length != nullptr) *length = count;
  return static_cast<Element*>(data);
}

uint32_t* Words(const Napi::Value& value, uint64_t least, const std::string& what, uint64_t* length = nullptr) {
  return ViewData<uint32_t>(value, napi_uint32_array, least, what, length);
}

class NativeRules : public Napi::ObjectWrap<NativeRules> {
 public:
  static Napi::Function Define(Napi::Env env) { return DefineClass(env, "NativeRules", {InstanceMethod<&NativeRules::Bind>("bind")}); }

  // new NativeRules(columns, tables, lists, limit, outputs, inner)
  explicit NativeRules(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeRules>(info) {
    const Napi::Env env = info.Env();
    for (size_t index = 0; index < 3; index++) {
      if (!info[index].IsObject()) throw Napi::TypeError::New(env, "columns, tables and lists are wanted");
      kept_[index] = Napi::Persistent(info[index].As<Napi::Object>());
    }
    const uint32_t limit = WholeNumber(info[3], "limit", rules::kIndexMask - 1);
    rules::Memory memory = MemoryOf(info[1].As<Napi::Object>(), limit);
    const Napi::Object lists = info[2].As<Napi::Object>();
    uint64_t rows = 0;
    packets_.rows = rows_ = ViewData<uint16_t>(lists.Get("rows"), napi_uint16_array, 1, "lists.rows", &rows);
    if (rows > kMaximumRows) throw Napi::RangeError::New(env, "lists.rows has too many rows");
    room_ = static_cast<uint32_t>(rows);
    rules::Lists bound;
    bound.rows = room_;
    bound.keys = Words(lists.Get("keys"), rows * rules::kKeyWords, "lists.keys");
    bound.bytes = Words(lists.Get("bytes"), rows, "lists.bytes");
    bound.hits = Words(lists.Get("hits"), rows, "lists.hits");
    next_ = bound.next = ViewData<uint16_t>(lists.Get("next"), napi_uint16_array, rows, "lists.next");
    bound.outputs = WholeNumber(info[4], "outputs", 65535);
    packets_.inner = info[5].ToBoolean();
    const Napi::Object columns = info[0].As<Napi::Object>();
    packets_.offset = Words(columns.Get("offset"), 1, "columns.offset", &packets_.capacity);
    packets_.length = Words(columns.Get("length"), packets_.capacity, "columns.length");
    packets_.wireLength = Words(columns.Get("wireLength"), packets_.capacity, "columns.wireLength");
    table_ = std::make_unique<rules::RuleTable>(memory, bound);
    Napi::Object self = info.This().As<Napi::Object>();
    DefineDirectMethod<NativeRules, &NativeRules::Select, 3>(self, this, "select");
    DefineDirectMethod<NativeRules, &NativeRules::Match, 4>(self, this, "match");
  }

 private:
  static rules::Memory MemoryOf(const Napi::Object& tables, uint32_t limit) {
    rules::Memory memory;
    memory.limit = limit;
    memory.control = Words(tables.Get("control"), rules::kControlWords, "tables.control");
    memory.actions = Words(tables.Get("actions"), (rules::kActionsMaximum + 1) * rules::kActionWords, "tables.actions");
    for (uint32_t which = 0; which < rules::kClasses; which++) {
      const std::string suffix = std::to_string(which);
      memory.records[which] = Words(tables.Get("records" + suffix), (uint64_t{limit} + 1) * rules::kRecordWords[which], "tables.records");
      memory.firsts[which] = ViewData<uint16_t>(tables.Get("firsts" + suffix), napi_uint16_array, uint64_t{limit} + 1, "tables.firsts");
      memory.hints[which] = Words(tables.Get("hints" + suffix), rules::kHintWords, "tables.hints");
      memory.tuples[which] = Words(tables.Get("tuples" + suffix), (rules::kTuplesMaximum + 1) * rules::kTupleWords + 2 * rules::kListWords, "tables.tuples");
      for (uint32_t parity = 0; parity < 2; parity++) {
        const std::string both = suffix + std::to_string(parity);
        uint64_t slots = 0;
        memory.slots[which][parity] = Words(tables.Get("slots" + both), rules::kLineWords, "tables.slots", &slots);
        memory.tags[which][parity] = ViewData<uint8_t>(tables.Get("tags" + both), napi_uint8_array, slots, "tables.tags");
        memory.lineCount[which][parity] = slots / rules::kLineWords;
      }
    }
    return memory;
  }

  // bind(memory, rows, next): where packets lie, and what `select` reads and writes.
  void Bind(const Napi::CallbackInfo& info) {
    uint64_t bytes = 0, rows = 0;
    const uint8_t* memory = ViewData<uint8_t>(info[0], napi_uint8_array, 0, "memory", &bytes);
    const uint16_t* inputRows = ViewData<uint16_t>(info[1], napi_uint16_array, 0, "rows", &rows);
    uint16_t* decided = ViewData<uint16_t>(info[2], napi_uint16_array, rows < room_ ? rows : room_, "next");
    packets_.memory = memory;
    packets_.memoryBytes = bytes;
    inputRows_ = inputRows;
    decided_ = decided;
    inputRoom_ = static_cast<uint32_t>(rows < room_ ? rows : room_);
    for (size_t index = 0; index < 3; index++) bound_[index] = Napi::Persistent(info[index].As<Napi::Object>());
  }

  // select(count, tick, counts): reads the keys of the first `count` rows, and decides them up to the first that it can't read. Returns twice the number
  // of rows decided, and 1 more where there are some of the kinds that `match` counts.
  int32_t Select(Napi::Env env, const int32_t* arguments) {
    const uint32_t count = CountOf(env, arguments[0], inputRoom_);
    std::memcpy(rows_, inputRows_, count * sizeof *rows_);
    const rules::RuleTable::Selected selected = table_->Select(packets_, count, static_cast<uint32_t>(arguments[1]), arguments[2] != 0);
    if (selected.outside) throw Napi::RangeError::New(env, "a packet lies outside of its memory");
    std::memcpy(decided_, next_, selected.rows * sizeof *next_);
    return static_cast<int32_t>(2 * selected.rows + (selected.special > 0 ? 1 : 0));
  }

  // match(first, count, tick, counts): decides the rows from `first` to `count`, whose keys have been read.
  int32_t Match(Napi::Env env, const int32_t* arguments) {
    const uint32_t count = CountOf(env, arguments[1], room_);
    const uint32_t first = CountOf(env, arguments[0], count);
    return static_cast<int32_t>(table_->Match(first, count, static_cast<uint32_t>(arguments[2]), arguments[3] != 0));
  }

  static uint32_t CountOf(Napi::Env env, int32_t given, uint32_t most) {
    if (given < 0 || static_cast<uint32_t>(given) > most) throw Napi::RangeError::New(env, "more packets than the lists have room for");
    return static_cast<uint32_t>(given);
  }

  Napi::ObjectReference kept_[3];
  Napi::ObjectReference bound_[3];
  std::unique_ptr<rules::RuleTable> table_;
  rules::PacketRows packets_;
  uint16_t* rows_ = nullptr;
  const uint16_t* next_ = nullptr;
  uint32_t room_ = 0;
  const uint16_t* inputRows_ = nullptr;
  uint16_t* decided_ = nullptr;
  uint32_t inputRoom_ = 0;
};

// useHugePages(words): asks the system for large pages where memory is written to from now on, and for those at its beginning, which was. What can't be
// had is done without: it is faster, not different.
void UseHugePages(const Napi::CallbackInfo& info) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr uintptr_t kHuge = 2u << 20;
  constexpr uintptr_t kPage = 4096;
  uint64_t length = 0;
  const auto begin = reinterpret_cast<uintptr_t>(Words(info[0], 0, "memory", &length));
  const uintptr_t end = (begin + length * sizeof(uint32_t)) / kHuge * kHuge;
  // Large allocations begin with a few bytes of the allocator's own.
  const uintptr_t first = begin % kHuge <= kPage ? begin / kHuge * kHuge : (begin + kHuge - 1) / kHuge * kHuge;
  if (first >= end) return;
  madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
#if defined(MADV_COLLAPSE)
  madvise(reinterpret_cast<void*>(first), kHuge, MADV_COLLAPSE);
#endif
#else
  static_cast<void>(info);
#endif
}

// releaseMemory(words): gives whole pages of memory that nobody reads back to the system. It is 0 when it is touched next.
void ReleaseMemory(const Napi::CallbackInfo& info) {
#if defined(__linux__)
  constexpr uintptr_t kPage = 4096;
  uint64_t length = 0;
  const auto begin = reinterpret_cast<uintptr_t>(Words(info[0], 0, "memory", &length));
  const uintptr_t first = (begin + kPage - 1) / kPage * kPage;
  const uintptr_t end = (begin + length * sizeof(uint32_t)) / kPage * kPage;
  if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
#else
  static_cast<void>(info);
#endif
}

}  // namespace

void DefineRules(Napi::Env env, Napi::Object exports) {
  exports.Set("NativeRules", NativeRules::Define(env));
  exports.Set("releaseMemory", Napi::Function::New(env, ReleaseMemory, "releaseMemory"));
  exports.Set("useHugePages", Napi::Function::New(env, UseHugePages, "useHugePages"));
}

}  // namespace bricks
