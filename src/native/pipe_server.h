// The server of this process's pipes, and its thread (pipe_registry.h says what it does).
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "pipe_registry.h"
#include "pipe_socket.h"

namespace bricks {

// How often a writer looks who has its pipe, once that one's owner has gone.
constexpr auto kLookAgain = std::chrono::milliseconds(50);

// A pipe that this process owns.
struct Pipe {
  std::string name;
  std::string directory;
  std::shared_ptr<PipeRing> rings[2];
  // Whose members may read it.
  uint32_t group = kNoGroup;
  // Of a ring that is made because another process asks for it.
  uint32_t dataSize = 0;
  uint64_t listenerWatch = 0;
};

// A descriptor that the pipe thread looks at. Known by its own number, since descriptors are used again.
struct Watch {
  enum Kind {
    kListener,  // a pipe's socket
    kAsking,    // a connection from which no request has come yet
    kExpected,  // a connection to a reader that waited for a writer of ours, and is on its way
    kHolder,    // a process that holds an end of a pipe of ours
    kOwner,     // the process that owns a pipe of which we hold an end
    kJoining,   // the process that has made the pipe anew of which we hold the writing end
    kWaiter,    // someone in this process waits for the event of a ring, or for a writer
  };
  Kind kind = kListener;
  int descriptor = -1;
  std::string pipe;                    // kListener, kAsking, kHolder: its path
  std::shared_ptr<PipeRing> ring;      // kHolder, kExpected
  PipeRole role = PipeRole::kReader;   // kHolder
  bool readsOnly = false;              // kAsking: another user, who is in the pipe's group
  std::shared_ptr<PipeHandle> handle;  // kOwner, kJoining, kWaiter
  std::function<void()> wake;          // kWaiter
};

struct PipeServer {
  // Never destroyed: the pipe thread runs until the process ends.
  static PipeServer& Get();

  std::mutex opening;
  std::mutex mutex;  // of everything below
  std::map<std::string, Pipe> pipes;
  std::map<uint64_t, Watch> watches;
  std::unordered_map<uint32_t, std::shared_ptr<PipeHandle>> handles;
  uint32_t nextHandle = 1;

  uint64_t Add(Watch watch);
  void Remove(uint64_t watch);
  // The process that holds this end, 0 for nobody. A holder that has died is forgotten first.
  int Holder(PipeRing& ring, PipeRole role);
  void SetHolder(PipeRing& ring, PipeRole role, int process, uint64_t watch);
  // The same for a process that may begin to read or to write now.
  void LetIn(PipeRing& ring, PipeRole role, int process, uint64_t watch, bool all, uint32_t unreadLimit);
  // A reader that waits for the writer of this ring counts as attached from now on.
  void ExpectReader(const std::string& directory, const std::string& name, uint32_t direction, const std::shared_ptr<PipeRing>& ring);
  void ExpectNobody(PipeRing& ring);
  // An end held by this process is free again.
  void ReleaseEnd(const std::shared_ptr<PipeRing>& ring, PipeRole role);
  void Publish(Pipe pipe, int listener);

  // In the pipe thread.
  void Run();
  void Handle(uint64_t id, short events, std::function<void()>* wake);
  void Accept(const Watch& listener);
  void Answer(uint64_t id);
  void ForgetHolder(uint64_t id);
  void OwnerGone(uint64_t id);
  // Whether this process holds an end, or another one writes, which is to find its next reader.
  static bool Wanted(const Pipe& pipe);
  void DropPipe(std::map<std::string, Pipe>::iterator pipe);
  void CloseAll();

  // pipe_takeover.cpp: writers whose pipe's owner has gone own it themselves, so that a reader finds it again, or join the reader
  // that came first and has made it anew.
  void TakeOver();
  bool TakeOver(const std::shared_ptr<PipeHandle>& writer);
  bool OwnAgain(const std::shared_ptr<PipeHandle>& writer, int place);
  bool AskToJoin(const std::shared_ptr<PipeHandle>& writer, int place);
  void Join(uint64_t id);
  std::vector<std::shared_ptr<PipeHandle>> orphans;

  std::chrono::steady_clock::time_point lookAgain;
  // Until then nobody is let in: this process has no descriptors left.
  std::chrono::steady_clock::time_point fullUntil;
  Event changed;
  uint64_t nextWatch = 1;
  bool started = false;
};

// @throws PipeError E_PIPE_MEMORY
std::shared_ptr<PipeRing> NewRing(const std::string& name, uint32_t dataSize);
// The one that another process hands over, nothing if that is no ring.
std::shared_ptr<PipeRing> RingFrom(const PipeReply& reply, const int descriptors[kPipeDescriptors]);
// Tells the reader that nothing more will come.
void CloseRing(PipeRing& ring);

}  // namespace bricks
