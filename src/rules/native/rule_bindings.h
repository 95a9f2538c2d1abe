// Rule tables, for the addon bricks_core.
#pragma once

#include <napi.h>

namespace bricks {

void DefineRules(Napi::Env env, Napi::Object exports);

}  // namespace bricks
