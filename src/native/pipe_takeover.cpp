// What becomes of a pipe when the process that owned it goes.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "pipe_server.h"

namespace bricks {

void PipeServer::OwnerGone(uint64_t id) {
  const std::shared_ptr<PipeHandle> handle = watches[id].handle;
  watches.erase(id);
  handle->watch = 0;
  close(handle->connection);
  handle->connection = -1;
  // What is in the ring stays readable; nothing will be added for this reader.
  if (handle->role == PipeRole::kReader) {
    const std::shared_ptr<PipeRing> ring = handle->Ring();
    handle->lastHead = ring->header()->head.load(std::memory_order_acquire);
    handle->orphaned.store(true, std::memory_order_release);
    SignalEvent(ring->event.writable);
    return;
  }
  // A writer goes on, without a reader for now. What the last one had not released, the next one gets.
  const std::shared_ptr<PipeRing> ring = handle->LastRing();
  SetHolder(*ring, PipeRole::kWriter, getpid(), 0);
  SetHolder(*ring, PipeRole::kReader, 0, 0);
  ring->header()->flags.fetch_and(~kRingExpected, std::memory_order_relaxed);
  orphans.push_back(handle);
}

void PipeServer::TakeOver() {
  const auto done = [this](const std::shared_ptr<PipeHandle>& writer) { return handles.count(writer->id) == 0 || TakeOver(writer); };
  orphans.erase(std::remove_if(orphans.begin(), orphans.end(), done), orphans.end());
}

// False if it is to be tried again. Waits for nobody: another process that has the directory's lock may
// just be waiting for an answer from this thread.
bool PipeServer::TakeOver(const std::shared_ptr<PipeHandle>& writer) {
  const auto known = pipes.find(writer->directory + "/" + writer->name);
  if (known != pipes.end()) {
    // This process has opened the pipe's other direction, or this one for a reader, or owns it for another writer already.
    std::shared_ptr<PipeRing>& ring = known->second.rings[writer->direction];
    if (!ring) ring = writer->LastRing();
    if (ring == writer->LastRing()) return true;
    if (Holder(*ring, PipeRole::kWriter) != 0) return false;
    LetIn(*ring, PipeRole::kWriter, getpid(), 0, false, writer->unreadLimit);
    writer->SetNext(ring);
    return true;
  }
  const int place = OpenPipeDirectory(writer->directory, true, writer->group);
  if (place < 0) return false;
  bool done = false;
  {
    const DirectoryLock lock(place, std::chrono::milliseconds(0));
    if (lock.held()) done = NobodyAt(writer->directory, place, writer->name) ? OwnAgain(writer, place) : AskToJoin(writer, place);
  }
  close(place);
  return done;
}

bool PipeServer::OwnAgain(const std::shared_ptr<PipeHandle>& writer, int place) {
  const int listener = ListenAt(writer->directory, place, writer->name, 16, writer->group);
  if (listener < 0) return false;
  const std::shared_ptr<PipeRing> ring = writer->LastRing();
  Pipe pipe;
  pipe.name = writer->name;
  pipe.directory = writer->directory;
  pipe.dataSize = ring->dataSize;
  pipe.group = writer->group;
  pipe.rings[writer->direction] = ring;
  Publish(std::move(pipe), listener);
  ExpectReader(writer->directory, writer->name, writer->direction, ring);
  return true;
}

// A reader that came first has made the pipe anew, with a ring of its own.
bool PipeServer::AskToJoin(const std::shared_ptr<PipeHandle>& writer, int place) {
  const int connection = ConnectAtOnce(writer->directory, place, writer->name);
  if (connection < 0) return false;
  const PipeRequest request = {kPipeMagic, kPipeVersion, writer->direction, static_cast<uint32_t>(PipeRole::kWriter), getpid(), 0, writer->unreadLimit};
  if (!PeerTrusted(connection) || send(connection, &request, sizeof request, MSG_NOSIGNAL) < 0) {
    close(connection);
    return false;
  }
  Watch watch;
  watch.kind = Watch::kJoining;
  watch.descriptor = connection;
  watch.handle = writer;
  Add(std::move(watch));
  return true;
}

// Its answer.
void PipeServer::Join(uint64_t id) {
  Watch& watch = watches[id];
  const std::shared_ptr<PipeHandle> writer = watch.handle;
  PipeReply reply = {};
  int descriptors[kPipeDescriptors];
  const bool answered = ReceiveReply(watch.descriptor, &reply, descriptors);
  if (!answered && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
  const std::shared_ptr<PipeRing> ring = RingFrom(reply, descriptors);
  const bool open = handles.count(writer->id) != 0;
  if (answered && reply.status == kPipeGranted && ring && open) {
    watch.kind = Watch::kOwner;
    writer->connection = watch.descriptor;
    writer->watch = id;
    writer->SetNext(ring);
    return;
  }
  if (ring && !open) CloseRing(*ring);
  close(watch.descriptor);
  watches.erase(id);
  // Another writer has it: until that one goes.
  lookAgain = std::chrono::steady_clock::now() + kLookAgain;
  if (open) orphans.push_back(writer);
}

}  // namespace bricks
