/* libc's own functions, behind the ones that this library puts in front of them. */
#ifndef NETMAP_USERSPACE_SYSTEM_H
#define NETMAP_USERSPACE_SYSTEM_H

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/types.h>
#include <time.h>

int system_open(const char *path, int flags, mode_t mode);
int system_close(int fd);
int system_ioctl(int fd, unsigned long request, void *argument);
void *system_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);
int system_fcntl(int fd, int command, void *argument);
int system_dup(int fd);
int system_dup2(int from, int to);
int system_dup3(int from, int to, int flags);
int system_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int system_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask);
int system_select(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout);
int system_pselect(int count, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
                   const sigset_t *mask);
int system_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int system_epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout_ms, const sigset_t *mask);
int system_epoll_pwait2(int epoll, struct epoll_event *events, int count, const struct timespec *timeout,
                        const sigset_t *mask);
int system_close_range(unsigned first, unsigned last, int flags);
void *system_symbol(const char *name);

#endif
