// HeaderCopier: fills a batch's column of header bytes from its memory (src/core/header-bytes.ts).
#pragma once

#include <napi.h>

#include <cstdint>

namespace bricks {

class HeaderCopier : public Napi::ObjectWrap<HeaderCopier> {
 public:
  static Napi::Function Define(Napi::Env env);
  // (columns, memory: Uint8Array)
  explicit HeaderCopier(const Napi::CallbackInfo& info);

 private:
  // (count)
  int32_t Copy(Napi::Env env, const int32_t* arguments);

  const uint32_t* offset_ = nullptr;
  const uint32_t* length_ = nullptr;
  uint8_t* heads_ = nullptr;
  uint32_t rows_ = 0;
  const uint8_t* memory_ = nullptr;
  uint64_t memoryBytes_ = 0;
  Napi::ObjectReference columnsReference_;
  Napi::Reference<Napi::Value> memoryReference_;
};

}  // namespace bricks
