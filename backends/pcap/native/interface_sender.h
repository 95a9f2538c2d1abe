// Sending frames out of a network interface: what each system does in its own way.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace bricks {

struct SenderError : std::runtime_error {
  SenderError(int errorNumber, const std::string& text) : std::runtime_error(text), number(errorNumber) {}
  int number;  // errno
};

struct SenderSettings {
  std::string device;
  int bufferBytes = 8 << 20;
  bool bypassQueue = false;  // past the queueing discipline, straight to the driver (Linux)
};

class InterfaceSender {
 public:
  virtual ~InterfaceSender() = default;
  // Sends frames in order, never waits. Returns how many the system took; if that is not all of them,
  // `*error` is the errno of the next one.
  virtual uint32_t Send(struct iovec* frames, uint32_t count, int* error) = 0;
  // The link type that frames must have.
  virtual uint32_t LinkType() const = 0;
  // Tries to find an interface of the same name again, after it was gone. True if it is there.
  virtual bool Revive() = 0;
};

// Throws SenderError.
std::unique_ptr<InterfaceSender> OpenSender(const SenderSettings& settings);

}  // namespace bricks
