#ifdef __linux__
#include "platform.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

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

bool PeerIsUser(int socket, uint32_t user) {
  struct ucred credentials;
  socklen_t size = sizeof credentials;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 && credentials.uid == user;
}

bool PeerInGroup(int socket, uint32_t group) {
  struct ucred credentials;
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 && credentials.gid == group) return true;
  // As many as a process can be in.
  std::vector<gid_t> groups(65536);
  size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) return false;
  groups.resize(size / sizeof(gid_t));
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

int LockHolder(int descriptor) {
  struct stat status;
  if (fstat(descriptor, &status) != 0) return 0;
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    int process;
    unsigned major, minor;
    unsigned long long inode;
    const bool read = std::sscanf(line.c_str(), "%*d: FLOCK %*s %*s %d %x:%x:%llu", &process, &major, &minor, &inode) == 4;
    if (read && inode == status.st_ino && makedev(major, minor) == status.st_dev && process > 0) return process;
  }
  return 0;
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
  // The shortest slice that the kernel gives: a thread that wakes with a shorter one than the running thread's goes first.
  attributes.runtime = 100'000;
  return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0 ? 0 : errno;
}

namespace {

// The kernel makes no IPv6 address for it, by a message to the kernel. True also where that knows nothing of IPv6.
bool NoIpv6Address(const char* name) {
  struct {
    nlmsghdr header;
    ifinfomsg link;
    rtattr families;
    rtattr ipv6;
    rtattr mode;
    uint32_t none;
  } message = {};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = RTM_NEWLINK;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  message.link.ifi_family = AF_UNSPEC;
  message.link.ifi_index = static_cast<int>(if_nametoindex(name));
  message.mode = {RTA_LENGTH(1), IFLA_INET6_ADDR_GEN_MODE};
  message.none = IN6_ADDR_GEN_MODE_NONE;
  message.ipv6 = {RTA_LENGTH(sizeof message.mode + sizeof message.none), AF_INET6};
  message.families = {static_cast<unsigned short>(RTA_LENGTH(0) + message.ipv6.rta_len), IFLA_AF_SPEC};
  const int kernel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (kernel < 0) return false;
  struct {
    nlmsghdr header;
    nlmsgerr error;
  } answer = {};
  const bool answered = send(kernel, &message, sizeof message, 0) == static_cast<ssize_t>(sizeof message) &&
                        recv(kernel, &answer, sizeof answer, 0) >= static_cast<ssize_t>(sizeof answer) && answer.header.nlmsg_type == NLMSG_ERROR;
  const int failure = answered ? -answer.error.error : errno;
  close(kernel);
  errno = failure;
  return answered && (failure == 0 || failure == EAFNOSUPPORT);
}

// An interface that comes up gives itself an IPv6 address, and asks for routers and neighbours. With IPv6 switched off it does nothing of
// that. Where /proc can only be read, as in containers, it gets no address by itself, and so has none to ask from; and a forwarder's groups
// are left, which it has joined already, by an MTU too small for IPv6: it joins no others while the interface knows of no multicast.
bool SilenceIpv6(int control, ifreq request) {
  const std::string path = std::string("/proc/sys/net/ipv6/conf/") + request.ifr_name + "/disable_ipv6";
  const int setting = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (setting < 0 && errno == ENOENT) return true;  // this kernel has no IPv6
  const bool done = setting >= 0 && write(setting, "1", 1) == 1;
  if (setting >= 0) close(setting);
  if (done) return true;
  if (ioctl(control, SIOCGIFMTU, &request) != 0) return false;
  struct ifreq small = request;
  small.ifr_mtu = 1279;
  return ioctl(control, SIOCSIFMTU, &small) == 0 && ioctl(control, SIOCSIFMTU, &request) == 0 && NoIpv6Address(request.ifr_name);
}

}  // namespace

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
    // Without ARP it answers no question for this machine's addresses; without multicast no daemon takes it for a network to announce itself in.
    request.ifr_flags = static_cast<short>((request.ifr_flags & ~IFF_MULTICAST) | IFF_NOARP);
    done = ioctl(control, SIOCSIFFLAGS, &request) == 0 && SilenceIpv6(control, request);
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    done = done && ioctl(control, SIOCSIFFLAGS, &request) == 0;
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
