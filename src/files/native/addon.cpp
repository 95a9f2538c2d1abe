// bricks_files: parsing and encoding of capture records, one call a batch, and the guardian.
#include "bindings.h"
#include "contract.h"

namespace {

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("contract", bricks::kContract);
  bricks::DefineReader(env, exports);
  bricks::DefineRecorder(env, exports);
  bricks::DefineDescriptors(env, exports);
  bricks::DefineGuardian(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(bricks_files, Initialize)
