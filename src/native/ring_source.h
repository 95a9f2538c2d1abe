// Fills a batch from a packet ring.
#pragma once

#include <napi.h>

#include "batch_columns.h"
#include "ring_memory.h"

namespace bricks {

class RingSource : public Napi::ObjectWrap<RingSource> {
 public:
  static Napi::Function Define(Napi::Env env);
  // ({ring, batch, flowColumns, counters?, record?, process?})
  explicit RingSource(const Napi::CallbackInfo& info);

 private:
  // (at most): packets received | their link type << 17; 0 for none now, -1 at the end
  int32_t Receive(Napi::Env env, const int32_t* arguments);
  int32_t Release(Napi::Env env, const int32_t* arguments);
  // Makes the event readable when packets come. False if some are there.
  Napi::Value Arm(const Napi::CallbackInfo& info);
  // 0 while the writer has the ring, 1 once it has closed it, 2 if it was killed.
  Napi::Value WriterState(const Napi::CallbackInfo& info);
  Napi::Value Corruptions(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  uint32_t Fill(uint32_t most);
  void LookAtOwner();
  bool ArmNow();

  RingMemory ring_;
  RingReader reader_;
  BatchColumns columns_;
  uint64_t* counters_ = nullptr;
  Napi::Reference<Napi::Value> countersReference_;
  bool flowColumns_ = false;
  bool attached_ = false;
  bool armed_ = false;
  uint32_t idleCalls_ = 0;
  uint64_t corruptions_ = 0;  // whose room was given back
  uint32_t linkType_ = kLinkTypeEthernet;
};

}  // namespace bricks
