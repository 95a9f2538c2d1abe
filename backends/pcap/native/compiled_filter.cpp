// CompiledFilter: a filter's rules over all rows of a list in one call. See src/filter/filter-expression.ts.
#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

#include "addon.h"
#include "batch_columns.h"
#include "filter_program.h"

namespace bricks {

namespace {

// NEXT_DROP of src/model/brick.ts.
constexpr uint16_t kDropped = 0xffff;

struct FilteredBatch {
  const uint32_t* offset = nullptr;
  const uint32_t* length = nullptr;
  const uint32_t* wireLength = nullptr;
  uint32_t capacity = 0;
  Napi::ObjectReference columnsReference;
  const uint8_t* memory = nullptr;
  uint64_t memoryBytes = 0;
  Napi::ObjectReference memoryReference;
};

class CompiledFilter : public Napi::ObjectWrap<CompiledFilter> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "CompiledFilter",
                       {InstanceMethod<&CompiledFilter::AddBatch>("addBatch"),
                        InstanceMethod<&CompiledFilter::SetMemory>("setMemory"),
                        InstanceMethod<&CompiledFilter::Program>("program"),
                        InstanceMethod<&CompiledFilter::Select>("select")});
  }

  // new CompiledFilter(linkType, snapLength, { expression, drop, accept }). Errors carry which one as `rule`.
  explicit CompiledFilter(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CompiledFilter>(info) {
    const uint32_t linkType = RequireNumber(info, 0, "linkType");
    const int snapLength = static_cast<int>(RequireNumber(info, 1, "snapLength"));
    const Napi::Object given = RequireObject(info, 2, "rules");
    Compile(given, "expression", linkType, snapLength, &rules_.expression);
    Compile(given, "drop", linkType, snapLength, &rules_.drop);
    Compile(given, "accept", linkType, snapLength, &rules_.accept);
  }

 private:
  static void Compile(const Napi::Object& given, const char* rule, uint32_t linkType, int snapLength, FilterProgram* program) {
    const std::string text = Text(given, rule);
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return;
    try {
      program->Compile(text, linkType, snapLength);
    } catch (const std::runtime_error& problem) {
      Napi::Error error = Napi::Error::New(given.Env(), problem.what());
      error.Set("rule", Napi::String::New(given.Env(), rule));
      throw error;
    }
  }

  Napi::Value AddBatch(const Napi::CallbackInfo& info) {
    auto batch = std::make_unique<FilteredBatch>();
    const Napi::Object packets = RequireObject(info, 0, "packets");
    if (!packets.Get("offset").IsTypedArray()) throw Napi::TypeError::New(info.Env(), "packets.offset is not a typed array");
    const uint64_t capacity = packets.Get("offset").As<Napi::TypedArray>().ElementLength();
    batch->capacity = static_cast<uint32_t>(std::min<uint64_t>(capacity, kMaximumRows));
    batch->offset = ColumnData<uint32_t>(packets, "offset", batch->capacity);
    batch->length = ColumnData<uint32_t>(packets, "length", batch->capacity);
    batch->wireLength = ColumnData<uint32_t>(packets, "wireLength", batch->capacity);
    batch->columnsReference = Napi::Persistent(packets);
    batches_.push_back(std::move(batch));
    return Napi::Number::New(info.Env(), static_cast<double>(batches_.size() - 1));
  }

  void SetMemory(const Napi::CallbackInfo& info) {
    FilteredBatch& batch = BatchAt(info);
    batch.memory = Bytes(info.Env(), info[1], &batch.memoryBytes);
    batch.memoryReference = Napi::Persistent(info[1].As<Napi::Object>());
  }

  // program(rule): the instructions as words, four each: code, jt, jf, k; undefined where there is no such rule.
  Napi::Value Program(const Napi::CallbackInfo& info) {
    const std::string rule = info[0].ToString().Utf8Value();
    const FilterProgram& chosen = rule == "drop" ? rules_.drop : rule == "accept" ? rules_.accept : rules_.expression;
    if (!chosen.Present()) return info.Env().Undefined();
    const struct bpf_program& program = chosen.Program();
    Napi::Uint32Array words = Napi::Uint32Array::New(info.Env(), size_t{program.bf_len} * 4);
    for (uint32_t i = 0; i < program.bf_len; i++) {
      const struct bpf_insn& instruction = program.bf_insns[i];
      words[i * 4] = instruction.code;
      words[i * 4 + 1] = instruction.jt;
      words[i * 4 + 2] = instruction.jf;
      words[i * 4 + 3] = instruction.k;
    }
    return words;
  }

  // select(batch, rows, count, next): sets next[i] to 0 where the packet of rows[i] passes, and to kDropped where not.
  void Select(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    const FilteredBatch& batch = BatchAt(info);
    const Napi::Uint16Array from = RowsAt(info, 1);
    Napi::Uint16Array to = RowsAt(info, 3);
    const uint32_t count = RequireNumber(info, 2, "count");
    if (count > from.ElementLength() || count > to.ElementLength()) throw Napi::RangeError::New(env, "more rows than the list has room for");
    const uint16_t* rows = from.Data();
    uint16_t* next = to.Data();
    for (uint32_t i = 0; i < count; i++) next[i] = Passes(batch, rows[i]) ? 0 : kDropped;
  }

  bool Passes(const FilteredBatch& batch, uint32_t row) const {
    if (row >= batch.capacity) return false;
    const uint64_t offset = batch.offset[row];
    const uint32_t length = batch.length[row];
    if (offset + length > batch.memoryBytes) return false;
    return rules_.Passes(batch.memory + offset, length, std::max(batch.wireLength[row], length));
  }

  static Napi::Uint16Array RowsAt(const Napi::CallbackInfo& info, size_t index) {
    if (!info[index].IsTypedArray() || info[index].As<Napi::TypedArray>().TypedArrayType() != napi_uint16_array) {
      throw Napi::TypeError::New(info.Env(), "rows must be a Uint16Array");
    }
    return info[index].As<Napi::Uint16Array>();
  }

  FilteredBatch& BatchAt(const Napi::CallbackInfo& info) {
    const uint32_t index = RequireNumber(info, 0, "batch");
    if (index >= batches_.size()) throw Napi::RangeError::New(info.Env(), "no such batch was added");
    return *batches_[index];
  }

  FilterRules rules_;
  std::vector<std::unique_ptr<FilteredBatch>> batches_;
};

}  // namespace

void RegisterCompiledFilter(Napi::Env env, Napi::Object exports) {
  exports.Set("CompiledFilter", CompiledFilter::Define(env));
}

}  // namespace bricks
