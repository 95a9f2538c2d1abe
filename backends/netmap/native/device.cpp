#include "device.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>

#ifdef __linux__
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "netmap_abi.h"

namespace bricks::netmap {

namespace {

constexpr int kMostDescriptors = 65536;

constexpr int kMostMillisecondsToEnd = 100;

// The socket to the child, or -1.
std::atomic<int> keeper{-1};
pid_t keeperProcess = 0;
// One question at a time.
std::mutex asking;

int OpenItself() { return open(NETMAP_DEVICE, O_RDWR | O_CLOEXEC); }

// An answer is an error number, with a descriptor if it is 0.
union Ancillary {
  cmsghdr header;
  char room[CMSG_SPACE(sizeof(int))];
};

void CloseAllBut(int kept) {
#if defined(__linux__) && defined(SYS_close_range)
  const unsigned one = static_cast<unsigned>(kept);
  if ((one == 0 || syscall(SYS_close_range, 0u, one - 1, 0u) == 0) && syscall(SYS_close_range, one + 1, ~0u, 0u) == 0) return;
#endif
  for (int descriptor = 0; descriptor < kMostDescriptors; descriptor++) {
    if (descriptor != kept) close(descriptor);
  }
}

// A copy of the process with one thread: only calls that are safe in it from here on. The device is root's own, so its owner needs no capability.
void GiveUpTheRest() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);  // it ends with its parent, not by Ctrl-C
  if (chdir("/") != 0) _exit(1);
#ifdef __linux__
  prctl(PR_SET_NAME, "bricks-netmap", 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) != 0) _exit(1);
#endif
}

[[noreturn]] void Keep(int socket) {
  CloseAllBut(socket);
  GiveUpTheRest();
  for (;;) {
    char question;
    const ssize_t came = recv(socket, &question, 1, 0);
    if (came < 0 && errno == EINTR) continue;
    if (came <= 0) _exit(0);
    const int descriptor = OpenItself();
    int error = descriptor < 0 ? errno : 0;
    iovec part = {&error, sizeof error};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    Ancillary ancillary = {};
    if (descriptor >= 0) {
      message.msg_control = ancillary.room;
      message.msg_controllen = sizeof ancillary.room;
      cmsghdr* const header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof descriptor);
      std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    while (sendmsg(socket, &message, 0) < 0) {
      if (errno != EINTR) _exit(0);
    }
    if (descriptor >= 0) close(descriptor);
  }
}

// A descriptor, or -1 and errno.
int Ask(int socket) {
  const std::lock_guard<std::mutex> lock(asking);
  const char question = 1;
  ssize_t done;
  while ((done = send(socket, &question, 1, MSG_NOSIGNAL)) < 0 && errno == EINTR) {
  }
  if (done != 1) return -1;
  int error = 0;
  iovec part = {&error, sizeof error};
  msghdr message = {};
  Ancillary ancillary = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.room;
  message.msg_controllen = sizeof ancillary.room;
  while ((done = recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
  }
  if (done < 0) return -1;
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (done != static_cast<ssize_t>(sizeof error) || (error == 0 && (header == nullptr || header->cmsg_type != SCM_RIGHTS))) error = EPIPE;
  if (error != 0) {
    errno = error;
    return -1;
  }
  int descriptor;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return descriptor;
}

// At the process's exit: it leaves no child that nobody has waited for.
void Release() {
  close(keeper.exchange(-1));
  for (int wait = 0; wait < kMostMillisecondsToEnd && waitpid(keeperProcess, nullptr, WNOHANG) == 0; wait++) usleep(1000);
}

}  // namespace

int OpenDevice() {
  const int descriptor = OpenItself();
  const int socket = keeper.load(std::memory_order_acquire);
  if (descriptor >= 0 || socket < 0 || (errno != EACCES && errno != EPERM)) return descriptor;
  return Ask(socket);
}

int KeepDevice() {
  const std::lock_guard<std::mutex> lock(asking);
  if (keeper.load(std::memory_order_acquire) >= 0) return 0;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return errno;
  const pid_t child = fork();
  if (child < 0) {
    const int error = errno;
    close(ends[0]);
    close(ends[1]);
    return error;
  }
  if (child == 0) Keep(ends[1]);
  close(ends[1]);
  keeperProcess = child;
  std::atexit(Release);
  keeper.store(ends[0], std::memory_order_release);
  return 0;
}

}  // namespace bricks::netmap
