#ifdef __linux__
#include "platform.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace bricks {

bool CreateEvent(Event* event) {
  event->readable = event->writable = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return event->readable >= 0;
}

void CloseEvent(Event* event) {
  if (event->readable >= 0) close(event->readable);
  if (event->writable >= 0 && event->writable != event->readable) close(event->writable);
  event->readable = event->writable = -1;
}

void SignalEvent(int writable) {
  const uint64_t one = 1;
  // Fails only when it is signalled already.
  if (write(writable, &one, sizeof one) < 0) return;
}

void DrainEvent(int readable) {
  uint64_t value;
  if (read(readable, &value, sizeof value) < 0) return;
}

int CreateSharedMemory(const char* name, size_t bytes) {
  const int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) return -1;
  // Taken at once: a machine out of memory is an error now, and no SIGBUS later.
  int failure = posix_fallocate(descriptor, 0, static_cast<off_t>(bytes));
  if (failure == 0 && fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) failure = errno;
  if (failure == 0) return descriptor;
  close(descriptor);
  errno = failure;
  return -1;
}

bool IsSharedMemory(int descriptor, size_t bytes) {
  struct stat status;
  const int seals = fcntl(descriptor, F_GET_SEALS);
  return seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && fstat(descriptor, &status) == 0 &&
         static_cast<uint64_t>(status.st_size) >= bytes;
}

std::string NetworkNamespace() {
  struct stat status;
  return stat("/proc/self/ns/net", &status) == 0 ? std::to_string(status.st_ino) : "host";
}

int PeerProcess(int socket, int claimed) {
  struct ucred credentials;
  socklen_t size = sizeof credentials;
  const bool known = getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 && credentials.pid > 0;
  return known ? credentials.pid : claimed;
}

bool PeerTrusted(int socket) {
  struct ucred credentials;
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return false;
  return credentials.uid == geteuid() || credentials.uid == 0;
}

int SetThreadAffinity(int cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) return EINVAL;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : errno;
}

int SetThreadName(const char* name) { return prctl(PR_SET_NAME, name) == 0 ? 0 : errno; }

int SetThreadPrompt() {
  // The kernel's own structure: C libraries have it only lately.
  struct {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime;
    uint64_t deadline;
    uint64_t period;
  } attributes = {};
  static_assert(sizeof attributes == 48, "the first version of sched_attr");
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return errno;
  if (attributes.policy != SCHED_OTHER) return 0;
  // The shortest slice that the kernel gives: whoever wakes with a shorter one than the running thread's goes first.
  attributes.runtime = 100'000;
  return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0 ? 0 : errno;
}

int OpenTap(const char* name) {
  if (std::strlen(name) >= IFNAMSIZ) {
    errno = ENAMETOOLONG;
    return -1;
  }
  const int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  if (tap < 0) return -1;
  struct ifreq request = {};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  bool done = ioctl(tap, TUNSETIFF, &request) == 0;
  const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  done = done && control >= 0 && ioctl(control, SIOCGIFFLAGS, &request) == 0;
  if (done) {
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    done = ioctl(control, SIOCSIFFLAGS, &request) == 0;
  }
  const int failure = errno;
  if (control >= 0) close(control);
  if (done) return tap;
  close(tap);
  errno = failure;
  return -1;
}

}  // namespace bricks
#endif
