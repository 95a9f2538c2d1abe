/* poll, select and epoll over descriptors of ours and of anybody else. */
#ifndef NETMAP_USERSPACE_WAITING_H
#define NETMAP_USERSPACE_WAITING_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>

/* Like ppoll. timeout NULL: for ever; it is not changed. */
int waiting_poll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask);
/* Like pselect. */
int waiting_select(int count, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
                   const sigset_t *mask);

/* Whether this epoll has one of ours in it. */
bool waiting_epoll_has(int epoll);
int waiting_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int waiting_epoll_wait(int epoll, struct epoll_event *events, int count, const struct timespec *timeout,
                       const sigset_t *mask);

/* This number is about to be closed, as a descriptor of ours or as an epoll. */
void waiting_forget(int fd);
void waiting_forget_epoll(int epoll);

void waiting_fork_prepare(void);
void waiting_fork_done(void);

/* Times of CLOCK_MONOTONIC. */
struct timespec waiting_deadline(const struct timespec *timeout);
struct timespec waiting_remaining(const struct timespec *deadline);

#endif
