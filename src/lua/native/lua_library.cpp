// What scripts call in place of Lua's own functions, and how a running script is stopped.
#include <time.h>
#include <unistd.h>

#include "lua_state.h"

namespace bricks {
namespace {

char exitMark;

double Now() {
  struct timespec now {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

void LuaState::OnHook(lua_State* L, lua_Debug*) {
  LuaState* self = Of(L);
  if (self->exiting_ || self->control_->Interrupted()) Unwind(L);
}

// Raises an error that a script can't hold up: where pcall catches it, the next instruction raises it again.
int LuaState::Unwind(lua_State* L) {
  lua_sethook(L, OnHook, LUA_MASKCOUNT, 1);
  if (Of(L)->exiting_) {
    lua_pushlightuserdata(L, &exitMark);
    return lua_error(L);
  }
  lua_Debug activation;
  if (FindScriptLevel(L, 0, &activation)) lua_pushfstring(L, "%s:%d: interrupted", activation.short_src, activation.currentline);
  else lua_pushliteral(L, "interrupted");
  return lua_error(L);
}

int LuaState::Exit(lua_State* L) {
  LuaState* self = Of(L);
  const int code = lua_isboolean(L, 1) ? (lua_toboolean(L, 1) ? 0 : 1) : static_cast<int>(luaL_optinteger(L, 1, 0));
  self->exitCode_ = code;
  self->exiting_ = true;
  return Unwind(L);
}

int LuaState::Print(lua_State* L) {
  const int count = lua_gettop(L);
  luaL_Buffer line;
  lua_getglobal(L, "tostring");
  for (int index = 1; index <= count; ++index) {
    lua_pushvalue(L, count + 1);
    lua_pushvalue(L, index);
    lua_call(L, 1, 1);
    if (lua_tostring(L, -1) == nullptr) return luaL_error(L, "'tostring' must return a string to 'print'");
    lua_replace(L, index);
  }
  lua_settop(L, count);
  luaL_checkstack(L, LUA_MINSTACK, "too many values to print");
  luaL_buffinit(L, &line);
  for (int index = 1; index <= count; ++index) {
    size_t length = 0;
    const char* text = lua_tolstring(L, index, &length);
    if (index > 1) luaL_addchar(&line, '\t');
    luaL_addlstring(&line, text, length);
  }
  luaL_addchar(&line, '\n');
  luaL_pushresult(&line);
  size_t length = 0;
  const char* text = lua_tolstring(L, -1, &length);
  WriteFully(Of(L)->descriptor(STDOUT_FILENO), text, length, *Of(L)->control_);
  return 0;
}

// Where waits are skipped, a script that has waited for all the time that there is has run to its end: it is interrupted.
void LuaState::Wait(double seconds) {
  if (skipLimit_ <= 0) {
    control_->Sleep(seconds);
    return;
  }
  skipped_ += seconds;
  if (skipped_ > skipLimit_) control_->InterruptCurrent();
}

// Seconds of waits that were skipped.
int LuaState::Skipped(lua_State* L) {
  lua_pushnumber(L, Of(L)->skipped_);
  return 1;
}

// os.clock: real time. Scripts sleep in loops on it, so when it is asked again and again with nothing
// in between, it gives the processor away for a while.
int LuaState::Pause(lua_State* L) {
  constexpr double kQuick = 200e-6;
  constexpr int kPatience = 8;
  constexpr double kWait = 0.010;
  LuaState* self = Of(L);
  double now = Now();
  self->pauses_ = now - self->lastPause_ < kQuick ? self->pauses_ + 1 : 0;
  if (self->pauses_ >= kPatience) {
    self->Wait(kWait);
    now = Now();
    if (self->control_->Interrupted()) return Unwind(L);
  }
  self->lastPause_ = now;
  static const double start = now;
  lua_pushnumber(L, now - start + self->skipped_);
  return 1;
}

int LuaState::SleepFor(lua_State* L) {
  LuaState* self = Of(L);
  const lua_Number seconds = luaL_checknumber(L, 1);
  if (seconds > 0) self->Wait(seconds < 1e8 ? seconds : 1e8);
  if (self->control_->Interrupted()) return Unwind(L);
  return 0;
}

}  // namespace bricks
