// os.execute and io.popen of Lua 5.1. Their children stay in the terminal's foreground group, so Ctrl-C
// reaches them; an interrupt from elsewhere ends the child that the script is waiting for.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lua_state.h"

extern char** environ;

namespace bricks {
namespace {

// Starts `sh -c command` with the streams of the state. `from` becomes its descriptor `to`, unless it is -1. Returns 0 or an error number.
int SpawnShell(const LuaState& state, const char* command, int from, int to, pid_t* child) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  // Node marks its standard streams as not to be inherited: to duplicate each onto itself takes that away.
  for (const int stream : {STDIN_FILENO, STDERR_FILENO, STDOUT_FILENO}) posix_spawn_file_actions_adddup2(&actions, state.descriptor(stream), stream);
  if (from >= 0) posix_spawn_file_actions_adddup2(&actions, from, to);
  // Node ignores SIGPIPE, which children would inherit.
  sigset_t none;
  sigset_t defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (int signal : {SIGPIPE, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGURG}) sigaddset(&defaults, signal);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  char shell[] = "sh";
  char option[] = "-c";
  char* arguments[] = {shell, option, const_cast<char*>(command), nullptr};
  const int error = posix_spawn(child, "/bin/sh", &actions, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

int PushErrno(lua_State* L, const char* what, int error) {
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", what, strerror(error));
  lua_pushinteger(L, error);
  return 3;
}

FILE** NewFile(lua_State* L, lua_CFunction close) {
  FILE** file = static_cast<FILE**>(lua_newuserdata(L, sizeof(FILE*)));
  *file = nullptr;
  luaL_getmetatable(L, LUA_FILEHANDLE);
  lua_setmetatable(L, -2);
  // The library calls the function __close of the handle's environment.
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, close);
  lua_setfield(L, -2, "__close");
  lua_setfenv(L, -2);
  return file;
}

int ClosePipe(lua_State* L) {
  FILE** file = static_cast<FILE**>(luaL_checkudata(L, 1, LUA_FILEHANDLE));
  lua_getfenv(L, 1);
  lua_getfield(L, -1, "pid");
  const pid_t child = static_cast<pid_t>(lua_tointeger(L, -1));
  fclose(*file);
  *file = nullptr;
  const int status = LuaState::Of(L)->control().WaitForChild(child);
  if (LuaState::Of(L)->control().Interrupted()) return LuaState::Unwind(L);
  if (status < 0) return PushErrno(L, "close", errno);
  lua_pushboolean(L, 1);
  return 1;
}

int KeepOpen(lua_State* L) {
  lua_pushnil(L);
  lua_pushliteral(L, "cannot close standard file");
  return 2;
}

}  // namespace

int OsExecute(lua_State* L) {
  const char* command = luaL_optstring(L, 1, nullptr);
  if (command == nullptr) {
    lua_pushinteger(L, access("/bin/sh", X_OK) == 0 ? 1 : 0);
    return 1;
  }
  LuaState* state = LuaState::Of(L);
  pid_t child = 0;
  const int error = SpawnShell(*state, command, -1, -1, &child);
  lua_pushinteger(L, error != 0 ? -1 : state->control().WaitForChild(child));
  if (state->control().Interrupted()) return LuaState::Unwind(L);
  return 1;
}

int IoPopen(lua_State* L) {
  const char* command = luaL_checkstring(L, 1);
  const char* mode = luaL_optstring(L, 2, "r");
  const bool reads = mode[0] == 'r';
  luaL_argcheck(L, (reads || mode[0] == 'w') && mode[1] == '\0', 2, "must be \"r\" or \"w\"");
  FILE** file = NewFile(L, ClosePipe);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return PushErrno(L, command, errno);
  const int ours = reads ? ends[0] : ends[1];
  const int theirs = reads ? ends[1] : ends[0];
  FILE* stream = fdopen(ours, mode);
  if (stream == nullptr) {
    const int error = errno;
    close(ends[0]);
    close(ends[1]);
    return PushErrno(L, command, error);
  }
  pid_t child = 0;
  const int error = SpawnShell(*LuaState::Of(L), command, theirs, reads ? STDOUT_FILENO : STDIN_FILENO, &child);
  close(theirs);
  if (error != 0) {
    fclose(stream);
    return PushErrno(L, command, error);
  }
  *file = stream;
  lua_getfenv(L, -1);
  lua_pushinteger(L, child);
  lua_setfield(L, -2, "pid");
  lua_pop(L, 1);
  return 1;
}

void PushStandardFile(lua_State* L, FILE* stream) {
  FILE** file = NewFile(L, KeepOpen);
  *file = stream;
}

}  // namespace bricks
