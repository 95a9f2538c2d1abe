// bricks-guardian: keeps capture files whole when their writer is killed.
//
// SIGKILL may end a write() after any page, so that a file ends within a record. This program holds
// the writer's files open and knows, by shared memory, how far each is known to be good. When the
// writer's end of the socket closes without a farewell, it cuts the files there, and goes.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "guardian_protocol.h"

namespace {

struct Guarded {
  bool active = false;
  int descriptor = -1;
  std::string header;
  std::string path;
};

void WriteHeader(int descriptor, const std::string& header) {
  if (pwrite(descriptor, header.data(), header.size(), 0) < 0) return;
}

void Mend(const Guarded& file, double committed) {
  int descriptor = file.descriptor;
  // The writer died between creating the file and handing it over: an empty file gets its header.
  const bool announced = descriptor < 0;
  if (announced) descriptor = open(file.path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  struct stat status;
  if (descriptor < 0 || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return;
  // Below zero: not emptied yet, so what it holds is an older file.
  if (announced || committed < 0) {
    if (status.st_size == 0) WriteHeader(descriptor, file.header);
    return;
  }
  const off_t good = static_cast<off_t>(committed);
  if (good < static_cast<off_t>(file.header.size())) {
    // Emptied, and perhaps without its header.
    if (ftruncate(descriptor, 0) == 0) WriteHeader(descriptor, file.header);
  } else if (status.st_size > good) {
    if (ftruncate(descriptor, good) != 0) return;
  }
}

void Detach() {
  // The writer must not have to wait for this process, nor take it along when its group is killed.
  if (fork() > 0) _exit(0);
  setsid();
  // Node hands on no standard streams; without them a capture file would get such a number.
  const int nothing = open("/dev/null", O_RDWR);
  for (int stream = 0; stream < 3; stream++) {
    if (nothing >= 0 && nothing != stream) dup2(nothing, stream);
  }
  for (int signalNumber : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) signal(signalNumber, SIG_IGN);
  if (chdir("/") != 0) return;
}

bool Receive(bricks::GuardianMessage* message, int* descriptor) {
  iovec part = {message, sizeof *message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t length;
  do length = recvmsg(bricks::kGuardianSocket, &header, MSG_CMSG_CLOEXEC); while (length < 0 && errno == EINTR);
  if (length < static_cast<ssize_t>(offsetof(bricks::GuardianMessage, header))) return false;
  *descriptor = -1;
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS) std::memcpy(descriptor, CMSG_DATA(item), sizeof(int));
  }
  return true;
}

}  // namespace

int main(int argumentCount, char** arguments) {
  const uint32_t slots = argumentCount > 1 ? static_cast<uint32_t>(std::strtoul(arguments[1], nullptr, 10)) : 0;
  if (slots == 0) {
    std::fprintf(stderr, "bricks-guardian is started by Packet Bricks itself; it repairs capture files if their writer is killed.\n");
    return 2;
  }
  Detach();
  void* memory = mmap(nullptr, slots * sizeof(double), PROT_READ, MAP_SHARED, bricks::kGuardianMemory, 0);
  if (memory == MAP_FAILED) return 1;
  const volatile double* committed = static_cast<const volatile double*>(memory);
  std::vector<Guarded> files(slots);
  static bricks::GuardianMessage message;
  int descriptor;
  while (Receive(&message, &descriptor)) {
    if (message.slot >= slots) continue;
    Guarded& file = files[message.slot];
    if (message.verb == bricks::kWatch) {
      file.descriptor = descriptor;
      continue;
    }
    if (file.descriptor >= 0) close(file.descriptor);
    file = Guarded();
    if (message.verb == bricks::kAnnounce && message.headerBytes <= sizeof message.header && message.pathBytes <= sizeof message.path) {
      file.active = true;
      file.header.assign(reinterpret_cast<const char*>(message.header), message.headerBytes);
      file.path.assign(message.path, message.pathBytes);
    }
  }
  for (uint32_t slot = 0; slot < slots; slot++) {
    if (files[slot].active) Mend(files[slot], committed[slot]);
  }
  return 0;
}
