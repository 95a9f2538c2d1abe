// Where in a script an error happened.
#include <cstring>

#include "lua_state.h"

namespace bricks {
namespace {

// Sources of the prelude are named so; their functions are left out of positions and tracebacks.
constexpr char kPrelude[] = "=[bricks";

bool IsScript(const lua_Debug& activation) {
  return activation.currentline > 0 && std::strncmp(activation.source, kPrelude, sizeof kPrelude - 1) != 0;
}

}  // namespace

bool FindScriptLevel(lua_State* L, int level, lua_Debug* activation) {
  for (; lua_getstack(L, level, activation) != 0; ++level) {
    lua_getinfo(L, "Sl", activation);
    if (IsScript(*activation)) return true;
  }
  return false;
}

// The message handler: writes down where the error happened, while the stack still stands.
int LuaState::OnError(lua_State* L) {
  LuaState* self = Of(L);
  if (self->exiting_) return 1;
  if (lua_type(L, 1) != LUA_TSTRING) {
    // Sets the text that tostring gives; an error there becomes "error while handling an error".
    if (luaL_callmeta(L, 1, "__tostring") == 0 || lua_type(L, -1) != LUA_TSTRING) {
      if (lua_type(L, 1) == LUA_TNUMBER) lua_pushstring(L, lua_tostring(L, 1));
      else lua_pushfstring(L, "(the error is a %s value)", luaL_typename(L, 1));
    }
    lua_replace(L, 1);
  }
  if (self->control_->Interrupted()) {
    // Coroutines put positions in front of the message, one for each.
    lua_Debug activation;
    if (FindScriptLevel(L, 0, &activation)) lua_pushfstring(L, "%s:%d: interrupted", activation.short_src, activation.currentline);
    else lua_pushliteral(L, "interrupted");
    lua_replace(L, 1);
  }
  size_t length = 0;
  const char* message = lua_tolstring(L, 1, &length);
  self->RecordFailure(L, message, length);
  lua_settop(L, 1);
  return 1;
}

void LuaState::RecordFailure(lua_State* L, const char* message, size_t length) noexcept {
  constexpr int kMostLevels = 24;
  try {
    failure_ = Failure();
    failure_.message.assign(message == nullptr ? "" : message, length);
    lua_Debug activation{};
    int shown = 0;
    for (int level = 0; lua_getstack(L, level, &activation) != 0; ++level) {
      lua_getinfo(L, "Snl", &activation);  // none of these pushes or raises
      if (!IsScript(activation)) continue;
      if (failure_.line == 0) {
        failure_.file = activation.source[0] == '@' || activation.source[0] == '=' ? activation.source + 1 : activation.short_src;
        failure_.line = activation.currentline;
      }
      if (++shown > kMostLevels) {
        if (shown == kMostLevels + 1) failure_.traceback += "\n\t...";
        continue;
      }
      failure_.traceback += "\n\t" + std::string(activation.short_src) + ":" + std::to_string(activation.currentline) + ": in ";
      if (*activation.what == 'm') failure_.traceback += "main chunk";
      else if (activation.name != nullptr) failure_.traceback += "function '" + std::string(activation.name) + "'";
      else failure_.traceback += "function <" + std::string(activation.short_src) + ":" + std::to_string(activation.linedefined) + ">";
    }
    if (!failure_.traceback.empty()) failure_.traceback.insert(0, "stack traceback:");
  } catch (const std::exception&) {
    // No memory for the traceback: the message alone has to do.
  }
}

}  // namespace bricks
