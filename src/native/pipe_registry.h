// The pipes of this process: rings in shared memory that belong to the process, not to a thread of it,
// and that other processes get over a Unix socket.
//
// A pipe has two rings, one for each direction, made when first wanted. Each has one writer and one
// reader. The process that first opens an end owns the pipe: it listens on the pipe's socket and keeps
// track of who holds what. Another process connects, asks for an end, and gets the memory and the
// event; while the connection stands it holds that end. One thread of the owner does all of this. When
// the owner goes, a process that writes to the pipe takes it over.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "packet_ring.h"
#include "pipe_socket.h"
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
  // The watch on a reader that waited for the writer and is on its way: it counts as attached. 0 for none. Owner only.
  uint64_t expectedWatch = 0;

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
  // To the owner, if that is another process.
  int connection = -1;
  uint64_t watch = 0;
  // Of a reader whose owner has gone: it ends where the ring's head was then. Its writer may go on for another reader, with this ring.
  std::atomic<bool> orphaned{false};
  uint32_t lastHead = 0;
  // How much may be in the ring while nobody reads; a writer's.
  uint32_t unreadLimit = 0;
  // The group that may read it; a writer's.
  uint32_t group = UINT32_MAX;
  // Of a reader that waits for its writer, and has no ring yet: where writers tell it that they are there.
  int waiting = -1;
  // The connections by which they did.
  std::vector<int> callers;
  void TakeCallers();
  void StopWaiting();

  // The ring, nothing for one that waits for its writer.
  std::shared_ptr<PipeRing> Ring() const { return std::atomic_load(&ring_); }
  void SetRing(std::shared_ptr<PipeRing> ring) { std::atomic_store(&ring_, std::move(ring)); }
  // The one that a writer will go on with, where its next reader has made the pipe anew.
  std::shared_ptr<PipeRing> LastRing() const {
    const std::shared_ptr<PipeRing> next = std::atomic_load(&next_);
    return next ? next : Ring();
  }
  void SetNext(std::shared_ptr<PipeRing> next) {
    std::atomic_store(&next_, std::move(next));
    moves.fetch_add(1, std::memory_order_release);
  }
  // How often any writer of this process was given such a ring.
  static inline std::atomic<uint32_t> moves{0};
  // Goes on with it. Nothing where there is none.
  std::shared_ptr<PipeRing> TakeNext() {
    std::shared_ptr<PipeRing> next = std::atomic_exchange(&next_, std::shared_ptr<PipeRing>());
    if (next) SetRing(next);
    return next;
  }
  ~PipeHandle();

 private:
  std::shared_ptr<PipeRing> ring_;
  std::shared_ptr<PipeRing> next_;
};

// What an opening asks for.
struct PipeWish {
  uint32_t dataSize = 0;
  // Returns nothing where no process owns such a pipe; otherwise this process becomes the owner.
  bool mustExist = false;
  // Of a reader: all that is in the ring, not what comes from now on.
  bool all = false;
  // Of a writer: how many bytes may be in the ring while nobody reads.
  uint32_t unreadLimit = 0;
  // Of a writer: the group whose members may read it, if any.
  uint32_t group = UINT32_MAX;
  // How long to wait for another process that is opening a pipe of the directory: more than an owner that does not answer takes it.
  std::chrono::milliseconds patience{3000};
  // Of a reader: who may own it besides this user.
  PipeOwner owner = PipeOwner::kOurs;
};

struct PipeError : std::runtime_error {
  PipeError(const char* kind, const std::string& text, int holder = 0)
      : std::runtime_error(text), code(kind), process(holder) {}
  const char* code;
  int process;
};

// `name` is the pipe's file name, without its directory.
std::shared_ptr<PipeHandle> OpenPipe(const std::string& directory, const std::string& name, uint32_t direction,
                                     PipeRole role, const PipeWish& wish);
// For a reader of a pipe that nobody has opened, or of all pipes of a device (kAnyPipe in place of the one's name): WaitForPipe on it ends
// when a writer comes. Until it is closed those writers take the reader for attached. Nothing where another one waits already, or is opening a pipe.
std::shared_ptr<PipeHandle> AwaitPipe(const std::string& directory, const std::string& name, uint32_t direction);
std::shared_ptr<PipeHandle> FindPipe(uint32_t id);
// A closed writer lets its readers take what is left and end.
void ClosePipe(uint32_t id);
// Calls `wake` once, from the pipe thread, when the reading end's event is signalled.
void WaitForPipe(const std::shared_ptr<PipeHandle>& handle, std::function<void()> wake);
// Calls it now, if it has not been called.
void CancelWait(uint32_t id);

}  // namespace bricks
