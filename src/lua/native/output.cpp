#include "output.h"

#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace bricks {

namespace {
bool TakesNothing(int descriptor) {
  struct pollfd ready {descriptor, POLLOUT, 0};
  return poll(&ready, 1, 0) == 0;
}
}  // namespace

bool WriteFully(int descriptor, const char* bytes, size_t length, const Control& control) {
  while (length > 0) {
    // Else a loop of prints would wait at each of them for the next wake-up, long before the hook's count is full.
    if (control.Interrupted() && TakesNothing(descriptor)) return false;
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
struct Output {
  int descriptor;
  std::shared_ptr<Control> control;
};

ssize_t WriteCookie(void* cookie, const char* bytes, size_t length) {
  const auto* output = static_cast<Output*>(cookie);
  return WriteFully(output->descriptor, bytes, length, *output->control) ? static_cast<ssize_t>(length) : 0;
}

int CloseCookie(void* cookie) {
  delete static_cast<Output*>(cookie);
  return 0;
}
}  // namespace

FILE* OpenOutput(int descriptor, std::shared_ptr<Control> control) {
  auto output = std::make_unique<Output>(Output{descriptor, std::move(control)});
  cookie_io_functions_t functions{};
  functions.write = WriteCookie;
  functions.close = CloseCookie;
  FILE* stream = fopencookie(output.get(), "w", functions);
  if (stream == nullptr) return nullptr;
  output.release();  // CloseCookie's from here on
  setvbuf(stream, nullptr, _IONBF, 0);
  return stream;
}

}  // namespace bricks
