// bricks_files: parsing and encoding of capture records, one call a batch, and the guardian.
#include "bindings.h"

namespace {

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  bricks::DefineReader(env, exports);
  bricks::DefineRecorder(env, exports);
  bricks::DefineDescriptors(env, exports);
  bricks::DefineGuardian(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(bricks_files, Initialize)
