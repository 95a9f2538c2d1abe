#include "lua_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace bricks {
namespace {

constexpr char kHost[] = "bricks.host";
constexpr size_t kHugeBlock = size_t{1} << 20;

}  // namespace

void* LuaState::Allocate(void* self, void* block, size_t before, size_t after) {
  LuaState* state = static_cast<LuaState*>(self);
  if (after == 0) {
    std::free(block);
    state->memory_ -= before;
    return nullptr;
  }
  if (after > before) {
    // One huge string is made without a step at which an interrupt could strike, except here.
    if (state->memory_ + (after - before) > state->memoryLimit_) return nullptr;
    if (after > kHugeBlock && state->control_->Interrupted()) return nullptr;
  }
  void* moved = std::realloc(block, after);
  if (moved != nullptr) state->memory_ += after - before;
  return moved;
}

Napi::Function LuaState::Define(Napi::Env env) {
  return DefineClass(env, "LuaState", {
    InstanceMethod<&LuaState::Load>("load"),
    InstanceMethod<&LuaState::Call>("call"),
    InstanceMethod<&LuaState::IsInterrupted>("isInterrupted"),
    InstanceMethod<&LuaState::Close>("close"),
    InstanceAccessor<&LuaState::GetId>("id"),
    InstanceAccessor<&LuaState::GetMemory>("memory"),
  });
}

// new LuaState([input, output, error descriptors], most bytes of memory, { name: function, ... }, most seconds of waits to skip, or 0 to wait)
LuaState::LuaState(const Napi::CallbackInfo& info) : Napi::ObjectWrap<LuaState>(info), control_(Control::Create()) {
  if (info.Length() != 4 || !info[0].IsArray() || !info[1].IsNumber() || !info[2].IsObject() || !info[3].IsNumber()) {
    throw Napi::TypeError::New(info.Env(), "new LuaState(descriptors, memory limit, callbacks, seconds to skip)");
  }
  Napi::Array descriptors = info[0].As<Napi::Array>();
  for (uint32_t index = 0; index < kStreams; ++index) {
    Napi::Value descriptor = descriptors.Get(index);
    if (!descriptor.IsNumber() || descriptor.As<Napi::Number>().Int32Value() < 0) throw Napi::TypeError::New(info.Env(), "three descriptors are needed");
    descriptors_[index] = descriptor.As<Napi::Number>().Int32Value();
  }
  memoryLimit_ = static_cast<size_t>(info[1].As<Napi::Number>().Int64Value());
  skipLimit_ = info[3].As<Napi::Number>().DoubleValue();
  Napi::Object callbacks = info[2].As<Napi::Object>();
  Napi::Array names = callbacks.GetPropertyNames();
  for (uint32_t index = 0; index < names.Length(); ++index) {
    const std::string name = names.Get(index).ToString();
    Napi::Value callback = callbacks.Get(name);
    if (!callback.IsFunction()) throw Napi::TypeError::New(info.Env(), name + " is no function");
    callbackNames_.push_back(name);
    callbacks_.push_back(Napi::Persistent(callback.As<Napi::Function>()));
  }
  lua_ = lua_newstate(Allocate, this);
  if (lua_ == nullptr) throw Napi::Error::New(info.Env(), "no memory for a Lua state");
  if (!OpenStreams() || lua_cpcall(lua_, Prepare, this) != 0) {
    Dispose();
    throw Napi::Error::New(info.Env(), "a Lua state could not be made");
  }
}

LuaState::~LuaState() { Dispose(); }

void LuaState::Dispose() {
  if (lua_ != nullptr) {
    // Handles of children that still run are closed now: those children end, as in an interrupt.
    control_->Begin(1);
    control_->Interrupt(Control::kEveryCall);
    lua_close(lua_);
    lua_ = nullptr;
    control_->End();
  }
  for (FILE*& stream : streams_) {
    if (stream != nullptr) std::fclose(stream);
    stream = nullptr;
  }
}

// Standard input and error of the process are left to the library.
bool LuaState::OpenStreams() {
  streams_[STDOUT_FILENO] = OpenOutput(descriptors_[STDOUT_FILENO], control_);
  if (streams_[STDOUT_FILENO] == nullptr) return false;
  if (descriptors_[STDERR_FILENO] != STDERR_FILENO) {
    streams_[STDERR_FILENO] = OpenOutput(descriptors_[STDERR_FILENO], control_);
    if (streams_[STDERR_FILENO] == nullptr) return false;
  }
  if (descriptors_[STDIN_FILENO] == STDIN_FILENO) return true;
  const int input = fcntl(descriptors_[STDIN_FILENO], F_DUPFD_CLOEXEC, 3);
  if (input < 0) return false;
  streams_[STDIN_FILENO] = fdopen(input, "r");
  if (streams_[STDIN_FILENO] == nullptr) close(input);
  return streams_[STDIN_FILENO] != nullptr;
}

// Puts one of the streams of this state into io, under its name and as what io.read or io.write use.
void LuaState::PutStream(lua_State* L, FILE* stream, const char* name, const char* user) {
  if (stream == nullptr) return;
  PushStandardFile(L, stream);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, name);
  if (user == nullptr) {
    lua_pop(L, 1);
    return;
  }
  lua_getfield(L, -2, user);
  lua_insert(L, -2);
  lua_call(L, 1, 0);  // io.output(io.stdout)
}

int LuaState::Prepare(lua_State* L) {
  LuaState* self = Of(L);
  luaL_openlibs(L);
  lua_sethook(L, OnHook, LUA_MASKCOUNT, kHookInstructions);

  lua_newtable(L);  // what the prelude gets
  for (size_t index = 0; index < self->callbackNames_.size(); ++index) {
    lua_pushinteger(L, static_cast<lua_Integer>(index));
    lua_pushcclosure(L, CallHost, 1);
    lua_setfield(L, -2, self->callbackNames_[index].c_str());
  }
  lua_pushcfunction(L, Pause);
  lua_setfield(L, -2, "pause");
  lua_pushcfunction(L, SleepFor);
  lua_setfield(L, -2, "sleep");
  lua_pushcfunction(L, Skipped);
  lua_setfield(L, -2, "skipped");
  lua_pushcfunction(L, Exit);
  lua_setfield(L, -2, "exit");
  lua_setfield(L, LUA_REGISTRYINDEX, kHost);

  lua_pushcfunction(L, Print);
  lua_setglobal(L, "print");
  lua_getglobal(L, "os");
  lua_pushcfunction(L, Pause);
  lua_setfield(L, -2, "clock");
  lua_pushcfunction(L, OsExecute);
  lua_setfield(L, -2, "execute");
  lua_pushcfunction(L, Exit);
  lua_setfield(L, -2, "exit");
  lua_getglobal(L, "io");
  lua_pushcfunction(L, IoPopen);
  lua_setfield(L, -2, "popen");
  PutStream(L, self->streams_[STDIN_FILENO], "stdin", "input");
  PutStream(L, self->streams_[STDOUT_FILENO], "stdout", "output");
  PutStream(L, self->streams_[STDERR_FILENO], "stderr", nullptr);
  return 0;
}

// ---- Calls from JavaScript

void LuaState::Enter(lua_CFunction function, int64_t call) {
  exiting_ = false;
  exitCode_ = 0;
  failure_ = Failure();
  status_ = 0;
  busy_ = true;
  lua_sethook(lua_, OnHook, LUA_MASKCOUNT, kHookInstructions);
  control_->Begin(call);
  const int status = lua_cpcall(lua_, function, nullptr);
  if (status != 0) {
    status_ = status;
    const char* message = lua_type(lua_, -1) == LUA_TSTRING ? lua_tostring(lua_, -1) : "not enough memory";
    RecordFailure(lua_, message, std::strlen(message));
  }
  control_->End();
  lua_settop(lua_, 0);
  busy_ = false;
  arguments_.clear();
  chunk_.clear();
  hostResult_ = LuaValue();
}

// load(source, name): runs a chunk of the prelude; its argument is the table of host functions.
Napi::Value LuaState::Load(const Napi::CallbackInfo& info) {
  if (lua_ == nullptr || busy_) throw Napi::Error::New(info.Env(), "the Lua state is closed or busy");
  chunk_ = info[0].As<Napi::String>();
  callName_ = info[1].As<Napi::String>();
  Napi::Env env = info.Env();
  callEnv_ = &env;
  result_ = env.Undefined();
  Enter(RunLoad, 0x7fffffff);
  callEnv_ = nullptr;
  return Outcome(env);
}

int LuaState::RunLoad(lua_State* L) {
  LuaState* self = Of(L);
  lua_pushcfunction(L, OnError);
  const int handler = lua_gettop(L);
  self->status_ = luaL_loadbuffer(L, self->chunk_.data(), self->chunk_.size(), self->callName_.c_str());
  if (self->status_ == 0) {
    lua_getfield(L, LUA_REGISTRYINDEX, kHost);
    self->status_ = lua_pcall(L, 1, 0, handler);
    return 0;
  }
  size_t length = 0;
  const char* message = lua_tolstring(L, -1, &length);
  self->RecordFailure(L, message, length);
  return 0;
}

// call(number, name, arguments): calls a function that the prelude put into the host table.
Napi::Value LuaState::Call(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (lua_ == nullptr || busy_) throw Napi::Error::New(env, "the Lua state is closed or busy");
  const int64_t call = info[0].As<Napi::Number>().Int64Value();
  callName_ = info[1].As<Napi::String>();
  arguments_.clear();
  Napi::Array arguments = info[2].As<Napi::Array>();
  for (uint32_t index = 0; index < arguments.Length(); ++index) arguments_.push_back(ValueFromJs(arguments.Get(index)));
  callEnv_ = &env;
  result_ = env.Undefined();
  Enter(RunCall, call);
  callEnv_ = nullptr;
  return Outcome(env);
}

int LuaState::RunCall(lua_State* L) {
  LuaState* self = Of(L);
  if (self->control_->Interrupted()) {
    // Before it has begun: nobody would wake it where it waits, so it does nothing at all.
    self->status_ = LUA_ERRRUN;
    self->RecordFailure(L, "interrupted", 11);
    return 0;
  }
  luaL_checkstack(L, kValueSlots, "arguments");
  lua_pushcfunction(L, OnError);
  const int handler = lua_gettop(L);
  lua_getfield(L, LUA_REGISTRYINDEX, kHost);
  lua_getfield(L, -1, self->callName_.c_str());
  for (size_t index = 0; index < self->arguments_.size(); ++index) PushValue(L, self->arguments_[index]);
  self->status_ = lua_pcall(L, static_cast<int>(self->arguments_.size()), 1, handler);
  if (self->status_ == 0 && self->control_->Interrupted() && !self->exiting_) {
    // It ended before it noticed, for instance because the read that it was waiting in was cut short.
    self->status_ = LUA_ERRRUN;
    self->RecordFailure(L, "interrupted", 11);
  } else if (self->status_ == 0) {
    self->ReadResult(L);
  } else if (self->status_ != LUA_ERRRUN) {
    const char* message = self->status_ == LUA_ERRMEM ? "not enough memory" : "error while handling an error";
    self->RecordFailure(L, message, std::strlen(message));
  }
  return 0;
}

void LuaState::ReadResult(lua_State* L) noexcept {
  try {
    result_ = ValueToJs(*callEnv_, L, lua_gettop(L));
  } catch (const std::exception& error) {
    status_ = LUA_ERRRUN;
    failure_.message = error.what();
  }
}

Napi::Value LuaState::Outcome(Napi::Env env) noexcept {
  try {
    return OutcomeObject(env);
  } catch (const std::exception&) {
    return Napi::Value();  // the thread is being terminated: nobody is there to read it
  }
}

Napi::Value LuaState::OutcomeObject(Napi::Env env) {
  Napi::Object outcome = Napi::Object::New(env);
  outcome.Set("interrupted", Napi::Boolean::New(env, status_ != 0 && control_->Interrupted()));
  if (exiting_) outcome.Set("exitCode", Napi::Number::New(env, exitCode_));
  if (status_ == 0) {
    outcome.Set("value", result_);
  } else if (!exiting_) {
    Napi::Object failure = Napi::Object::New(env);
    failure.Set("message", failure_.message);
    failure.Set("traceback", failure_.traceback);
    if (failure_.line > 0) {
      failure.Set("file", failure_.file);
      failure.Set("line", failure_.line);
    }
    outcome.Set("failure", failure);
  }
  result_ = Napi::Value();
  return outcome;
}

Napi::Value LuaState::IsInterrupted(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), control_->Interrupted()); }
Napi::Value LuaState::GetId(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), control_->id()); }
Napi::Value LuaState::GetMemory(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), static_cast<double>(memory_)); }

void LuaState::Close(const Napi::CallbackInfo& info) {
  if (busy_) throw Napi::Error::New(info.Env(), "the Lua state is busy");
  Dispose();
}

// ---- Functions of the host

// The values stay in members, so that no frame which an error of Lua jumps over owns anything.
int LuaState::CallHost(lua_State* L) {
  LuaState* self = Of(L);
  luaL_checkstack(L, kValueSlots, "arguments");
  const bool good = self->InvokeHost(L, static_cast<int>(lua_tointeger(L, lua_upvalueindex(1))));
  if (self->control_->Interrupted()) return Unwind(L);
  if (!good) {
    lua_pushlstring(L, self->hostError_.data(), self->hostError_.size());
    return lua_error(L);
  }
  PushValue(L, self->hostResult_);
  return 1;
}

bool LuaState::InvokeHost(lua_State* L, int index) noexcept {
  const int count = lua_gettop(L);
  try {
    hostError_.clear();
    hostResult_ = LuaValue();
    if (callEnv_ == nullptr) {  // a finalizer, while the state is closed
      hostError_ = "the Lua state is closing";
      return false;
    }
    Napi::HandleScope scope(*callEnv_);
    std::vector<napi_value> arguments;
    for (int position = 1; position <= count; ++position) arguments.push_back(ValueToJs(*callEnv_, L, position));
    hostResult_ = ValueFromJs(callbacks_[static_cast<size_t>(index)].Call(arguments));
    return true;
  } catch (const Napi::Error& error) {
    hostError_ = error.Message();
  } catch (const std::exception& error) {
    hostError_ = error.what();
  }
  lua_settop(L, count);
  return false;
}

}  // namespace bricks

namespace {

// interrupt(id, call): from any thread.
void Interrupt(const Napi::CallbackInfo& info) {
  const double call = info[1].As<Napi::Number>().DoubleValue();
  if (auto control = bricks::Control::Find(info[0].As<Napi::Number>().Int32Value())) {
    control->Interrupt(call >= 9e15 ? bricks::Control::kEveryCall : static_cast<int64_t>(call));
  }
}

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("LuaState", bricks::LuaState::Define(env));
  exports.Set("interrupt", Napi::Function::New(env, Interrupt, "interrupt"));
  exports.Set("version", LUA_RELEASE);
  return exports;
}

}  // namespace

NODE_API_MODULE(bricks_lua, Initialize)
