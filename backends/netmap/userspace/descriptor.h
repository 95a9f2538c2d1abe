/*
 * Opens of the device, and this process's file descriptors for them.
 *
 * The descriptor a program gets is that of a FIFO in the run directory. Peers wake a sleeper by
 * writing a byte into it, so it can be waited for by poll, select and epoll together with
 * anything else. A lock on it belongs to the open file description: it stays over fork, dup and
 * exec, and the kernel drops it with the last descriptor, however the process dies. So anybody
 * can ask whether an open still lives.
 */
#ifndef NETMAP_USERSPACE_DESCRIPTOR_H
#define NETMAP_USERSPACE_DESCRIPTOR_H

#include "shared.h"

/* open("/dev/netmap"): a descriptor, or -1 and errno. */
int descriptor_open(int flags);
/* The open that this descriptor stands for, or 0. */
uint32_t descriptor_find(int fd);
/* The same, for one that came over exec or a socket. */
uint32_t descriptor_find_inherited(int fd);
/* A copy of a descriptor has been made. */
void descriptor_copied(int from, int to);
/* Closes it, and gives everything back if it was the last. */
int descriptor_close(int fd);
/* Before a number is overwritten (dup2), and after, when what was behind it is closed. */
uint32_t descriptor_forget(int fd);
void descriptor_forgotten(uint32_t open);
/* Whether this process has any, and the highest number ever used. */
bool descriptors_any(void);
int descriptors_highest(void);
/* False between vfork and exec: the child must leave its parent's table alone. */
bool descriptors_ours(void);
void descriptors_after_fork(void);
void descriptors_at_exit(void);

/* Wakes who sleeps in poll on this open, in whatever process. */
void open_wake(uint32_t open);
/* Around a sleep; the second takes out the byte that woke us. */
void open_sleep_begins(uint32_t open);
void open_sleep_ends(uint32_t open, int fd, bool readable);

/* With the control lock: finds opens whose processes are gone and takes back what they held.
 * Quick: only looks closer where the process has gone. Thorough: at every one. */
void opens_sweep(bool thorough);
/* The same for those of one port. */
void opens_sweep_port(uint32_t port);

#endif
