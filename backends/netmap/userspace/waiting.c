#define _GNU_SOURCE
#include "waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "descriptor.h"
#include "interface.h"
#include "sync.h"
#include "system.h"

enum { ON_STACK = 64, NANOSECONDS = 1000000000 };

struct timespec waiting_deadline(const struct timespec *timeout) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  now.tv_sec += timeout->tv_sec;
  now.tv_nsec += timeout->tv_nsec;
  if (now.tv_nsec >= NANOSECONDS) {
    now.tv_sec++;
    now.tv_nsec -= NANOSECONDS;
  }
  return now;
}

struct timespec waiting_remaining(const struct timespec *deadline) {
  struct timespec now, left;
  clock_gettime(CLOCK_MONOTONIC, &now);
  left.tv_sec = deadline->tv_sec - now.tv_sec;
  left.tv_nsec = deadline->tv_nsec - now.tv_nsec;
  if (left.tv_nsec < 0) {
    left.tv_sec--;
    left.tv_nsec += NANOSECONDS;
  }
  if (left.tv_sec < 0) left.tv_sec = left.tv_nsec = 0;
  return left;
}

static bool is_zero(const struct timespec *time) { return time->tv_sec == 0 && time->tv_nsec == 0; }

/* Syncs ours; returns how many have something, and how many there are. */
static int ours_check(struct pollfd *fds, nfds_t count, nfds_t *ours) {
  int ready = 0;
  *ours = 0;
  for (nfds_t i = 0; i < count; i++) {
    uint32_t open = descriptor_find(fds[i].fd);
    if (open == 0) continue;
    ++*ours;
    fds[i].revents = sync_poll(open, fds[i].events);
    if (fds[i].revents != 0) ready++;
  }
  return ready;
}

/* Asks the system about all others, without waiting, and adds what it says. */
static int others_check(struct pollfd *fds, nfds_t count, struct pollfd *scratch, const sigset_t *mask) {
  const struct timespec at_once = {0, 0};
  for (nfds_t i = 0; i < count; i++) {
    scratch[i] = fds[i];
    if (descriptor_find(fds[i].fd) != 0) scratch[i].fd = -1;
  }
  int ready = system_ppoll(scratch, count, &at_once, mask);
  if (ready < 0) return ready;
  for (nfds_t i = 0; i < count; i++) {
    if (scratch[i].fd >= 0 || fds[i].fd < 0) fds[i].revents = scratch[i].revents;
  }
  return ready;
}

static void ours_begin_sleep(const struct pollfd *fds, nfds_t count) {
  for (nfds_t i = 0; i < count; i++) {
    uint32_t open = descriptor_find(fds[i].fd);
    if (open == 0) continue;
    open_sleep_begins(open);
    sync_announce_sleep(open, fds[i].events);
  }
}

static void ours_end_sleep(const struct pollfd *fds, nfds_t count, bool woken) {
  for (nfds_t i = 0; i < count; i++) {
    uint32_t open = descriptor_find(fds[i].fd);
    if (open != 0) open_sleep_ends(open, fds[i].fd, woken && (fds[i].revents & POLLIN));
  }
}

/* Sleeps until a peer or the system has something. Our descriptors become readable by it; an
 * interface's packets come by its sockets. Returns as ppoll does. */
static int sleep_for_any(const struct pollfd *fds, nfds_t count, nfds_t ours, const struct timespec *left,
                         const sigset_t *mask) {
  enum { SOCKETS_EACH = 2 * RINGS_OF_PORT_MAX };
  struct pollfd on_stack[ON_STACK + SOCKETS_EACH], *all = on_stack;
  nfds_t room = count + (ours < ON_STACK ? ours : ON_STACK) * SOCKETS_EACH;
  if (room > ON_STACK + SOCKETS_EACH && (all = malloc(room * sizeof *all)) == NULL) {
    ours_end_sleep(fds, count, false);
    errno = ENOMEM;
    return -1;
  }
  nfds_t used = count;
  for (nfds_t i = 0; i < count; i++) {
    all[i] = fds[i];
    all[i].revents = 0;
    uint32_t open = descriptor_find(fds[i].fd);
    if (open == 0) continue;
    all[i].events = POLLIN;
    used += interface_sockets(open, fds[i].events, all + used, (uint32_t)(room - used));
  }
  int result = system_ppoll(all, used, left, mask);
  int error = errno;
  ours_end_sleep(all, count, result > 0);
  if (all != on_stack) free(all);
  errno = error;
  return result;
}

int waiting_poll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask) {
  struct timespec deadline = {0, 0};
  bool at_once = timeout != NULL && is_zero(timeout), slept = false;
  if (timeout != NULL && !at_once) deadline = waiting_deadline(timeout);
  struct pollfd on_stack[ON_STACK], *scratch = on_stack;
  if (count > ON_STACK && (scratch = malloc(count * sizeof *scratch)) == NULL) {
    errno = ENOMEM;
    return -1;
  }
  int result;
  for (;;) {
    nfds_t ours;
    int ready = ours_check(fds, count, &ours), others = 0;
    if (ready == 0 && !at_once && !slept) {
      ours_begin_sleep(fds, count);
      ready = ours_check(fds, count, &ours);
      if (ready != 0) ours_end_sleep(fds, count, false);
    }
    /* For others, look when there is something to return anyway, or after every sleep. */
    if ((ready != 0 || at_once || slept) && ours < count) others = others_check(fds, count, scratch, mask);
    if (others < 0) {
      result = -1;
      break;
    }
    result = ready + others;
    if (result != 0 || at_once) break;
    if (slept) {
      slept = false;
      struct timespec left = {1, 0};
      if (timeout != NULL) left = waiting_remaining(&deadline);
      if (is_zero(&left)) break;
      continue;
    }
    struct timespec left;
    if (timeout != NULL) left = waiting_remaining(&deadline);
    result = sleep_for_any(fds, count, ours, timeout != NULL ? &left : NULL, mask);
    if (result <= 0) break;
    slept = true;
  }
  int error = errno;
  if (scratch != on_stack) free(scratch);
  errno = error;
  return result;
}

int waiting_select(int count, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
                   const sigset_t *mask) {
  struct pollfd *fds = malloc(((size_t)count + 1) * sizeof *fds);
  if (fds == NULL) {
    errno = ENOMEM;
    return -1;
  }
  nfds_t used = 0;
  for (int fd = 0; fd < count; fd++) {
    short events = 0;
    if (in != NULL && FD_ISSET(fd, in)) events |= POLLIN;
    if (out != NULL && FD_ISSET(fd, out)) events |= POLLOUT;
    if (except != NULL && FD_ISSET(fd, except)) events |= POLLPRI;
    if (events != 0) fds[used++] = (struct pollfd){.fd = fd, .events = events};
  }
  int result = waiting_poll(fds, used, timeout, mask);
  if (result >= 0) {
    result = 0;
    for (nfds_t i = 0; i < used; i++) {
      int fd = fds[i].fd;
      short got = fds[i].revents;
      if (got & POLLNVAL) {
        errno = EBADF;
        result = -1;
        break;
      }
      if (in != NULL && FD_ISSET(fd, in)) {
        if (got & (POLLIN | POLLHUP | POLLERR)) result++; else FD_CLR(fd, in);
      }
      if (out != NULL && FD_ISSET(fd, out)) {
        if (got & (POLLOUT | POLLERR)) result++; else FD_CLR(fd, out);
      }
      if (except != NULL && FD_ISSET(fd, except)) {
        if (got & POLLPRI) result++; else FD_CLR(fd, except);
      }
    }
  }
  int error = errno;
  free(fds);
  errno = error;
  return result;
}
