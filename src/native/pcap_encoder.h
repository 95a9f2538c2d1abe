// Copies packets of a batch into one block of memory, each behind a record header: what pcap files are made of.
#pragma once

#include <napi.h>

#include "batch_columns.h"

namespace bricks {

class PcapEncoder : public Napi::ObjectWrap<PcapEncoder> {
 public:
  static Napi::Function Define(Napi::Env env);
  // (batch)
  explicit PcapEncoder(const Napi::CallbackInfo& info);

 private:
  // (Uint8Array)
  void BindMemory(const Napi::CallbackInfo& info);
  // (first row, end row, target Uint8Array, position, divisor of nanoseconds): the new position.
  // Throws where they do not fit: the caller knows what a row needs.
  Napi::Value Encode(const Napi::CallbackInfo& info);
  // (first row, end row, descriptor): writes each packet separately, as a tap wants it; how many were taken.
  Napi::Value WriteEach(const Napi::CallbackInfo& info);
  bool Row(uint32_t row) const;

  BatchColumns columns_;
  const uint8_t* memory_ = nullptr;
  size_t memoryBytes_ = 0;
  Napi::Reference<Napi::Value> reference_;
};

}  // namespace bricks
