// The parts of the addon bricks_files.
#pragma once

#include <napi.h>

namespace bricks {

void DefineReader(Napi::Env env, Napi::Object exports);
void DefineRecorder(Napi::Env env, Napi::Object exports);
void DefineDescriptors(Napi::Env env, Napi::Object exports);
void DefineGuardian(Napi::Env env, Napi::Object exports);

}  // namespace bricks
