// What differs between systems. platform_linux.cpp has it all; platform_portable.cpp is for the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace bricks {

// Something that another thread or process can be woken by: one descriptor on Linux, the ends of a pipe elsewhere.
struct Event {
  int readable = -1;
  int writable = -1;
};
bool CreateEvent(Event* event);
void CloseEvent(Event* event);
void SignalEvent(int writable);
void DrainEvent(int readable);

// Memory that can be handed to another process, with its space taken, that can't shrink afterwards.
// -1 with errno otherwise.
int CreateSharedMemory(const char* name, size_t bytes);
// Whether a descriptor from another process is such memory of at least `bytes`.
bool IsSharedMemory(int descriptor, size_t bytes);

// Tells apart the places where the same interface name means different interfaces.
std::string NetworkNamespace();
// The process at the other end of a Unix socket, or `claimed` where the system can't tell.
int PeerProcess(int socket, int claimed);
// Whether that is a process of this user, or of root, from whom nothing could be kept anyway.
bool PeerTrusted(int socket);

// Whether that process is of this user, or is in this group.
bool PeerIsUser(int socket, uint32_t user);
bool PeerInGroup(int socket, uint32_t group);

// The process that has an flock on what the descriptor stands for, or 0 where the system does not tell.
int LockHolder(int descriptor);

// 0, or an error number.
int SetThreadAffinity(int cpu);
int SetThreadName(const char* name);
// Lets the calling thread have a CPU that another one is using as soon as it is woken, and not only when that one's share of time
// is over. It gets no more time than before. Linux since 6.12; elsewhere nothing changes.
int SetThreadPrompt();
// A new tap interface that is up, and by which the system sends nothing of its own; the descriptor, or -1 with errno.
int OpenTap(const char* name);

}  // namespace bricks
