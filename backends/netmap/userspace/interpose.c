/*
 * The functions of libc that this library stands in front of. For anything but the device, and
 * descriptors of it, each goes straight on to libc.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control.h"
#include "descriptor.h"
#include "memory.h"
#include "request.h"
#include "sync.h"
#include "system.h"
#include "waiting.h"

#define EXPORT __attribute__((visibility("default")))

static bool is_device(const char *path) { return path != NULL && strcmp(path, NETMAP_DEVICE) == 0; }

static bool has_mode(int flags) { return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE; }

static mode_t mode_argument(int flags, va_list arguments) {
  return has_mode(flags) ? (mode_t)va_arg(arguments, unsigned) : 0;
}

/* Passes on to the function of this name, which takes what ours does. */
#define PASS_ON(type, name) \
  static __typeof__((type)NULL) next; \
  if (__atomic_load_n(&next, __ATOMIC_RELAXED) == NULL) __atomic_store_n(&next, (type)system_symbol(name), __ATOMIC_RELAXED)

#define OPEN_FUNCTION(name)                                  \
  EXPORT int name(const char *path, int flags, ...);         \
  EXPORT int name(const char *path, int flags, ...) {        \
    if (is_device(path)) return descriptor_open(flags);      \
    va_list arguments;                                       \
    va_start(arguments, flags);                              \
    mode_t mode = mode_argument(flags, arguments);           \
    va_end(arguments);                                       \
    PASS_ON(int (*)(const char *, int, ...), #name);         \
    return next(path, flags, mode);                          \
  }

#define OPENAT_FUNCTION(name)                                    \
  EXPORT int name(int at, const char *path, int flags, ...);     \
  EXPORT int name(int at, const char *path, int flags, ...) {    \
    if (is_device(path)) return descriptor_open(flags);          \
    va_list arguments;                                           \
    va_start(arguments, flags);                                  \
    mode_t mode = mode_argument(flags, arguments);               \
    va_end(arguments);                                           \
    PASS_ON(int (*)(int, const char *, int, ...), #name);        \
    return next(at, path, flags, mode);                          \
  }

#define OPEN_CHECKED_FUNCTION(name)                       \
  EXPORT int name(const char *path, int flags);           \
  EXPORT int name(const char *path, int flags) {          \
    if (is_device(path)) return descriptor_open(flags);   \
    PASS_ON(int (*)(const char *, int), #name);           \
    return next(path, flags);                             \
  }

#define OPENAT_CHECKED_FUNCTION(name)                     \
  EXPORT int name(int at, const char *path, int flags);   \
  EXPORT int name(int at, const char *path, int flags) {  \
    if (is_device(path)) return descriptor_open(flags);   \
    PASS_ON(int (*)(int, const char *, int), #name);      \
    return next(at, path, flags);                         \
  }

#undef open
#undef open64
#undef openat
#undef openat64
OPEN_FUNCTION(open)
OPEN_FUNCTION(open64)
OPENAT_FUNCTION(openat)
OPENAT_FUNCTION(openat64)
OPEN_CHECKED_FUNCTION(__open_2)
OPEN_CHECKED_FUNCTION(__open64_2)
OPENAT_CHECKED_FUNCTION(__openat_2)
OPENAT_CHECKED_FUNCTION(__openat64_2)

/* Numbers of control calls reach ioctl as int or as unsigned long: the low 32 bits count. */
static int device_ioctl(uint32_t open, uint32_t request, void *argument) {
  switch (request) {
    case NIOCTXSYNC:
      return sync_rings(open, TRANSMIT);
    case NIOCRXSYNC:
      return sync_rings(open, RECEIVE);
    case NIOCCTRL:
      return request_control(open, argument);
    case NIOCREGIF:
      return request_register_older(open, argument);
    case NIOCGINFO:
      return request_information_older(open, argument);
    default:
      return EOPNOTSUPP;
  }
}

static bool is_netmap_request(uint32_t request) {
  return request == NIOCTXSYNC || request == NIOCRXSYNC || request == NIOCCTRL || request == NIOCREGIF || request == NIOCGINFO;
}

EXPORT int ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  uint32_t open = descriptor_find(fd);
  if (open == 0 && is_netmap_request((uint32_t)request)) open = descriptor_find_inherited(fd);
  if (open == 0) return system_ioctl(fd, request, argument);
  if (!is_netmap_request((uint32_t)request)) return system_ioctl(fd, request, argument);
  int error = device_ioctl(open, (uint32_t)request, argument);
  if (error == 0) return 0;
  errno = error;
  return -1;
}

static void *device_mmap(uint32_t open, void *address, size_t length, int protection, int flags, int64_t offset) {
  const struct open_device *o = &control->opens[open];
  if (load_acquire(&o->state) != OPEN_BOUND) {
    errno = EINVAL;
    return MAP_FAILED;
  }
  return region_map_for_program(o->region, address, length, protection, flags, offset);
}

EXPORT void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
  uint32_t open = flags & MAP_ANONYMOUS ? 0 : descriptor_find(fd);
  if (open != 0) return device_mmap(open, address, length, protection, flags, offset);
  return system_mmap(address, length, protection, flags, fd, offset);
}

EXPORT void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
  return mmap(address, length, protection, flags, fd, offset);
}

EXPORT int close(int fd) {
  waiting_forget_epoll(fd);
  return descriptors_any() ? descriptor_close(fd) : system_close(fd);
}

EXPORT int close_range(unsigned first, unsigned last, int flags) {
  int end = descriptors_highest();
  if (!(flags & (int)CLOSE_RANGE_CLOEXEC)) {
    for (unsigned fd = first; (int)fd <= end && fd <= last; fd++) {
      if (descriptor_find((int)fd) != 0) descriptor_close((int)fd);
    }
  }
  return system_close_range(first, last, flags);
}

EXPORT void closefrom(int first) {
  if (close_range(first < 0 ? 0 : (unsigned)first, UINT_MAX, 0) == 0) return;
  for (int fd = first < 0 ? 0 : first; fd < (int)sysconf(_SC_OPEN_MAX); fd++) close(fd);
}

EXPORT int dup(int fd) {
  int copy = system_dup(fd);
  if (copy >= 0) descriptor_copied(fd, copy);
  return copy;
}

/* Whatever had the number `to` is closed by this. */
EXPORT int dup2(int from, int to) {
  if (from == to || !descriptors_any()) return system_dup2(from, to);
  if (system_fcntl(from, F_GETFD, NULL) < 0) return -1;
  uint32_t before = descriptor_forget(to);
  waiting_forget_epoll(to);
  int result = system_dup2(from, to);
  if (result >= 0) descriptor_copied(from, to);
  descriptor_forgotten(before);
  return result;
}

EXPORT int dup3(int from, int to, int flags) {
  if (from == to || !descriptors_any()) return system_dup3(from, to, flags);
  if (system_fcntl(from, F_GETFD, NULL) < 0) return -1;
  uint32_t before = descriptor_forget(to);
  waiting_forget_epoll(to);
  int result = system_dup3(from, to, flags);
  if (result >= 0) descriptor_copied(from, to);
  descriptor_forgotten(before);
  return result;
}

static int device_fcntl(int fd, int command, void *argument) {
  /* Peers' bytes are taken out of the FIFO without waiting, whatever the program prefers. */
  if (command == F_SETFL && descriptor_find(fd) != 0) argument = (void *)((intptr_t)argument | O_NONBLOCK);
  int result = system_fcntl(fd, command, argument);
  if (result >= 0 && (command == F_DUPFD || command == F_DUPFD_CLOEXEC)) descriptor_copied(fd, result);
  return result;
}

EXPORT int fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  return device_fcntl(fd, command, argument);
}

EXPORT int fcntl64(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  return device_fcntl(fd, command, argument);
}

__attribute__((constructor)) static void start(void) {
  pthread_atfork(control_fork_prepare, control_fork_done, control_fork_done);
  pthread_atfork(memory_fork_prepare, memory_fork_done, memory_fork_done);
  pthread_atfork(waiting_fork_prepare, waiting_fork_done, waiting_fork_done);
  pthread_atfork(NULL, NULL, descriptors_after_fork);
}

__attribute__((destructor)) static void end(void) { descriptors_at_exit(); }
