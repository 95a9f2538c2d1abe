#include "output.h"

#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace bricks {

bool WriteFully(int descriptor, const char* bytes, size_t length) {
  while (length > 0) {
    const ssize_t written = write(descriptor, bytes, length);
    if (written >= 0) {
      bytes += written;
      length -= static_cast<size_t>(written);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      struct pollfd ready {descriptor, POLLOUT, 0};
      if (poll(&ready, 1, 1000) < 0) return false;
    } else {
      // EINTR too: only an interrupt of the script ends a system call, and a reader that never reads must not hold it.
      return false;
    }
  }
  return true;
}

namespace {
ssize_t WriteCookie(void* cookie, const char* bytes, size_t length) {
  const int descriptor = static_cast<int>(reinterpret_cast<intptr_t>(cookie));
  return WriteFully(descriptor, bytes, length) ? static_cast<ssize_t>(length) : 0;
}
}  // namespace

FILE* OpenOutput(int descriptor) {
  cookie_io_functions_t functions{};
  functions.write = WriteCookie;
  FILE* stream = fopencookie(reinterpret_cast<void*>(static_cast<intptr_t>(descriptor)), "w", functions);
  if (stream != nullptr) setvbuf(stream, nullptr, _IONBF, 0);
  return stream;
}

}  // namespace bricks
