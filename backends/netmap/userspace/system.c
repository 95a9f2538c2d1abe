#define _GNU_SOURCE
#include "system.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Looked up when first used: other constructors may run, and call us, before ours. */
#define NEXT(pointer, name)                                   \
  do {                                                        \
    if (__atomic_load_n(&(pointer), __ATOMIC_RELAXED) == NULL) \
      __atomic_store_n(&(pointer), (__typeof__(pointer))dlsym(RTLD_NEXT, name), __ATOMIC_RELAXED); \
    if ((pointer) == NULL) {                                  \
      errno = ENOSYS;                                         \
      return -1;                                              \
    }                                                         \
  } while (0)

void *system_symbol(const char *name) { return dlsym(RTLD_NEXT, name); }

int system_open(const char *path, int flags, mode_t mode) {
  static int (*next)(const char *, int, ...);
  NEXT(next, "open64");
  return next(path, flags, mode);
}

int system_close(int fd) {
  static int (*next)(int);
  NEXT(next, "close");
  return next(fd);
}

int system_ioctl(int fd, unsigned long request, void *argument) {
  static int (*next)(int, unsigned long, ...);
  NEXT(next, "ioctl");
  return next(fd, request, argument);
}

void *system_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
  /* The memory allocator may call this before anything is set up: no lookup here. */
  return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

int system_fcntl(int fd, int command, void *argument) {
  static int (*next)(int, int, ...);
  NEXT(next, "fcntl64");
  return next(fd, command, argument);
}

int system_dup(int fd) {
  static int (*next)(int);
  NEXT(next, "dup");
  return next(fd);
}

int system_dup2(int from, int to) {
  static int (*next)(int, int);
  NEXT(next, "dup2");
  return next(from, to);
}

int system_dup3(int from, int to, int flags) {
  static int (*next)(int, int, int);
  NEXT(next, "dup3");
  return next(from, to, flags);
}

int system_poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
  static int (*next)(struct pollfd *, nfds_t, int);
  NEXT(next, "poll");
  return next(fds, count, timeout_ms);
}

int system_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask) {
  static int (*next)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
  NEXT(next, "ppoll");
  return next(fds, count, timeout, mask);
}

int system_select(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout) {
  static int (*next)(int, fd_set *, fd_set *, fd_set *, struct timeval *);
  NEXT(next, "select");
  return next(count, in, out, except, timeout);
}

int system_pselect(int count, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
                   const sigset_t *mask) {
  static int (*next)(int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *);
  NEXT(next, "pselect");
  return next(count, in, out, except, timeout, mask);
}

int system_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
  static int (*next)(int, int, int, struct epoll_event *);
  NEXT(next, "epoll_ctl");
  return next(epoll, operation, fd, event);
}

int system_epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout_ms, const sigset_t *mask) {
  static int (*next)(int, struct epoll_event *, int, int, const sigset_t *);
  NEXT(next, "epoll_pwait");
  return next(epoll, events, count, timeout_ms, mask);
}

int system_epoll_pwait2(int epoll, struct epoll_event *events, int count, const struct timespec *timeout,
                        const sigset_t *mask) {
  static int (*next)(int, struct epoll_event *, int, const struct timespec *, const sigset_t *);
  NEXT(next, "epoll_pwait2");
  return next(epoll, events, count, timeout, mask);
}

int system_close_range(unsigned first, unsigned last, int flags) {
  static int (*next)(unsigned, unsigned, int);
  NEXT(next, "close_range");
  return next(first, last, flags);
}
