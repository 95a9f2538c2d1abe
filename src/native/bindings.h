// The parts of the addon bricks_core.
#pragma once

#include <napi.h>

namespace bricks {

void DefinePipes(Napi::Env env, Napi::Object exports);
void DefineSystem(Napi::Env env, Napi::Object exports);
void DefineProcess(Napi::Env env, Napi::Object exports);

}  // namespace bricks
