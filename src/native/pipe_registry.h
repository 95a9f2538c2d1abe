// The pipes of this process: rings in shared memory that belong to the process, not to a thread of it,
// and that other processes get over a Unix socket.
//
// A pipe has two rings, one for each direction, made when first wanted. Each has one writer and one
// reader. The process that first opens an end owns the pipe: it listens on the pipe's socket and keeps
// the books of who holds what. Another process connects, asks for an end, and gets the memory and the
// event; while the connection stands it holds that end. One thread of the owner does all of this. When
// the owner goes, a process that writes to the pipe takes it over.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "packet_ring.h"
#include "platform.h"

namespace bricks {

enum class PipeRole : uint32_t { kReader = 0, kWriter = 1 };

// One direction of a pipe, mapped into this process.
struct PipeRing {
  int memory = -1;
  Event event;
  uint8_t* mapping = nullptr;
  size_t bytes = 0;
  uint32_t dataSize = 0;
  // Who holds the reading [0] and the writing [1] end, by process number; 0 for nobody. Owner only.
  int holder[2] = {0, 0};
  // The watch on a remote holder's connection, 0 for a holder in this process.
  uint64_t holderWatch[2] = {0, 0};

  RingHeader* header() const { return reinterpret_cast<RingHeader*>(mapping); }
  ~PipeRing();
};

// An end of a pipe that this process holds.
struct PipeHandle {
  uint32_t id = 0;
  std::string directory;
  std::string name;
  uint32_t direction = 0;
  PipeRole role = PipeRole::kReader;
  std::shared_ptr<PipeRing> ring;
  // To the owner, if that is another process.
  int connection = -1;
  uint64_t watch = 0;
  // Of a reader whose owner has gone: it ends where the ring's head was then. Its writer may go on for another reader, with this ring.
  std::atomic<bool> orphaned{false};
  uint32_t lastHead = 0;
  ~PipeHandle();
};

struct PipeError : std::runtime_error {
  PipeError(const char* kind, const std::string& text, int holder = 0)
      : std::runtime_error(text), code(kind), process(holder) {}
  const char* code;
  int process;
};

// `name` is the pipe's file name, without its directory. With `mustExist` it answers nothing where no
// process owns such a pipe; otherwise this process becomes the owner.
std::shared_ptr<PipeHandle> OpenPipe(const std::string& directory, const std::string& name, uint32_t direction,
                                     PipeRole role, uint32_t dataSize, bool mustExist);
std::shared_ptr<PipeHandle> FindPipe(uint32_t id);
// A closed writer lets its readers take what is left and end.
void ClosePipe(uint32_t id);
// Calls `wake` once, from the pipe thread, when the reading end's event is signalled.
void WaitForPipe(const std::shared_ptr<PipeHandle>& handle, std::function<void()> wake);
// Calls it now, if it has not been called.
void CancelWait(uint32_t id);

}  // namespace bricks
