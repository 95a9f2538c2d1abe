// The addon of the benchmark's backend.
#include "memory_rings.h"

namespace {

Napi::Object Initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("MemoryRings", bricks::bench::MemoryRings::Define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(bench_rings, Initialise)
