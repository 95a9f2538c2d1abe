/* Network interfaces, by AF_PACKET sockets: the part that is Linux's own. */
#ifndef NETMAP_USERSPACE_INTERFACE_H
#define NETMAP_USERSPACE_INTERFACE_H

#include <poll.h>

#include "shared.h"

/* Identifies this process's network namespace. */
uint64_t interface_namespace(void);
/* How many hardware queues, and so rings, an interface has. */
uint32_t interface_queues(const char *name);

/* Opens and closes the sockets of the rings that an open has bound. 0 or errno. */
int interface_open(uint32_t open);
void interface_close(uint32_t open);
/* The sockets to wait on besides the descriptor itself. Returns how many. */
uint32_t interface_sockets(uint32_t open, short events, struct pollfd *fds, uint32_t room);

/* The ring's lock is held by the caller. */
bool interface_transmit_sync(struct kring *kring, struct netmap_ring *ring);
bool interface_receive_sync(struct kring *kring, struct netmap_ring *ring);

#endif
