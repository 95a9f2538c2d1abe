// FreeBSD, macOS and whatever else has POSIX.
#if !defined(__linux__)
#include "platform.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __FreeBSD__
#include <pthread_np.h>
#include <sys/cpuset.h>
#include <sys/param.h>
#endif

#include <cerrno>
#include <string>

namespace bricks {

bool CreateEvent(Event* event) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  for (int end : ends) {
    fcntl(end, F_SETFD, FD_CLOEXEC);
    fcntl(end, F_SETFL, O_NONBLOCK);
  }
  event->readable = ends[0];
  event->writable = ends[1];
  return true;
}

void CloseEvent(Event* event) {
  if (event->readable >= 0) close(event->readable);
  if (event->writable >= 0) close(event->writable);
  event->readable = event->writable = -1;
}

void SignalEvent(int writable) {
  const char one = 1;
  if (write(writable, &one, 1) < 0) return;
}

void DrainEvent(int readable) {
  char bytes[64];
  while (read(readable, bytes, sizeof bytes) == static_cast<ssize_t>(sizeof bytes)) {
  }
}

int CreateSharedMemory(const char*, size_t bytes) {
  static unsigned count = 0;
  const std::string name = "/bricks-" + std::to_string(getpid()) + "-" + std::to_string(__sync_add_and_fetch(&count, 1));
  const int descriptor = shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  if (descriptor < 0) return -1;
  shm_unlink(name.c_str());
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  if (ftruncate(descriptor, static_cast<off_t>(bytes)) == 0) return descriptor;
  const int failure = errno;
  close(descriptor);
  errno = failure;
  return -1;
}

bool IsSharedMemory(int descriptor, size_t bytes) {
  struct stat status;
  return fstat(descriptor, &status) == 0 && static_cast<uint64_t>(status.st_size) >= bytes;
}

std::string NetworkNamespace() { return "host"; }

int PeerProcess(int, int claimed) { return claimed; }

bool PeerTrusted(int socket) {
  uid_t user;
  gid_t group;
  return getpeereid(socket, &user, &group) == 0 && (user == geteuid() || user == 0);
}

bool PeerIsUser(int socket, uint32_t user) {
  uid_t known;
  gid_t group;
  return getpeereid(socket, &known, &group) == 0 && known == user;
}

bool PeerInGroup(int socket, uint32_t wanted) {
  uid_t user;
  gid_t group;
  return getpeereid(socket, &user, &group) == 0 && group == wanted;
}

int LockHolder(int) { return 0; }

int SetThreadAffinity(int cpu) {
#ifdef __FreeBSD__
  if (cpu < 0 || cpu >= CPU_SETSIZE) return EINVAL;
  cpuset_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return cpuset_setaffinity(CPU_LEVEL_WHICH, CPU_WHICH_TID, -1, sizeof set, &set) == 0 ? 0 : errno;
#else
  (void)cpu;
  return ENOTSUP;
#endif
}

int SetThreadName(const char* name) {
#ifdef __FreeBSD__
  pthread_set_name_np(pthread_self(), name);
#else
  (void)name;
#endif
  return 0;
}

int SetThreadPrompt() { return ENOTSUP; }

int OpenTap(const char*) {
  errno = ENOTSUP;
  return -1;
}

}  // namespace bricks
#endif
