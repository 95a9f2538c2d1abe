#include "pipe_server.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <thread>
#include <vector>

namespace bricks {

namespace {

constexpr auto kFull = std::chrono::milliseconds(100);

}  // namespace

void CloseRing(PipeRing& ring) {
  ring.header()->flags.fetch_or(kRingClosed, std::memory_order_seq_cst);
  SignalEvent(ring.event.writable);
}

PipeServer& PipeServer::Get() {
  static PipeServer* server = new PipeServer();
  return *server;
}

uint64_t PipeServer::Add(Watch watch) {
  if (!started) {
    started = true;
    CreateEvent(&changed);
    std::atexit([] { PipeServer::Get().CloseAll(); });
    // Signals are for the program's own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread([this] { Run(); }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  const uint64_t id = nextWatch++;
  watches.emplace(id, std::move(watch));
  SignalEvent(changed.writable);
  return id;
}

void PipeServer::Remove(uint64_t watch) {
  watches.erase(watch);
  SignalEvent(changed.writable);
}

int PipeServer::Holder(PipeRing& ring, PipeRole role) {
  const size_t end = static_cast<size_t>(role);
  if (ring.holder[end] != 0 && ring.holderWatch[end] != 0) {
    const auto watch = watches.find(ring.holderWatch[end]);
    pollfd state = {watch == watches.end() ? -1 : watch->second.descriptor, 0, 0};
    if (state.fd < 0 || (poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR)) != 0)) ForgetHolder(ring.holderWatch[end]);
  }
  return ring.holder[end];
}

void PipeServer::SetHolder(PipeRing& ring, PipeRole role, int process, uint64_t watch) {
  ring.holder[static_cast<size_t>(role)] = process;
  ring.holderWatch[static_cast<size_t>(role)] = watch;
  if (role != PipeRole::kReader) return;
  ring.header()->readerWaiting.store(0, std::memory_order_relaxed);
  ring.header()->reader.store(static_cast<uint32_t>(process), std::memory_order_release);
}

void PipeServer::LetIn(PipeRing& ring, PipeRole role, int process, uint64_t watch, bool all, uint32_t unreadLimit) {
  if (role == PipeRole::kWriter) {
    ring.header()->unreadLimit.store(unreadLimit < ring.dataSize ? unreadLimit : ring.dataSize, std::memory_order_relaxed);
  } else if (ring.expectedWatch == 0 && !all && !KeepsUnread(ring.mapping) && (ring.header()->flags.load(std::memory_order_acquire) & kRingClosed) == 0) {
    SkipUnread(ring.mapping, ring.dataSize);
  }
  SetHolder(ring, role, process, watch);
  if (role == PipeRole::kReader) ExpectNobody(ring);
}

void PipeServer::ExpectReader(const std::string& directory, const std::string& name, uint32_t direction, const std::shared_ptr<PipeRing>& ring) {
  if (ring->holder[static_cast<size_t>(PipeRole::kReader)] != 0 || ring->expectedWatch != 0) return;
  const int place = OpenPipeDirectory(directory, false);
  if (place < 0) return;
  int connection = ConnectAtOnce(directory, place, WaitingName(name, direction));
  if (connection < 0) connection = ConnectAtOnce(directory, place, WaitingName(name.substr(0, name.rfind('{') + 1) + kAnyPipe, direction));
  close(place);
  if (connection < 0) return;
  if (!PeerTrusted(connection)) {
    close(connection);
    return;
  }
  Watch watch;
  watch.kind = Watch::kExpected;
  watch.descriptor = connection;
  watch.ring = ring;
  ring->expectedWatch = Add(std::move(watch));
  const int process = PeerProcess(connection, 1);
  ring->header()->flags.fetch_or(kRingExpected, std::memory_order_relaxed);
  ring->header()->reader.store(static_cast<uint32_t>(process), std::memory_order_release);
}

// It has come, or gone.
void PipeServer::ExpectNobody(PipeRing& ring) {
  const auto watch = watches.find(ring.expectedWatch);
  if (watch == watches.end()) return;
  close(watch->second.descriptor);
  watches.erase(watch);
  ring.expectedWatch = 0;
  if (ring.holder[static_cast<size_t>(PipeRole::kReader)] == 0) ring.header()->reader.store(0, std::memory_order_release);
  ring.header()->flags.fetch_and(~kRingExpected, std::memory_order_release);
}

void PipeServer::ReleaseEnd(const std::shared_ptr<PipeRing>& ring, PipeRole role) {
  SetHolder(*ring, role, 0, 0);
  for (auto pipe = pipes.begin(); pipe != pipes.end(); ++pipe) {
    for (std::shared_ptr<PipeRing>& other : pipe->second.rings) {
      if (other != ring) continue;
      // A closed ring is for the reader who has it; the next writer gets a fresh one.
      if (role == PipeRole::kWriter) other = nullptr;
      if (!Wanted(pipe->second)) DropPipe(pipe);
      return;
    }
  }
}

bool PipeServer::Wanted(const Pipe& pipe) {
  for (const std::shared_ptr<PipeRing>& ring : pipe.rings) {
    if (ring && (ring->holder[1] != 0 || (ring->holder[0] != 0 && ring->holderWatch[0] == 0))) return true;
  }
  return false;
}

void PipeServer::DropPipe(std::map<std::string, Pipe>::iterator pipe) {
  const auto listener = watches.find(pipe->second.listenerWatch);
  if (listener != watches.end()) {
    unlink(pipe->first.c_str());
    close(listener->second.descriptor);
    watches.erase(listener);
  }
  pipes.erase(pipe);
  SignalEvent(changed.writable);
}

void PipeServer::Publish(Pipe pipe, int listener) {
  const std::string path = pipe.directory + "/" + pipe.name;
  Watch watch;
  watch.kind = Watch::kListener;
  watch.descriptor = listener;
  watch.pipe = path;
  pipe.listenerWatch = Add(std::move(watch));
  pipes[path] = std::move(pipe);
}

void PipeServer::Run() {
  SetThreadName("bricks-pipes");
  std::vector<pollfd> polled;
  std::vector<uint64_t> ids;
  for (;;) {
    polled.assign(1, {changed.readable, POLLIN, 0});
    ids.assign(1, 0);
    int limit = -1;
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (std::chrono::steady_clock::now() >= lookAgain) TakeOver();
      const bool full = std::chrono::steady_clock::now() < fullUntil;
      if (full || !orphans.empty()) limit = static_cast<int>(kLookAgain.count());
      for (const auto& entry : watches) {
        const bool left = full && entry.second.kind == Watch::kListener;
        polled.push_back({left ? -1 : entry.second.descriptor, POLLIN, 0});
        ids.push_back(entry.first);
      }
    }
    if (poll(polled.data(), static_cast<nfds_t>(polled.size()), limit) < 0) continue;
    if (polled[0].revents != 0) DrainEvent(changed.readable);
    for (size_t k = 1; k < polled.size(); k++) {
      if (polled[k].revents == 0) continue;
      std::function<void()> wake;
      {
        std::lock_guard<std::mutex> lock(mutex);
        Handle(ids[k], polled[k].revents, &wake);
      }
      if (wake) wake();
    }
  }
}

void PipeServer::Handle(uint64_t id, short, std::function<void()>* wake) {
  const auto found = watches.find(id);
  if (found == watches.end()) return;
  Watch& watch = found->second;
  char ignored[64];
  switch (watch.kind) {
    case Watch::kListener:
      Accept(watch);
      break;
    case Watch::kAsking:
      Answer(id);
      break;
    case Watch::kExpected:
      ExpectNobody(*std::shared_ptr<PipeRing>(watch.ring));
      break;
    case Watch::kJoining:
      Join(id);
      break;
    case Watch::kHolder:
      // A holder has nothing to say but that it is there. At the end recv returns 0, and leaves errno as it was.
      if (const ssize_t got = recv(watch.descriptor, ignored, sizeof ignored, MSG_DONTWAIT); got > 0 || (got < 0 && errno == EAGAIN)) break;
      ForgetHolder(id);
      break;
    case Watch::kOwner:
      if (recv(watch.descriptor, ignored, sizeof ignored, MSG_DONTWAIT) > 0) break;
      OwnerGone(id);
      break;
    case Watch::kWaiter:
      if (watch.handle->waiting >= 0) watch.handle->TakeCallers();
      *wake = std::move(watch.wake);
      watches.erase(found);
      break;
  }
}

void PipeServer::Accept(const Watch& listener) {
  const std::string path = listener.pipe;
  for (;;) {
    const int connection = accept(listener.descriptor, nullptr, nullptr);
    if (connection < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) fullUntil = std::chrono::steady_clock::now() + kFull;
      return;
    }
    const bool trusted = PeerTrusted(connection);
    const auto pipe = pipes.find(path);
    if (!trusted && (pipe == pipes.end() || pipe->second.group == kNoGroup || !PeerInGroup(connection, pipe->second.group))) {
      close(connection);
      continue;
    }
    fcntl(connection, F_SETFD, FD_CLOEXEC);
    fcntl(connection, F_SETFL, O_NONBLOCK);
    Watch watch;
    watch.kind = Watch::kAsking;
    watch.descriptor = connection;
    watch.pipe = path;
    watch.readsOnly = !trusted;
    Add(std::move(watch));
  }
}

void PipeServer::Answer(uint64_t id) {
  Watch& watch = watches[id];
  const int connection = watch.descriptor;
  PipeRequest request = {};
  const ssize_t got = recv(connection, &request, sizeof request, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  PipeReply reply = {kPipeMagic, kPipeGone, getpid(), 0};
  const auto pipe = pipes.find(watch.pipe);
  const bool asking = got >= static_cast<ssize_t>(offsetof(PipeRequest, direction)) && request.magic == kPipeMagic;
  const bool readable = got == static_cast<ssize_t>(sizeof request) && request.direction < 2 && request.role < 2 &&
                        (!watch.readsOnly || static_cast<PipeRole>(request.role) == PipeRole::kReader);
  if (asking && request.version != kPipeVersion) {
    reply.status = kPipeOtherVersion;
  } else if (asking && readable && pipe != pipes.end()) {
    std::shared_ptr<PipeRing> ring = pipe->second.rings[request.direction];
    if (!ring) {
      try {
        ring = pipe->second.rings[request.direction] = NewRing(pipe->second.name, pipe->second.dataSize);
      } catch (const PipeError&) {
        // Answered as gone.
      }
    }
    const PipeRole role = static_cast<PipeRole>(request.role);
    const int process = PeerProcess(connection, request.process);
    if (!ring) {
      reply.status = kPipeGone;
    } else if ((reply.process = Holder(*ring, role)) != 0) {
      reply.status = kPipeBusy;
    } else {
      reply.process = getpid();
      reply.status = kPipeGranted;
      reply.dataSize = ring->dataSize;
      const int descriptors[kPipeDescriptors] = {ring->memory, ring->event.readable, ring->event.writable};
      // Before the reply: it may begin at once.
      LetIn(*ring, role, process, id, request.all != 0, request.unreadLimit);
      watch.kind = Watch::kHolder;
      watch.ring = ring;
      watch.role = role;
      if (SendReply(connection, reply, descriptors, kPipeDescriptors)) {
        if (role == PipeRole::kWriter) ExpectReader(pipe->second.directory, pipe->second.name, request.direction, ring);
        return;
      }
      SetHolder(*ring, role, 0, 0);
      watches.erase(id);
      close(connection);
      return;
    }
  }
  if (got > 0) SendReply(connection, reply, nullptr, 0);
  watches.erase(id);
  close(connection);
}

// The connection is closed: what the process held is free, as it left it.
void PipeServer::ForgetHolder(uint64_t id) {
  const auto found = watches.find(id);
  if (found == watches.end()) return;
  const std::shared_ptr<PipeRing> ring = found->second.ring;
  const PipeRole role = found->second.role;
  const auto pipe = pipes.find(found->second.pipe);
  close(found->second.descriptor);
  watches.erase(found);
  if (ring->holderWatch[static_cast<size_t>(role)] == id) SetHolder(*ring, role, 0, 0);
  if (role != PipeRole::kWriter) return;
  // Whoever ends in order has closed it before.
  if ((ring->header()->flags.load(std::memory_order_acquire) & kRingClosed) == 0) ring->header()->flags.fetch_or(kRingBroken, std::memory_order_release);
  CloseRing(*ring);
  if (pipe == pipes.end()) return;
  for (std::shared_ptr<PipeRing>& other : pipe->second.rings) {
    if (other == ring) other = nullptr;
  }
  if (!Wanted(pipe->second)) DropPipe(pipe);
}

// At exit. The process's other threads may still run, and one may have locked the server.
void PipeServer::CloseAll() {
  if (!mutex.try_lock()) return;
  for (auto& entry : handles) {
    const PipeHandle& handle = *entry.second;
    if (handle.waiting >= 0) unlink((handle.directory + "/" + WaitingName(handle.name, handle.direction)).c_str());
    else if (handle.role == PipeRole::kWriter) CloseRing(*handle.LastRing());
  }
  for (auto& entry : pipes) unlink(entry.first.c_str());
  mutex.unlock();
}

}  // namespace bricks
