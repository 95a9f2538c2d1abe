// What becomes of a pipe when the process that owned it goes.
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "pipe_books.h"
#include "pipe_socket.h"

namespace bricks {

void PipeBooks::OwnerGone(uint64_t id) {
  const std::shared_ptr<PipeHandle> handle = watches[id].handle;
  watches.erase(id);
  handle->watch = 0;
  close(handle->connection);
  handle->connection = -1;
  // What is in the ring stays readable; nothing will be added for this reader.
  if (handle->role == PipeRole::kReader) {
    handle->lastHead = handle->ring->header()->head.load(std::memory_order_acquire);
    handle->orphaned.store(true, std::memory_order_release);
    SignalEvent(handle->ring->event.writable);
    return;
  }
  // A writer goes on, without a reader for now. What the last one had not released, the next one gets.
  handle->ring->holder[static_cast<size_t>(PipeRole::kWriter)] = getpid();
  handle->ring->holderWatch[static_cast<size_t>(PipeRole::kWriter)] = 0;
  SetHolder(*handle->ring, PipeRole::kReader, 0, 0);
  orphans.push_back(handle);
}

void PipeBooks::TakeOver() {
  const auto done = [this](const std::shared_ptr<PipeHandle>& writer) { return handles.count(writer->id) == 0 || TakeOver(writer); };
  orphans.erase(std::remove_if(orphans.begin(), orphans.end(), done), orphans.end());
}

// False if it is to be tried again. Waits for nobody: another process that has the directory's lock may
// just be waiting for an answer from this thread.
bool PipeBooks::TakeOver(const std::shared_ptr<PipeHandle>& writer) {
  const std::string path = writer->directory + "/" + writer->name;
  const auto known = pipes.find(path);
  if (known != pipes.end()) {
    // This process has opened the pipe's other direction, or owns it for another writer already.
    std::shared_ptr<PipeRing>& ring = known->second.rings[writer->direction];
    if (!ring) ring = writer->ring;
    return ring == writer->ring;
  }
  const int place = OpenPipeDirectory(writer->directory, true);
  if (place < 0) return false;
  bool taken = false;
  {
    const DirectoryLock lock(place, DirectoryLock::kTry);
    // Someone who came first has a ring of its own: this writer's turn comes when that one goes.
    if (lock.held() && NobodyAt(writer->directory, place, writer->name)) {
      const int listener = ListenAt(writer->directory, place, writer->name);
      if (listener >= 0) {
        Pipe pipe;
        pipe.name = writer->name;
        pipe.directory = writer->directory;
        pipe.dataSize = writer->ring->dataSize;
        pipe.rings[writer->direction] = writer->ring;
        Publish(std::move(pipe), listener);
        taken = true;
      }
    }
  }
  close(place);
  return taken;
}

}  // namespace bricks
