#include "pipe_registry.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "pipe_server.h"

namespace bricks {

PipeRing::~PipeRing() {
  if (mapping != nullptr) munmap(mapping, bytes);
  if (memory >= 0) close(memory);
  CloseEvent(&event);
}

PipeHandle::~PipeHandle() {
  if (connection >= 0) close(connection);
  StopWaiting();
}

void PipeHandle::TakeCallers() {
  const auto gone = [](int caller) {
    pollfd state = {caller, 0, 0};
    if (poll(&state, 1, 0) <= 0 || (state.revents & (POLLHUP | POLLERR)) == 0) return false;
    close(caller);
    return true;
  };
  callers.erase(std::remove_if(callers.begin(), callers.end(), gone), callers.end());
  for (int caller; (caller = accept(waiting, nullptr, nullptr)) >= 0;) {
    fcntl(caller, F_SETFD, FD_CLOEXEC);
    callers.push_back(caller);
  }
}

void PipeHandle::StopWaiting() {
  for (const int caller : callers) close(caller);
  callers.clear();
  if (waiting >= 0) close(waiting);
  waiting = -1;
}

namespace {

// Who waits for a pipe asks again: others of its process are not held up.
constexpr auto kAwaitPatience = std::chrono::milliseconds(20);
// Writers that may come at once to who waits for all pipes of a device.
constexpr int kCallersMaximum = 4096;

std::string Reason(const std::string& what) { return what + ": " + std::strerror(errno); }

// Only for the time in which it is needed.
struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) close(value);
  }
};

bool MapRing(PipeRing* ring) {
  // All pages at once: a first touch while packets pass costs as much as writing fifty of them.
#ifdef MAP_POPULATE
  const int flags = MAP_SHARED | MAP_POPULATE;
#else
  const int flags = MAP_SHARED;
#endif
  void* mapping = mmap(nullptr, ring->bytes, PROT_READ | PROT_WRITE, flags, ring->memory, 0);
  if (mapping == MAP_FAILED) return false;
  ring->mapping = static_cast<uint8_t*>(mapping);
  return true;
}

}  // namespace

std::shared_ptr<PipeRing> NewRing(const std::string& name, uint32_t dataSize) {
  auto ring = std::make_shared<PipeRing>();
  ring->dataSize = dataSize;
  ring->bytes = size_t{kRingHeaderBytes} + dataSize;
  ring->memory = CreateSharedMemory(("bricks " + name).c_str(), ring->bytes);
  if (ring->memory < 0) throw PipeError("E_PIPE_MEMORY", Reason("no shared memory of " + std::to_string(ring->bytes) + " bytes"));
  if (!CreateEvent(&ring->event) || !MapRing(ring.get())) throw PipeError("E_PIPE_MEMORY", Reason("no memory or descriptors for a pipe"));
  InitialiseRing(ring->mapping, dataSize);
  ring->header()->unreadLimit.store(0, std::memory_order_relaxed);
  return ring;
}

std::shared_ptr<PipeRing> RingFrom(const PipeReply& reply, const int descriptors[kPipeDescriptors]) {
  auto ring = std::make_shared<PipeRing>();
  ring->memory = descriptors[0];
  ring->event = {descriptors[1], descriptors[2]};
  ring->bytes = size_t{kRingHeaderBytes} + reply.dataSize;
  ring->dataSize = reply.dataSize;
  const bool usable = ring->event.writable >= 0 && ValidRingSize(reply.dataSize) && IsSharedMemory(ring->memory, ring->bytes) &&
                      MapRing(ring.get()) && RingDataSize(ring->mapping, ring->bytes) == reply.dataSize;
  return usable ? ring : nullptr;
}

namespace {

// An end of a pipe that this process owns. The server is locked.
std::shared_ptr<PipeHandle> TakeEnd(PipeServer& server, Pipe& pipe, uint32_t direction, PipeRole role, const PipeWish& wish) {
  std::shared_ptr<PipeRing>& ring = pipe.rings[direction];
  if (!ring) ring = NewRing(pipe.name, wish.dataSize);
  if (const int other = server.Holder(*ring, role)) throw PipeError("E_PIPE_BUSY", "held", other);
  server.LetIn(*ring, role, getpid(), 0, wish.all, wish.unreadLimit);
  auto handle = std::make_shared<PipeHandle>();
  handle->directory = pipe.directory;
  handle->name = pipe.name;
  handle->direction = direction;
  handle->role = role;
  handle->unreadLimit = wish.unreadLimit;
  handle->group = wish.group;
  handle->SetRing(ring);
  return handle;
}

// Whether this process may give a file to a group.
bool MayGiveTo(gid_t group) {
  if (geteuid() == 0 || getegid() == group) return true;
  std::vector<gid_t> groups(65536);
  const int count = getgroups(static_cast<int>(groups.size()), groups.data());
  return count > 0 && std::find(groups.begin(), groups.begin() + count, group) != groups.begin() + count;
}

// Who can't be trusted as this user or root can: the owner of the directory, in which nobody else can put a socket.
bool IsOwnerOf(int directory, int connection) {
  struct stat status;
  return fstat(directory, &status) == 0 && PeerIsUser(connection, status.st_uid);
}

// Asks the process that owns the pipe. Nothing if none does.
std::shared_ptr<PipeHandle> AskOwner(const std::string& directory, int directoryDescriptor, const std::string& name, uint32_t direction,
                                     PipeRole role, const PipeWish& wish) {
  for (int attempt = 0; attempt < 5; attempt++) {
    auto handle = std::make_shared<PipeHandle>();
    handle->connection = ConnectTo(directory, directoryDescriptor, name);
    if (handle->connection < 0) {
      if (errno == ENOENT || errno == ECONNREFUSED) return nullptr;
      throw PipeError("E_PIPE", Reason("connecting to " + directory + "/" + name));
    }
    const bool trusted = PeerTrusted(handle->connection) || (role == PipeRole::kReader && IsOwnerOf(directoryDescriptor, handle->connection));
    if (!trusted) throw PipeError("E_PIPE", "it belongs to another user's process", PeerProcess(handle->connection, 0));
    const PipeRequest request = {kPipeMagic, kPipeVersion, direction, static_cast<uint32_t>(role), getpid(), wish.all ? 1u : 0u, wish.unreadLimit};
    PipeReply reply = {};
    int descriptors[kPipeDescriptors];
    if (send(handle->connection, &request, sizeof request, MSG_NOSIGNAL) < 0) continue;
    const bool answered = ReceiveReply(handle->connection, &reply, descriptors);
    const std::shared_ptr<PipeRing> ring = RingFrom(reply, descriptors);
    if (!answered) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) continue;  // It is about to go.
      throw PipeError("E_PIPE_BUSY", "does not answer", PeerProcess(handle->connection, 0));
    }
    if (reply.status == kPipeBusy) throw PipeError("E_PIPE_BUSY", "held", reply.process);
    if (reply.status == kPipeOtherVersion) throw PipeError("E_PIPE", "its owner runs another version of Packet Bricks", reply.process);
    if (reply.status != kPipeGranted) continue;
    if (!ring) throw PipeError("E_PIPE", "its owner passed something that is not a packet ring", reply.process);
    handle->directory = directory;
    handle->name = name;
    handle->direction = direction;
    handle->role = role;
    handle->unreadLimit = wish.unreadLimit;
    handle->group = wish.group;
    handle->SetRing(ring);
    return handle;
  }
  throw PipeError("E_PIPE", "the process that owns it is closing it");
}

std::shared_ptr<PipeHandle> Register(PipeServer& server, std::shared_ptr<PipeHandle> handle) {
  handle->id = server.nextHandle++;
  server.handles[handle->id] = handle;
  return handle;
}

}  // namespace

std::shared_ptr<PipeHandle> OpenPipe(const std::string& directory, const std::string& name, uint32_t direction, PipeRole role,
                                     const PipeWish& wish) {
  PipeServer& server = PipeServer::Get();
  // One opening at a time; while another process is asked, this one can still answer.
  std::lock_guard<std::mutex> opening(server.opening);
  {
    std::lock_guard<std::mutex> lock(server.mutex);
    const auto known = server.pipes.find(directory + "/" + name);
    if (known != server.pipes.end()) {
      auto handle = Register(server, TakeEnd(server, known->second, direction, role, wish));
      if (role == PipeRole::kWriter) server.ExpectReader(directory, name, direction, handle->Ring());
      return handle;
    }
  }
  if (!wish.mustExist && wish.group != kNoGroup && !MayGiveTo(wish.group)) throw PipeError("E_PIPE_GROUP", "this user is not in it");
  const Descriptor place = {OpenPipeDirectory(directory, !wish.mustExist, wish.group, wish.mustExist ? wish.owner : PipeOwner::kOurs)};
  if (place.value < 0) {
    if (wish.mustExist && errno == ENOENT) return nullptr;
    if (errno == EEXIST && wish.group != kNoGroup) throw PipeError("E_PIPE_GROUP", "pipes of another group are in " + directory);
    throw PipeError("E_PIPE_DIRECTORY", Reason(directory));
  }
  const DirectoryLock lockedDirectory(place.value, wish.patience);
  if (!lockedDirectory.held()) throw PipeError("E_PIPE_BUSY", "is locked", LockHolder(place.value));
  if (auto handle = AskOwner(directory, place.value, name, direction, role, wish)) {
    std::lock_guard<std::mutex> lock(server.mutex);
    Register(server, handle);
    Watch watch;
    watch.kind = Watch::kOwner;
    watch.descriptor = handle->connection;
    watch.handle = handle;
    handle->watch = server.Add(std::move(watch));
    return handle;
  }
  if (wish.mustExist) return nullptr;
  std::lock_guard<std::mutex> lock(server.mutex);
  Pipe pipe;
  pipe.name = name;
  pipe.directory = directory;
  pipe.dataSize = wish.dataSize;
  pipe.group = wish.group;
  auto handle = TakeEnd(server, pipe, direction, role, wish);
  const int listener = ListenAt(directory, place.value, name, 16, wish.group);
  if (listener < 0) throw PipeError("E_PIPE_DIRECTORY", Reason(directory + "/" + name));
  server.Publish(std::move(pipe), listener);
  if (role == PipeRole::kWriter) server.ExpectReader(directory, name, direction, handle->Ring());
  return Register(server, handle);
}

std::shared_ptr<PipeHandle> AwaitPipe(const std::string& directory, const std::string& name, uint32_t direction) {
  PipeServer& server = PipeServer::Get();
  std::lock_guard<std::mutex> opening(server.opening);
  const Descriptor place = {OpenPipeDirectory(directory, true)};
  if (place.value < 0) throw PipeError("E_PIPE_DIRECTORY", Reason(directory));
  const DirectoryLock lockedDirectory(place.value, kAwaitPatience);
  if (!lockedDirectory.held()) return nullptr;
  const std::string own = WaitingName(name, direction);
  if (!NobodyAt(directory, place.value, own)) return nullptr;
  auto handle = std::make_shared<PipeHandle>();
  handle->directory = directory;
  handle->name = name;
  handle->direction = direction;
  handle->waiting = ListenAt(directory, place.value, own, kCallersMaximum);
  if (handle->waiting < 0) throw PipeError("E_PIPE_DIRECTORY", Reason(directory + "/" + own));
  std::lock_guard<std::mutex> lock(server.mutex);
  return Register(server, handle);
}

std::shared_ptr<PipeHandle> FindPipe(uint32_t id) {
  PipeServer& server = PipeServer::Get();
  std::lock_guard<std::mutex> lock(server.mutex);
  const auto found = server.handles.find(id);
  return found == server.handles.end() ? nullptr : found->second;
}

void ClosePipe(uint32_t id) {
  CancelWait(id);
  PipeServer& server = PipeServer::Get();
  std::lock_guard<std::mutex> lock(server.mutex);
  const auto found = server.handles.find(id);
  if (found == server.handles.end()) return;
  const std::shared_ptr<PipeHandle> handle = found->second;
  server.handles.erase(found);
  if (handle->waiting >= 0) {
    unlink((handle->directory + "/" + WaitingName(handle->name, handle->direction)).c_str());
    handle->StopWaiting();
    return;
  }
  const std::shared_ptr<PipeRing> ring = handle->LastRing();
  if (handle->role == PipeRole::kWriter) CloseRing(*ring);
  if (handle->watch != 0) {
    // The owner learns it from the connection's end.
    server.Remove(handle->watch);
    close(handle->connection);
    handle->connection = -1;
  } else {
    server.ReleaseEnd(ring, handle->role);
  }
}

void WaitForPipe(const std::shared_ptr<PipeHandle>& handle, std::function<void()> wake) {
  PipeServer& server = PipeServer::Get();
  std::lock_guard<std::mutex> lock(server.mutex);
  Watch watch;
  watch.kind = Watch::kWaiter;
  watch.descriptor = handle->waiting >= 0 ? handle->waiting : handle->Ring()->event.readable;
  watch.handle = handle;
  watch.wake = std::move(wake);
  server.Add(std::move(watch));
}

void CancelWait(uint32_t id) {
  PipeServer& server = PipeServer::Get();
  std::function<void()> wake;
  {
    std::lock_guard<std::mutex> lock(server.mutex);
    for (auto& entry : server.watches) {
      if (entry.second.kind != Watch::kWaiter || !entry.second.handle || entry.second.handle->id != id) continue;
      wake = std::move(entry.second.wake);
      server.watches.erase(entry.first);
      break;
    }
  }
  if (wake) wake();
}

}  // namespace bricks
