#include "pipe_socket.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace bricks {

namespace {

constexpr int kReplySeconds = 2;
constexpr auto kLockPause = std::chrono::milliseconds(1);
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// By the directory's descriptor, where the system can: it is the one that was looked at, and a socket's path has
// room for some 100 bytes only.
bool FillAddress(const std::string& directory, [[maybe_unused]] int directoryDescriptor, const std::string& name, sockaddr_un* address) {
  std::memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  std::string path = directory + "/" + name;
#ifdef __linux__
  const std::string opened = "/proc/self/fd/" + std::to_string(directoryDescriptor);
  // In a jail there may be no /proc.
  if (access(opened.c_str(), F_OK) == 0) path = opened + "/" + name;
#endif
  if (path.size() >= sizeof address->sun_path) {
    errno = ENAMETOOLONG;
    return false;
  }
  std::memcpy(address->sun_path, path.c_str(), path.size() + 1);
  return true;
}

int NewSocket() {
  const int descriptor = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  if (descriptor >= 0) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return descriptor;
}

int CloseWithErrno(int descriptor) {
  const int failure = errno;
  close(descriptor);
  errno = failure;
  return -1;
}

}  // namespace

namespace {

bool IsOfOwner(const struct stat& status, PipeOwner owner) {
  return status.st_uid == geteuid() || (owner != PipeOwner::kOurs && status.st_uid == 0) || owner == PipeOwner::kAnyone;
}

// Whether nobody but the directory's owner, or root, can rename what lies in it.
bool IsSafe(const struct stat& status, PipeOwner owner) {
  return (status.st_uid == 0 || IsOfOwner(status, owner)) && ((status.st_mode & 022) == 0 || (status.st_uid == 0 && (status.st_mode & S_ISVTX) != 0));
}

bool IsEmpty(int directory) {
  DIR* const listing = fdopendir(openat(directory, ".", kOpenDirectory));
  if (listing == nullptr) return false;
  bool empty = true;
  while (const dirent* entry = readdir(listing)) empty = empty && entry->d_name[0] == '.';
  closedir(listing);
  return empty;
}

// Lets a group into a directory of ours: to see what is there, no more. Where another group has pipes already it stays that one's.
bool LetGroupIn(int directory, const struct stat& status, uint32_t group) {
  if (status.st_gid == group && (status.st_mode & 0777) == 0750) return true;
  if ((status.st_mode & 1) != 0) return true;  // its owner lets everybody through
  if ((status.st_mode & 070) != 0 && status.st_gid != group && !IsEmpty(directory)) {
    errno = EEXIST;
    return false;
  }
  // First the group, so that none that it had before is let in.
  return fchmod(directory, 0700) == 0 && fchown(directory, static_cast<uid_t>(-1), group) == 0 && fchmod(directory, 0750) == 0;
}

}  // namespace

int OpenPipeDirectory(const std::string& directory, bool create, uint32_t group, PipeOwner owner) {
  const size_t last = directory.rfind('/');
  if (last == std::string::npos || last + 1 == directory.size()) {
    errno = EINVAL;
    return -1;
  }
  const std::string above = last == 0 ? "/" : directory.substr(0, last);
  const std::string own = directory.substr(last + 1);
  if (create) {
    for (size_t slash = above.find('/', 1);; slash = above.find('/', slash + 1)) {
      const std::string part = above.substr(0, slash);
      if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) return -1;
      if (slash == std::string::npos) break;
    }
  }
  const int parent = open(above.c_str(), kOpenDirectory);
  if (parent < 0) return -1;
  struct stat status;
  // Who may rename what lies in it could put a directory of its own there, between two looks at it.
  if (fstat(parent, &status) != 0 || !IsSafe(status, owner)) {
    errno = EPERM;
    return CloseWithErrno(parent);
  }
  const bool shared = create && group != kNoGroup;
  // One that all may write to, as /tmp, is nobody's to give away.
  if (shared && status.st_uid == geteuid() && (status.st_mode & S_ISVTX) == 0 && !LetGroupIn(parent, status, group)) return CloseWithErrno(parent);
  if (create && mkdirat(parent, own.c_str(), 0700) != 0 && errno != EEXIST) return CloseWithErrno(parent);
  const int descriptor = openat(parent, own.c_str(), kOpenDirectory);
  CloseWithErrno(parent);
  if (descriptor < 0) return -1;
  // Where someone else may write, anyone could answer for a pipe.
  if (fstat(descriptor, &status) != 0 || !IsOfOwner(status, owner) || (status.st_mode & 022) != 0) {
    errno = EPERM;
    return CloseWithErrno(descriptor);
  }
  if (shared && !LetGroupIn(descriptor, status, group)) return CloseWithErrno(descriptor);
  return descriptor;
}

DirectoryLock::DirectoryLock(int directory, std::chrono::milliseconds patience) : directory_(directory) {
  const auto limit = std::chrono::steady_clock::now() + patience;
  while (!(held_ = flock(directory_, LOCK_EX | LOCK_NB) == 0) && std::chrono::steady_clock::now() < limit) {
    std::this_thread::sleep_for(kLockPause);
  }
}
DirectoryLock::~DirectoryLock() {
  if (held_) flock(directory_, LOCK_UN);
}

int ListenAt(const std::string& directory, int directoryDescriptor, const std::string& name, int backlog, uint32_t group) {
  sockaddr_un address;
  if (!FillAddress(directory, directoryDescriptor, name, &address)) return -1;
  const int listener = NewSocket();
  if (listener < 0) return -1;
  unlinkat(directoryDescriptor, name.c_str(), 0);
  fchmod(listener, 0600);
  fcntl(listener, F_SETFL, O_NONBLOCK);
  const bool bound = bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  // Whoever may write to it may connect. Nobody can before it listens.
  const bool open = bound && (group == kNoGroup || (fchownat(directoryDescriptor, name.c_str(), static_cast<uid_t>(-1), group, AT_SYMLINK_NOFOLLOW) == 0 &&
                                                    fchmodat(directoryDescriptor, name.c_str(), 0660, 0) == 0));
  if (!open || listen(listener, backlog) != 0) {
    return CloseWithErrno(listener);
  }
  return listener;
}

int ConnectTo(const std::string& directory, int directoryDescriptor, const std::string& name) {
  sockaddr_un address;
  if (!FillAddress(directory, directoryDescriptor, name, &address)) return -1;
  const int connection = NewSocket();
  if (connection < 0) return -1;
  const timeval limit = {kReplySeconds, 0};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  while (connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EINTR) return CloseWithErrno(connection);
  }
  return connection;
}

int ConnectAtOnce(const std::string& directory, int directoryDescriptor, const std::string& name) {
  sockaddr_un address;
  if (!FillAddress(directory, directoryDescriptor, name, &address)) return -1;
  const int connection = NewSocket();
  if (connection < 0) return -1;
  fcntl(connection, F_SETFL, O_NONBLOCK);
  return connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? connection : CloseWithErrno(connection);
}

std::string WaitingName(const std::string& name, uint32_t direction) { return name + ".w" + std::to_string(direction); }

bool NobodyAt(const std::string& directory, int directoryDescriptor, const std::string& name) {
  const int connection = ConnectAtOnce(directory, directoryDescriptor, name);
  if (connection < 0) return errno == ENOENT || errno == ECONNREFUSED;
  close(connection);
  return false;
}

bool SendReply(int socket, const PipeReply& reply, const int* descriptors, int count) {
  iovec part = {const_cast<PipeReply*>(&reply), sizeof reply};
  alignas(cmsghdr) char control[CMSG_SPACE(kPipeDescriptors * sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(static_cast<size_t>(count) * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(static_cast<size_t>(count) * sizeof(int));
    std::memcpy(CMSG_DATA(header), descriptors, static_cast<size_t>(count) * sizeof(int));
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(sizeof reply);
}

bool ReceiveReply(int socket, PipeReply* reply, int descriptors[kPipeDescriptors]) {
  for (int k = 0; k < kPipeDescriptors; k++) descriptors[k] = -1;
  iovec part = {reply, sizeof *reply};
  alignas(cmsghdr) char control[CMSG_SPACE(kPipeDescriptors * sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got;
#ifdef MSG_CMSG_CLOEXEC
  const int flags = MSG_CMSG_CLOEXEC;
#else
  const int flags = 0;
#endif
  while ((got = recvmsg(socket, &message, flags)) < 0 && errno == EINTR) {
  }
  if (got == 0) errno = ECONNRESET;
  if (got <= 0) return false;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::memcpy(descriptors, CMSG_DATA(header), (count < kPipeDescriptors ? count : kPipeDescriptors) * sizeof(int));
  }
  return got == static_cast<ssize_t>(sizeof *reply) && reply->magic == kPipeMagic;
}

}  // namespace bricks
