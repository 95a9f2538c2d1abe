/*
 * Rings: making and unmaking them, and who owns the buffers in their slots. All calls want the
 * control lock; those that change a ring others may sync take its own lock as well.
 *
 * A pipe has one pair of rings for each direction, in step: position p of the writer's ring and
 * of the reader's are one place. Positions from the reader's hwcur up to the writer's hwcur are
 * on their way, and the reader's slot says which buffer is there; for all others it is the
 * writer's slot. So the pair has one set of buffers, and one store moves any number of them.
 */
#ifndef NETMAP_USERSPACE_KRING_H
#define NETMAP_USERSPACE_KRING_H

#include "shared.h"

/* `count` consecutive unused krings, or 0. */
uint32_t krings_allocate(uint32_t count);
void krings_free(uint32_t first, uint32_t count);
void kring_prepare(uint32_t index, uint32_t port, enum direction direction, uint32_t ring_id, uint32_t slots,
                   bool host, uint32_t peer);

/* Makes the ring (and its peer's) with buffers, if it is not there. 0 or ENOMEM. */
int kring_create_ring(uint32_t index);
void kring_destroy_ring(uint32_t index);

/* Whether the slot at this position says which buffer is there. */
bool kring_position_counts(const struct kring *kring, uint32_t position);

/* The first user of a ring takes over its buffers. */
void kring_take(uint32_t index, uint32_t holder);
/* The last user has gone: what is in the slots stays with the ring. A slot whose buffer was not
 * the user's to leave there gets none, until kring_fill gives it a new one. */
void kring_leave(uint32_t index, uint32_t holder);
/* Gives each slot without a buffer a new one. 0 or ENOMEM. */
int kring_fill(uint32_t index);

/* After a death inside a sync of the ring: makes owners agree with slots. */
void kring_reconcile(uint32_t index);

/* Locks a ring for its sync. False if this thread is in a sync of it already. */
bool kring_lock(uint32_t index);
void kring_unlock(uint32_t index);

static inline uint32_t kring_index(const struct kring *kring, const struct control *of) {
  return (uint32_t)(kring - of->krings);
}

#endif
