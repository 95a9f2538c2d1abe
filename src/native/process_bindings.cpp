// What a daemon asks of the system and Node does not offer (src/native/process.ts gives it types).
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#ifdef __linux__
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "arguments.h"
#include "bindings.h"
#include "system_values.h"

namespace bricks {

namespace {

struct flock WholeFile() {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

// The process that holds a lock on the file, 0 for none; -1 where the system does not tell.
int Holder(Napi::Env env, int descriptor) {
  struct flock lock = WholeFile();
  if (fcntl(descriptor, F_GETLK, &lock) != 0) throw SystemError(env, "the holder of a lock is not known", errno);
  if (lock.l_type == F_UNLCK) return 0;
  return lock.l_pid > 0 ? static_cast<int>(lock.l_pid) : -1;
}

// (descriptor): 0 if the file is now locked by this process, which its children do not inherit; otherwise the process that has locked it.
Napi::Value LockFile(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const int descriptor = DescriptorArgument(info[0]);
  for (;;) {
    struct flock lock = WholeFile();
    if (fcntl(descriptor, F_SETLK, &lock) == 0) return Napi::Number::New(env, 0);
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EACCES) throw SystemError(env, "the file cannot be locked", errno);
    const int holder = Holder(env, descriptor);
    if (holder != 0) return Napi::Number::New(env, holder);
  }
}

Napi::Value LockHolder(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), Holder(info.Env(), DescriptorArgument(info[0]))); }

// (from, to): `to` becomes another number for `from`; programs that are started inherit it.
void DuplicateDescriptor(const Napi::CallbackInfo& info) {
  if (dup2(DescriptorArgument(info[0]), DescriptorArgument(info[1])) < 0) throw SystemError(info.Env(), "the descriptor cannot be duplicated", errno);
}

// The ends of a pipe, which programs that are started do not inherit: [readable, writable].
Napi::Value ChannelCreate(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int ends[2];
#ifdef __APPLE__
  if (pipe(ends) != 0) throw SystemError(env, "no pipe", errno);
  for (const int end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
#else
  // At once: other threads start programs too.
  if (pipe2(ends, O_CLOEXEC) != 0) throw SystemError(env, "no pipe", errno);
#endif
  return DescriptorPair(env, ends[0], ends[1]);
}

// (path, text): a datagram to a Unix socket; a path that begins with @ is an abstract name. 0, or an error number.
Napi::Value SendDatagram(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string path = TextArgument(info[0], "a socket's path");
  const std::string text = TextArgument(info[1], "a message");
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return Napi::Number::New(env, ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  const bool isAbstract = path[0] == '@';
  if (isAbstract) address.sun_path[0] = '\0';
  const socklen_t length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (isAbstract ? 0 : 1));
  const int sender = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (sender < 0) return Napi::Number::New(env, errno);
  fcntl(sender, F_SETFD, FD_CLOEXEC);
  int failure = 0;
  if (sendto(sender, text.data(), text.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address), length) < 0) failure = errno;
  close(sender);
  return Napi::Number::New(env, failure);
}

// (name): { uid, gid, groups, home } of a user, or undefined where there is none of this name or number.
Napi::Value FindUser(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::string name = TextArgument(info[0], "a user's name");
  std::vector<char> room(16384);
  passwd entry = {};
  passwd* found = nullptr;
  int failure;
  while ((failure = getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found)) == ERANGE && room.size() < (1u << 22)) room.resize(room.size() * 2);
  const bool isNumber = !name.empty() && name.size() <= 9 && name.find_first_not_of("0123456789") == std::string::npos;
  if (found == nullptr && isNumber) {
    while ((failure = getpwuid_r(static_cast<uid_t>(std::stoul(name)), &entry, room.data(), room.size(), &found)) == ERANGE && room.size() < (1u << 22)) room.resize(room.size() * 2);
  }
  if (found == nullptr) return env.Undefined();
  std::vector<gid_t> groups(64);
  for (;;) {
    int count = static_cast<int>(groups.size());
#ifdef __APPLE__
    const int status = getgrouplist(found->pw_name, static_cast<int>(found->pw_gid), reinterpret_cast<int*>(groups.data()), &count);
#else
    const int status = getgrouplist(found->pw_name, found->pw_gid, groups.data(), &count);
#endif
    if (status >= 0) {
      groups.resize(static_cast<size_t>(count));
      break;
    }
    if (groups.size() >= 65536) throw SystemError(env, "the user has too many groups", ERANGE);
    groups.resize(groups.size() * 2);
  }
  Napi::Object user = Napi::Object::New(env);
  user.Set("name", Napi::String::New(env, found->pw_name));
  user.Set("uid", Napi::Number::New(env, found->pw_uid));
  user.Set("gid", Napi::Number::New(env, found->pw_gid));
  user.Set("groups", NumberArray(env, groups));
  user.Set("home", Napi::String::New(env, found->pw_dir == nullptr ? "/" : found->pw_dir));
  return user;
}

#ifdef __linux__
// The supplementary groups of the process at the other end, as they were when it connected.
std::vector<gid_t> PeerGroups(int descriptor) {
  std::vector<gid_t> groups(64);
  for (;;) {
    socklen_t bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) == 0) {
      groups.resize(bytes / sizeof(gid_t));
      return groups;
    }
    // It says how much room it wants.
    if (errno != ERANGE || bytes <= groups.size() * sizeof(gid_t)) return {};
    groups.resize(bytes / sizeof(gid_t));
  }
}
#endif

// (descriptor): { uid, groups } of the process at the other end of a Unix socket, or undefined where the system does not tell.
Napi::Value PeerCredentials(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const int descriptor = DescriptorArgument(info[0]);
  uid_t uid = 0;
  std::vector<gid_t> groups;
#ifdef __linux__
  ucred peer = {};
  socklen_t bytes = sizeof peer;
  // Of other kinds of sockets it is nobody.
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0 || bytes != sizeof peer || peer.uid == static_cast<uid_t>(-1)) return env.Undefined();
  uid = peer.uid;
  groups = PeerGroups(descriptor);
  groups.push_back(peer.gid);
#else
  gid_t gid = 0;
  if (getpeereid(descriptor, &uid, &gid) != 0) return env.Undefined();
  groups.push_back(gid);
#endif
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("uid", Napi::Number::New(env, uid));
  answer.Set("groups", NumberArray(env, groups));
  return answer;
}

#ifdef __linux__
// Only the calling thread, and threads that it makes from now on, have them; programs that are started have none.
int KeepCapabilities(uint32_t kept) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  data[0].effective = data[0].permitted = kept;
  return syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
}
#endif

// Capabilities that a service manager has given stay with this process: programs that it starts from now on have none.
void KeepFromPrograms(const Napi::CallbackInfo&) {
#if defined(__linux__) && defined(PR_CAP_AMBIENT)
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
#endif
}

// (uid, gid, groups, capabilities): becomes that user for good, in all threads, and keeps these capabilities (a mask) in the calling one.
void BecomeUser(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const uid_t uid = WholeNumber(info[0], "a user");
  const gid_t gid = WholeNumber(info[1], "a group");
  if (!info[2].IsArray()) throw Napi::TypeError::New(env, "an array of groups is wanted");
  const Napi::Array given = info[2].As<Napi::Array>();
  std::vector<gid_t> groups;
  for (uint32_t k = 0; k < given.Length(); k++) groups.push_back(WholeNumber(given.Get(k), "a group"));
  const uint32_t kept = WholeNumber(info[3], "capabilities");
#ifdef __linux__
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) throw SystemError(env, "capabilities cannot be kept", errno);
#endif
  if (setgroups(groups.size(), groups.data()) != 0) throw SystemError(env, "setgroups", errno);
  if (setgid(gid) != 0) throw SystemError(env, "setgid", errno);
  if (setuid(uid) != 0) throw SystemError(env, "setuid", errno);
#ifdef __linux__
  prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
  const int failure = KeepCapabilities(kept);
  if (failure != 0) throw SystemError(env, "capset", failure);
#else
  static_cast<void>(kept);
#endif
  // There is no way back, or there must be no way on.
  if (uid != 0 && setuid(0) == 0) throw Napi::Error::New(env, "root could be had again");
}

}  // namespace

void DefineProcess(Napi::Env env, Napi::Object exports) {
  exports.Set("lockFile", Napi::Function::New(env, LockFile));
  exports.Set("lockHolder", Napi::Function::New(env, LockHolder));
  exports.Set("duplicateDescriptor", Napi::Function::New(env, DuplicateDescriptor));
  exports.Set("channelCreate", Napi::Function::New(env, ChannelCreate));
  exports.Set("sendDatagram", Napi::Function::New(env, SendDatagram));
  exports.Set("peerCredentials", Napi::Function::New(env, PeerCredentials));
  exports.Set("findUser", Napi::Function::New(env, FindUser));
  exports.Set("keepFromPrograms", Napi::Function::New(env, KeepFromPrograms));
  exports.Set("becomeUser", Napi::Function::New(env, BecomeUser));
}

}  // namespace bricks
