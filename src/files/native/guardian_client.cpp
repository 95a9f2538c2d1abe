#include "guardian_client.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "guardian_protocol.h"

extern char** environ;

namespace bricks {

namespace {

GuardianHandle Failed(const char* what, int number, GuardianHandle handle) {
  handle.error = std::string(what) + ": " + std::strerror(number);
  if (handle.socket >= 0) close(handle.socket);
  if (handle.memory >= 0) close(handle.memory);
  handle.socket = handle.memory = -1;
  return handle;
}

// Everything is closed on exec in the child; dup2 makes the two that it is to have. They are first
// moved out of the way, since dup2 of a descriptor to itself would leave it closed on exec.
int Spawn(const std::string& program, const std::string& slots, int socket, int memory, pid_t* child) {
  const int farSocket = fcntl(socket, F_DUPFD_CLOEXEC, 64);
  const int farMemory = fcntl(memory, F_DUPFD_CLOEXEC, 64);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, farSocket, kGuardianSocket);
  posix_spawn_file_actions_adddup2(&actions, farMemory, kGuardianMemory);
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
  posix_spawn_file_actions_addclosefrom_np(&actions, kGuardianMemory + 1);
#endif
  char* arguments[] = {const_cast<char*>(program.c_str()), const_cast<char*>(slots.c_str()), nullptr};
  const int result = posix_spawn(child, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(farSocket);
  close(farMemory);
  return result;
}

}  // namespace

GuardianHandle StartGuardian(const std::string& program, uint32_t slots) {
  GuardianHandle handle;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return Failed("socketpair", errno, handle);
  handle.socket = pair[0];
  handle.memory = memfd_create("bricks-guardian", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (handle.memory < 0 || ftruncate(handle.memory, static_cast<off_t>(slots * sizeof(double))) != 0 ||
      fcntl(handle.memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
    const int number = errno;
    close(pair[1]);
    return Failed("memfd", number, handle);
  }
  pid_t child = 0;
  const int result = Spawn(program, std::to_string(slots), pair[1], handle.memory, &child);
  close(pair[1]);
  if (result != 0) return Failed("cannot start the guardian", result, handle);
  // It leaves its work to a child of its own and ends at once.
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return handle;
}

bool TellGuardian(int socket, uint32_t verb, uint32_t slot, const std::string& path, const uint8_t* header, uint32_t headerBytes,
                  int descriptor) {
  GuardianMessage message;
  std::memset(&message, 0, sizeof message);
  if (headerBytes > sizeof message.header || path.size() > sizeof message.path) return false;
  message.verb = verb;
  message.slot = slot;
  message.headerBytes = headerBytes;
  message.pathBytes = static_cast<uint32_t>(path.size());
  if (headerBytes > 0) std::memcpy(message.header, header, headerBytes);
  std::memcpy(message.path, path.data(), path.size());
  iovec part = {&message, sizeof message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  std::memset(control, 0, sizeof control);
  msghdr envelope = {};
  envelope.msg_iov = &part;
  envelope.msg_iovlen = 1;
  if (descriptor >= 0) {
    envelope.msg_control = control;
    envelope.msg_controllen = sizeof control;
    cmsghdr* item = CMSG_FIRSTHDR(&envelope);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(item), &descriptor, sizeof(int));
  }
  ssize_t sent;
  do sent = sendmsg(socket, &envelope, MSG_NOSIGNAL); while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(sizeof message);
}

}  // namespace bricks
