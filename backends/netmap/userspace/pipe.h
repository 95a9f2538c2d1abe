/* Pipes: packets move by handing slots over. The ring's lock is held by the caller. */
#ifndef NETMAP_USERSPACE_PIPE_H
#define NETMAP_USERSPACE_PIPE_H

#include "shared.h"

/* Both return false at a slot that names no buffer or is longer than one; what came before it
 * has moved. `moved` is set if the other end has something new. */
bool pipe_transmit_sync(struct kring *kring, struct netmap_ring *ring, bool *moved);
bool pipe_receive_sync(struct kring *kring, struct netmap_ring *ring, bool *moved);

#endif
