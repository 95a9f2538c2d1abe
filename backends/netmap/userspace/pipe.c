/*
 * Cost, by sketch: a slot is 16 bytes, four to a cache line; copying it to the peer's ring is one
 * load and one store, the owner's word another store, mostly in cache because buffers of a ring
 * are neighbours at first: 2 to 5 ns a slot. The line of the peer's hwcur crosses between CPUs
 * once a sync.
 */
#include "pipe.h"

#include "control.h"
#include "memory.h"

static struct netmap_slot *slots_of(const struct kring *k) {
  return netmap_ring_slots((const struct netmap_ring *)(region_base(k->region) + k->ring_offset));
}

/* Copies slots [from, to) and gives their buffers to `holder`. Returns where it stopped, and in
 * *whole the end of the last complete packet. */
static uint32_t slots_move(const struct kring *k, struct netmap_slot *source, struct netmap_slot *target,
                           uint32_t from, uint32_t to, uint32_t holder, uint32_t *whole) {
  const uint32_t buffers = control->regions[k->region].buffer_total - NETMAP_BUFFERS_RESERVED;
  uint32_t *owners = region_owners(k->region);
  const uint32_t slots = k->slots;
  uint32_t position = from;
  while (position != to) {
    const struct netmap_slot slot = source[position];
    /* The program may write into the slot at any time: what was checked is what is copied. */
    if (slot.buf_idx - NETMAP_BUFFERS_RESERVED >= buffers || slot.len > BUFFER_SIZE) break;
    uint32_t *owner = &owners[slot.buf_idx];
    if (*owner == OWNER_FREE) break;
    *owner = holder;
    target[position] = slot;
    if (slot.flags & NS_BUF_CHANGED) source[position].flags = slot.flags & (uint16_t)~NS_BUF_CHANGED;
    position = slot_next(position, slots);
    if (!(slot.flags & NS_MOREFRAG)) *whole = position;
  }
  return position;
}

bool pipe_transmit_sync(struct kring *k, struct netmap_ring *ring, bool *moved) {
  struct kring *peer = &control->krings[k->peer];
  const uint32_t head = k->rhead;
  bool good = true;
  if (k->hwcur != head) {
    uint32_t whole = k->hwcur;
    uint32_t end = slots_move(k, netmap_ring_slots(ring), slots_of(peer), k->hwcur, head, peer->holder, &whole);
    good = end == head;
    /* Slots of a packet whose last part is still to come stay ours: their owner goes back. */
    for (uint32_t i = whole; i != end; i = slot_next(i, k->slots)) {
      uint32_t buffer = netmap_ring_slots(ring)[i].buf_idx;
      if (region_index_valid(&control->regions[k->region], buffer)) region_owners(k->region)[buffer] = k->holder;
    }
    *moved = whole != k->hwcur;
    store_release(&k->hwcur, whole);
  }
  k->hwtail = slot_previous(load_acquire(&peer->hwcur), k->slots);
  return good;
}

bool pipe_receive_sync(struct kring *k, struct netmap_ring *ring, bool *moved) {
  struct kring *peer = &control->krings[k->peer];
  const uint32_t head = k->rhead;
  bool good = true;
  if (k->hwcur != head) {
    uint32_t whole = 0;
    uint32_t end = slots_move(k, netmap_ring_slots(ring), slots_of(peer), k->hwcur, head, peer->holder, &whole);
    good = end == head;
    *moved = end != k->hwcur;
    store_release(&k->hwcur, end);
  }
  k->hwtail = load_acquire(&peer->hwcur);
  return good;
}
