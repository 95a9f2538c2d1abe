/* The waiting functions of libc, with their checked forms. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "descriptor.h"
#include "system.h"
#include "waiting.h"

#define EXPORT __attribute__((visibility("default")))

static struct timespec from_ms(int ms) { return (struct timespec){ms / 1000, (ms % 1000) * 1000000L}; }

static bool has_ours(const struct pollfd *fds, nfds_t count) {
  if (!descriptors_any()) return false;
  for (nfds_t i = 0; i < count; i++) {
    if (descriptor_find(fds[i].fd) != 0) return true;
  }
  return false;
}

EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
  if (!has_ours(fds, count)) return system_poll(fds, count, timeout_ms);
  struct timespec timeout = from_ms(timeout_ms < 0 ? 0 : timeout_ms);
  return waiting_poll(fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask) {
  if (!has_ours(fds, count)) return system_ppoll(fds, count, timeout, mask);
  return waiting_poll(fds, count, timeout, mask);
}

EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size);
EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size) {
  if (size / sizeof *fds < count) abort();
  return poll(fds, count, timeout_ms);
}

EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                       size_t size);
EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                       size_t size) {
  if (size / sizeof *fds < count) abort();
  return ppoll(fds, count, timeout, mask);
}

static bool sets_have_ours(int count, const fd_set *in, const fd_set *out, const fd_set *except) {
  if (!descriptors_any()) return false;
  int end = descriptors_highest() + 1 < count ? descriptors_highest() + 1 : count;
  for (int fd = 0; fd < end; fd++) {
    bool asked = (in != NULL && FD_ISSET(fd, in)) || (out != NULL && FD_ISSET(fd, out)) ||
                 (except != NULL && FD_ISSET(fd, except));
    if (asked && descriptor_find(fd) != 0) return true;
  }
  return false;
}

EXPORT int select(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout) {
  if (!sets_have_ours(count, in, out, except)) return system_select(count, in, out, except, timeout);
  if (timeout == NULL) return waiting_select(count, in, out, except, NULL, NULL);
  if (timeout->tv_sec < 0 || timeout->tv_usec < 0) {
    errno = EINVAL;
    return -1;
  }
  struct timespec time = {timeout->tv_sec + timeout->tv_usec / 1000000, timeout->tv_usec % 1000000 * 1000};
  struct timespec deadline = waiting_deadline(&time);
  int result = waiting_select(count, in, out, except, &time, NULL);
  /* Linux says in it how much was left. */
  struct timespec left = waiting_remaining(&deadline);
  *timeout = (struct timeval){left.tv_sec, left.tv_nsec / 1000};
  return result;
}

EXPORT int pselect(int count, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
                   const sigset_t *mask) {
  if (!sets_have_ours(count, in, out, except)) return system_pselect(count, in, out, except, timeout, mask);
  return waiting_select(count, in, out, except, timeout, mask);
}

EXPORT int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
  if (descriptor_find(fd) == 0) return system_epoll_ctl(epoll, operation, fd, event);
  return waiting_epoll_ctl(epoll, operation, fd, event);
}

EXPORT int epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout_ms, const sigset_t *mask) {
  if (!waiting_epoll_has(epoll)) return system_epoll_pwait(epoll, events, count, timeout_ms, mask);
  struct timespec timeout = from_ms(timeout_ms < 0 ? 0 : timeout_ms);
  return waiting_epoll_wait(epoll, events, count, timeout_ms < 0 ? NULL : &timeout, mask);
}

EXPORT int epoll_wait(int epoll, struct epoll_event *events, int count, int timeout_ms) {
  return epoll_pwait(epoll, events, count, timeout_ms, NULL);
}

EXPORT int epoll_pwait2(int epoll, struct epoll_event *events, int count, const struct timespec *timeout,
                        const sigset_t *mask) {
  if (!waiting_epoll_has(epoll)) return system_epoll_pwait2(epoll, events, count, timeout, mask);
  return waiting_epoll_wait(epoll, events, count, timeout, mask);
}
