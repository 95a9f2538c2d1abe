// bricks_core.node: packet rings, pipes and what an engine's thread asks of the system.
#include <napi.h>

#include "bindings.h"
#include "contract.h"
#include "header_copier.h"
#include "pcap_encoder.h"
#include "ring_source.h"
#include "ring_transmitter.h"
#include "rule_bindings.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("contract", bricks::kContract);
  exports.Set("RingTransmitter", bricks::RingTransmitter::Define(env));
  exports.Set("RingSource", bricks::RingSource::Define(env));
  exports.Set("HeaderCopier", bricks::HeaderCopier::Define(env));
  exports.Set("PcapEncoder", bricks::PcapEncoder::Define(env));
  bricks::DefinePipes(env, exports);
  bricks::DefineSystem(env, exports);
  bricks::DefineRules(env, exports);
  bricks::DefineProcess(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(bricks_core, Init)
