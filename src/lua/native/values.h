// Values between JavaScript and Lua: nil, booleans, numbers, strings, and tables of them.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

extern "C" {
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
}

namespace bricks {

// A JavaScript value on its own, since Lua may raise an error (jump) while values are pushed:
// then nothing of JavaScript or C++ may be alive in the frames between.
struct LuaValue {
  enum class Kind { Nil, Boolean, Number, String, List, Table };
  Kind kind = Kind::Nil;
  bool boolean = false;
  double number = 0;
  std::string text;
  std::vector<std::string> names;  // of a table
  std::vector<LuaValue> items;        // of a list or a table
};

constexpr int kDeepestTable = 32;
// Stack slots that reading or pushing one value takes at most.
constexpr int kValueSlots = 4 * kDeepestTable + 8;

// Throws Napi::Error for what Lua can't hold.
LuaValue ValueFromJs(Napi::Value value, int depth = 0);
// May raise a Lua error (memory): call it only where nothing needs a destructor.
void PushValue(lua_State* L, const LuaValue& value);
// Never raises a Lua error. Needs kValueSlots free slots. Throws Napi::Error for functions and the like.
Napi::Value ValueToJs(Napi::Env env, lua_State* L, int index, int depth = 0);

}  // namespace bricks
