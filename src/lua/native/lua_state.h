// One Lua 5.1 state, used by one thread.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "control.h"
#include "output.h"
#include "values.h"

namespace bricks {

struct Failure {
  std::string message;
  std::string traceback;
  std::string file;
  int line = 0;
};

class LuaState : public Napi::ObjectWrap<LuaState> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit LuaState(const Napi::CallbackInfo& info);
  ~LuaState() override;

  // The state that a Lua thread (coroutine) belongs to.
  static LuaState* Of(lua_State* L) {
    void* self = nullptr;
    lua_getallocf(L, &self);
    return static_cast<LuaState*>(self);
  }

  static constexpr int kHookInstructions = 1000;
  static constexpr size_t kStreams = 3;

  // Raises the error of an interrupt or of os.exit.
  static int Unwind(lua_State* L);

  Control& control() { return *control_; }
  // Of standard input, output or error.
  int descriptor(int stream) const { return descriptors_[static_cast<size_t>(stream)]; }

 private:
  // JavaScript methods.
  Napi::Value Load(const Napi::CallbackInfo& info);
  Napi::Value Call(const Napi::CallbackInfo& info);
  Napi::Value IsInterrupted(const Napi::CallbackInfo& info);
  Napi::Value GetId(const Napi::CallbackInfo& info);
  Napi::Value GetMemory(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  // Lua functions. They hold nothing that needs a destructor: errors of Lua are jumps.
  static int Prepare(lua_State* L);
  static void PutStream(lua_State* L, FILE* stream, const char* name, const char* user);
  static int RunLoad(lua_State* L);
  static int RunCall(lua_State* L);
  static int OnError(lua_State* L);
  static int CallHost(lua_State* L);
  static int Print(lua_State* L);
  static int Pause(lua_State* L);
  static int SleepFor(lua_State* L);
  static int Skipped(lua_State* L);
  static int Exit(lua_State* L);
  static void OnHook(lua_State* L, lua_Debug* activation);

  // These hold C++ objects and raise no Lua error.
  bool InvokeHost(lua_State* L, int index) noexcept;
  void ReadResult(lua_State* L) noexcept;
  void RecordFailure(lua_State* L, const char* message, size_t length) noexcept;
  Napi::Value Outcome(Napi::Env env) noexcept;
  Napi::Value OutcomeObject(Napi::Env env);
  void Enter(lua_CFunction function, int64_t call);
  void Wait(double seconds);
  bool OpenStreams();
  void Dispose();

  static void* Allocate(void* self, void* block, size_t before, size_t after);

  lua_State* lua_ = nullptr;
  std::shared_ptr<Control> control_;
  std::array<int, kStreams> descriptors_{};
  // Those that this state has opened.
  std::array<FILE*, kStreams> streams_{};
  size_t memory_ = 0;
  size_t memoryLimit_ = 0;
  std::vector<Napi::FunctionReference> callbacks_;
  std::vector<std::string> callbackNames_;

  // Of the call at work.
  Napi::Env* callEnv_ = nullptr;
  std::string callName_;
  std::string chunk_;
  std::vector<LuaValue> arguments_;
  Napi::Value result_;
  LuaValue hostResult_;
  std::string hostError_;
  Failure failure_;
  int status_ = 0;
  bool busy_ = false;
  bool exiting_ = false;
  int exitCode_ = 0;

  // Of the clock: how often it was asked with nothing in between.
  double lastPause_ = 0;
  int pauses_ = 0;

  // Where waits are skipped: how many seconds, at most (0 where they are not), and how many were.
  double skipLimit_ = 0;
  double skipped_ = 0;
};

// The position of the nearest function of the script, without those of the prelude and of C.
bool FindScriptLevel(lua_State* L, int level, lua_Debug* activation);

// os.execute and io.popen, with children that an interrupt ends.
int OsExecute(lua_State* L);
int IoPopen(lua_State* L);
// Leaves a file handle for a C stream on the stack; closing it from Lua does nothing.
void PushStandardFile(lua_State* L, FILE* stream);

}  // namespace bricks
