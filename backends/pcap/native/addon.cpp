#include "addon.h"
#include "contract.h"

namespace {

Napi::Object Initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("contract", bricks::kContract);
  bricks::RegisterDevices(env, exports);
  bricks::RegisterPcapSource(env, exports);
  bricks::RegisterInterfaceTransmitter(env, exports);
  bricks::RegisterCompiledFilter(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(bricks_pcap, Initialise)
