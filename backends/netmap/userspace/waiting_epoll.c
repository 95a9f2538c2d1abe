#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "descriptor.h"
#include "interface.h"
#include "sync.h"
#include "system.h"
#include "waiting.h"

/*
 * Ours are in the real epoll too, as what they are (a FIFO, and sockets), marked by the address
 * of their entry here: so the real epoll_wait wakes up, and we know it was one of ours.
 */
struct member {
  struct member *next;
  int epoll, fd;
  uint32_t events;
  epoll_data_t data;
  bool spent; /* EPOLLONESHOT: said once, until the next EPOLL_CTL_MOD */
  uint32_t asleep; /* threads that wait for it here */
  uint32_t sockets;
  int socket[2 * RINGS_OF_PORT_MAX];
};

static struct member *members;
static uint32_t member_count;
static pthread_mutex_t members_lock = PTHREAD_MUTEX_INITIALIZER;

void waiting_fork_prepare(void) { pthread_mutex_lock(&members_lock); }
void waiting_fork_done(void) { pthread_mutex_unlock(&members_lock); }

bool waiting_epoll_has(int epoll) {
  if (__atomic_load_n(&member_count, __ATOMIC_ACQUIRE) == 0) return false;
  bool found = false;
  pthread_mutex_lock(&members_lock);
  for (const struct member *m = members; m != NULL && !found; m = m->next) found = m->epoll == epoll;
  pthread_mutex_unlock(&members_lock);
  return found;
}

static struct member **member_find(int epoll, int fd) {
  struct member **m = &members;
  while (*m != NULL && ((*m)->epoll != epoll || (*m)->fd != fd)) m = &(*m)->next;
  return m;
}

static void member_end_sleep(struct member *m, bool woken) {
  uint32_t open = descriptor_find(m->fd);
  if (m->asleep == 0 || open == 0) return;
  m->asleep--;
  open_sleep_ends(open, m->fd, woken);
}

static void member_free(struct member **place, bool from_epoll) {
  struct member *m = *place;
  while (m->asleep != 0) {
    if (descriptor_find(m->fd) == 0) break;
    member_end_sleep(m, false);
  }
  for (uint32_t i = 0; i < m->sockets && from_epoll; i++) system_epoll_ctl(m->epoll, EPOLL_CTL_DEL, m->socket[i], NULL);
  if (from_epoll) system_epoll_ctl(m->epoll, EPOLL_CTL_DEL, m->fd, NULL);
  *place = m->next;
  free(m);
  __atomic_fetch_sub(&member_count, 1, __ATOMIC_RELEASE);
}

static short poll_events(uint32_t events) {
  short wanted = 0;
  if (events & (EPOLLIN | EPOLLRDNORM)) wanted |= POLLIN;
  if (events & (EPOLLOUT | EPOLLWRNORM)) wanted |= POLLOUT;
  return wanted;
}

/* An interface's sockets belong in the epoll while the program wants their events. */
static void member_sockets(struct member *m, uint32_t open) {
  struct pollfd fds[2 * RINGS_OF_PORT_MAX];
  for (uint32_t i = 0; i < m->sockets; i++) system_epoll_ctl(m->epoll, EPOLL_CTL_DEL, m->socket[i], NULL);
  m->sockets = 0;
  uint32_t found = interface_sockets(open, poll_events(m->events) & POLLIN, fds, 2 * RINGS_OF_PORT_MAX);
  for (uint32_t i = 0; i < found; i++) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.ptr = m}};
    if (system_epoll_ctl(m->epoll, EPOLL_CTL_ADD, fds[i].fd, &event) == 0) m->socket[m->sockets++] = fds[i].fd;
  }
}

static int member_add(int epoll, int fd, uint32_t open, const struct epoll_event *event) {
  if (*member_find(epoll, fd) != NULL) {
    errno = EEXIST;
    return -1;
  }
  struct member *m = calloc(1, sizeof *m);
  if (m == NULL) {
    errno = ENOMEM;
    return -1;
  }
  m->epoll = epoll;
  m->fd = fd;
  m->events = event->events;
  m->data = event->data;
  struct epoll_event real = {.events = EPOLLIN, .data = {.ptr = m}};
  if (system_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &real) != 0) {
    int error = errno;
    free(m);
    errno = error;
    return -1;
  }
  m->next = members;
  members = m;
  __atomic_fetch_add(&member_count, 1, __ATOMIC_RELEASE);
  member_sockets(m, open);
  return 0;
}

int waiting_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
  uint32_t open = descriptor_find(fd);
  int result = 0;
  if (operation != EPOLL_CTL_DEL && event == NULL) {
    errno = EFAULT;
    return -1;
  }
  pthread_mutex_lock(&members_lock);
  struct member **m = member_find(epoll, fd);
  if (operation == EPOLL_CTL_ADD) {
    result = member_add(epoll, fd, open, event);
  } else if (*m == NULL) {
    errno = ENOENT;
    result = -1;
  } else if (operation == EPOLL_CTL_MOD) {
    (*m)->events = event->events;
    (*m)->data = event->data;
    (*m)->spent = false;
    member_sockets(*m, open);
  } else if (operation == EPOLL_CTL_DEL) {
    member_free(m, true);
  } else {
    errno = EINVAL;
    result = -1;
  }
  int error = errno;
  pthread_mutex_unlock(&members_lock);
  errno = error;
  return result;
}

/* Syncs the epoll's members and reports those that have something. */
static int members_check(int epoll, struct epoll_event *events, int count, bool announce) {
  int ready = 0;
  pthread_mutex_lock(&members_lock);
  for (struct member *m = members; m != NULL && ready < count; m = m->next) {
    uint32_t open = m->epoll == epoll && !m->spent ? descriptor_find(m->fd) : 0;
    if (open == 0) continue;
    if (announce) {
      m->asleep++;
      open_sleep_begins(open);
      sync_announce_sleep(open, poll_events(m->events));
    }
    short found = sync_poll(open, poll_events(m->events));
    uint32_t what = 0;
    if (found & POLLIN) what |= m->events & (EPOLLIN | EPOLLRDNORM);
    if (found & POLLOUT) what |= m->events & (EPOLLOUT | EPOLLWRNORM);
    if (found & POLLERR) what |= EPOLLERR;
    if (what == 0) continue;
    events[ready].events = what;
    events[ready++].data = m->data;
    if (m->events & EPOLLONESHOT) m->spent = true;
  }
  pthread_mutex_unlock(&members_lock);
  return ready;
}

/* Takes our own entries out of what the system reported, and ends a sleep. */
static int ours_remove(int epoll, struct epoll_event *events, int count) {
  int kept = 0;
  pthread_mutex_lock(&members_lock);
  for (struct member *m = members; m != NULL; m = m->next) {
    if (m->epoll != epoll) continue;
    bool woken = false;
    for (int i = 0; i < count; i++) woken = woken || (events[i].data.ptr == m && (events[i].events & EPOLLIN));
    member_end_sleep(m, woken);
  }
  for (int i = 0; i < count; i++) {
    const struct member *m = members;
    while (m != NULL && (m->epoll != epoll || m != events[i].data.ptr)) m = m->next;
    if (m == NULL) {
      events[kept++] = events[i];
    }
  }
  pthread_mutex_unlock(&members_lock);
  return kept;
}

int waiting_epoll_wait(int epoll, struct epoll_event *events, int count, const struct timespec *timeout,
                       const sigset_t *mask) {
  if (count <= 0 || events == NULL) {
    errno = EINVAL;
    return -1;
  }
  bool at_once = timeout != NULL && timeout->tv_sec == 0 && timeout->tv_nsec == 0;
  struct timespec deadline = {0, 0};
  if (timeout != NULL) deadline = waiting_deadline(timeout);
  for (;;) {
    int ready = members_check(epoll, events, count, false);
    bool announced = ready == 0 && !at_once;
    if (announced) ready = members_check(epoll, events, count, true);
    if (ready == count) {
      if (announced) ours_remove(epoll, events, 0);
      return ready;
    }
    int wait_ms = 0;
    if (ready == 0 && !at_once) {
      wait_ms = -1;
      if (timeout != NULL) {
        struct timespec left = waiting_remaining(&deadline);
        int64_t ms = left.tv_sec * 1000LL + (left.tv_nsec + 999999) / 1000000;
        wait_ms = ms > INT_MAX ? INT_MAX : (int)ms;
      }
    }
    int others = system_epoll_pwait(epoll, events + ready, count - ready, wait_ms, mask);
    int error = errno;
    int kept = ours_remove(epoll, events + ready, others > 0 ? others : 0);
    errno = error;
    if (others < 0) return ready > 0 ? ready : -1;
    if (ready + kept > 0 || at_once) return ready + kept;
    if (others == 0 && wait_ms >= 0) return 0;
  }
}

void waiting_forget(int fd) {
  if (__atomic_load_n(&member_count, __ATOMIC_ACQUIRE) == 0) return;
  pthread_mutex_lock(&members_lock);
  for (struct member **m = &members; *m != NULL;) {
    if ((*m)->fd == fd) member_free(m, true); else m = &(*m)->next;
  }
  pthread_mutex_unlock(&members_lock);
}

void waiting_forget_epoll(int epoll) {
  if (__atomic_load_n(&member_count, __ATOMIC_ACQUIRE) == 0 || !descriptors_ours()) return;
  pthread_mutex_lock(&members_lock);
  for (struct member **m = &members; *m != NULL;) {
    if ((*m)->epoll == epoll) member_free(m, false); else m = &(*m)->next;
  }
  pthread_mutex_unlock(&members_lock);
}
