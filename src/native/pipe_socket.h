// The sockets by which processes hand pipes to each other: names, messages, descriptors.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace bricks {

struct PipeRequest {
  uint32_t magic;
  uint32_t version;
  uint32_t direction;
  uint32_t role;
  int32_t process;
  // What PipeWish has of them.
  uint32_t all;
  uint32_t unreadLimit;
};

enum PipeStatus : uint32_t { kPipeGranted = 0, kPipeBusy = 1, kPipeGone = 2, kPipeOtherVersion = 3 };

struct PipeReply {
  uint32_t magic;
  uint32_t status;
  int32_t process;
  uint32_t dataSize;
};

constexpr uint32_t kPipeMagic = 0x70697072;
constexpr uint32_t kPipeVersion = 2;
// The memory, and the two ends of the event.
constexpr int kPipeDescriptors = 3;

// No group's: for this user alone.
constexpr uint32_t kNoGroup = UINT32_MAX;
// Who else than this user, and root, may have a directory of pipes that this process reads.
enum class PipeOwner { kOurs, kRoot, kAnyone };

// Makes the directory for pipes of this network namespace, for this user, and for the group if there is one, to read. A descriptor of it,
// or -1 with errno: EPERM where it, or the one it lies in, is such that someone else could put another in its place; EEXIST where it
// is another group's.
int OpenPipeDirectory(const std::string& directory, bool create, uint32_t group = kNoGroup, PipeOwner owner = PipeOwner::kOurs);
// An exclusive lock on the directory while it lives: only one process at a time looks for an owner and becomes one.
class DirectoryLock {
 public:
  // Waits no longer than this: whoever has the lock may be suspended.
  DirectoryLock(int directory, std::chrono::milliseconds patience);
  ~DirectoryLock();
  bool held() const { return held_; }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int directory_;
  bool held_ = false;
};

// A listening socket, or -1 with errno. Replaces what stands there.
int ListenAt(const std::string& directory, int directoryDescriptor, const std::string& name, int backlog = 16, uint32_t group = kNoGroup);
// A connected socket, or -1 with errno (ENOENT, ECONNREFUSED: nobody there).
int ConnectTo(const std::string& directory, int directoryDescriptor, const std::string& name);
// The same, without waiting for one that does not answer.
int ConnectAtOnce(const std::string& directory, int directoryDescriptor, const std::string& name);
// In place of a pipe's own name, behind the device's: whichever it is.
constexpr char kAnyPipe[] = "*.sock";
// Where the reader of a pipe that nobody has opened waits for its writer.
std::string WaitingName(const std::string& name, uint32_t direction);
// Whether no process listens there. Does not wait for one that does not answer.
bool NobodyAt(const std::string& directory, int directoryDescriptor, const std::string& name);

bool SendReply(int socket, const PipeReply& reply, const int* descriptors, int count);
// False if the other side closed, or did not answer in time. Descriptors that did not come are -1.
bool ReceiveReply(int socket, PipeReply* reply, int descriptors[kPipeDescriptors]);

}  // namespace bricks
