/* VALE switches: packets are copied, by destination address as learned from source addresses. */
#ifndef NETMAP_USERSPACE_VALE_H
#define NETMAP_USERSPACE_VALE_H

#include "shared.h"

/* With the control lock. `name` is `valeX:port`. 0 or errno. */
int vale_attach(uint32_t port, const char *name);
void vale_detach(uint32_t port);
uint32_t vale_find(const char *name);

/* Forwards what the program has put into its ring; the ring's lock is held by the caller. */
bool vale_transmit_sync(struct kring *kring, struct netmap_ring *ring);
/* Takes back what the program has released and shows what has come. */
bool vale_receive_sync(struct kring *kring, struct netmap_ring *ring);

#endif
