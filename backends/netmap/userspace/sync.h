/* What the kernel does in NIOCTXSYNC, NIOCRXSYNC and poll on a descriptor. */
#ifndef NETMAP_USERSPACE_SYNC_H
#define NETMAP_USERSPACE_SYNC_H

#include "shared.h"

/* Syncs all rings of one direction that the open has bound. 0 or errno. */
int sync_rings(uint32_t open, enum direction direction);
/* poll's view: syncs as asked for and returns the events that are there. */
short sync_poll(uint32_t open, short events);

/* Says that somebody sleeps until the rings that `events` names move. Sync again after this. */
void sync_announce_sleep(uint32_t open, short events);
/* Wakes those who sleep for this ring, if there are any. */
void kring_wake(struct kring *kring);

#endif
