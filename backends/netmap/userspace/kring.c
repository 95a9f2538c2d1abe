#include "kring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "memory.h"

uint32_t krings_allocate(uint32_t count) {
  uint32_t run = 0;
  for (uint32_t i = 1; i < KRINGS_MAX; i++) {
    run = control->krings[i].port == 0 ? run + 1 : 0;
    if (run == count) {
      if (i > control->krings_top) control->krings_top = i;
      return i + 1 - count;
    }
  }
  return 0;
}

void krings_free(uint32_t first, uint32_t count) {
  for (uint32_t i = first; i < first + count; i++) store_relaxed(&control->krings[i].port, 0);
}

void kring_prepare(uint32_t index, uint32_t port, enum direction direction, uint32_t ring_id, uint32_t slots,
                   bool host, uint32_t peer) {
  struct kring *k = &control->krings[index];
  if (!k->mutexes_ready) {
    /* Once in the life of the control file: somebody may still wait on it for the last time. */
    shared_mutex_initialise(&k->lock);
    shared_mutex_initialise(&k->producer_lock);
    k->mutexes_ready = 1;
  }
  k->slots = slots;
  k->ring_offset = 0;
  k->region = control->ports[port].region;
  k->peer = peer;
  k->holder = OWNER_OF_KRING | index;
  /* A late wake-up of the ring that was here before may look at these (kring_wake): it wakes nobody, or one in vain. */
  store_relaxed(&k->users, 0);
  store_relaxed(&k->open, 0);
  store_relaxed(&k->waiting, 0);
  k->ring_id = (uint16_t)ring_id;
  k->direction = direction;
  k->exclusive = 0;
  k->host = host;
  k->receiver = 0;
  k->rhead = k->rcur = k->rtail = 0;
  k->hwcur = k->hwtail = 0;
  store_relaxed(&k->port, port);
}

static struct netmap_ring *kring_ring(const struct kring *k) {
  return (struct netmap_ring *)(region_base(k->region) + k->ring_offset);
}

bool kring_lock(uint32_t index) {
  bool mine;
  if (shared_lock(&control->krings[index].lock, &mine)) kring_reconcile(index);
  return mine;
}

void kring_unlock(uint32_t index) { pthread_mutex_unlock(&control->krings[index].lock); }

static void pair_lock(const struct kring *k, uint32_t index, bool *own, bool *peer) {
  uint32_t first = k->peer != 0 && k->peer < index ? k->peer : index;
  uint32_t second = first == index ? k->peer : index;
  bool first_mine = kring_lock(first), second_mine = second != 0 && kring_lock(second);
  *own = first == index ? first_mine : second_mine;
  *peer = first == index ? second_mine : first_mine;
}

static void pair_unlock(const struct kring *k, uint32_t index, bool own, bool peer) {
  if (own) kring_unlock(index);
  if (peer) kring_unlock(k->peer);
}

static int ring_make(uint32_t index, const uint32_t *buffers) {
  struct kring *k = &control->krings[index];
  const struct region *r = &control->regions[k->region];
  uint64_t offset = region_ring_allocate(k->region, index);
  if (offset == 0) return ENOMEM;
  struct netmap_ring *ring = (struct netmap_ring *)(region_base(k->region) + offset);
  ring->buf_ofs = (int64_t)(r->buffer_start - offset);
  ring->num_slots = k->slots;
  ring->nr_buf_size = BUFFER_SIZE;
  ring->ringid = k->ring_id;
  ring->dir = k->direction;
  ring->offset_mask = 0;
  for (uint32_t i = 0; i < k->slots; i++) netmap_ring_slots(ring)[i].buf_idx = buffers[i];
  k->hwcur = 0;
  k->hwtail = k->direction == TRANSMIT ? k->slots - 1 : 0;
  k->rhead = k->rcur = 0;
  ring->tail = k->rtail = k->hwtail;
  store_release(&k->ring_offset, offset);
  return 0;
}

int kring_create_ring(uint32_t index) {
  struct kring *k = &control->krings[index];
  if (k->ring_offset != 0 && (k->peer == 0 || control->krings[k->peer].ring_offset != 0)) return 0;
  uint32_t buffers[SLOTS_MAX];
  /* A pipe's buffers are born on the writer's side. */
  uint32_t owner = k->peer != 0 && k->direction == RECEIVE ? k->peer : index;
  uint32_t taken = region_buffers_take(k->region, k->slots, OWNER_OF_KRING | owner, buffers);
  int error = taken == k->slots ? 0 : ENOMEM;
  if (error == 0) error = ring_make(index, buffers);
  if (error == 0 && k->peer != 0 && (error = ring_make(k->peer, buffers)) != 0) {
    region_ring_free(k->region, k->ring_offset);
    k->ring_offset = 0;
  }
  if (error != 0) {
    while (taken > 0) region_buffer_free(k->region, buffers[--taken]);
  }
  return error;
}

static void ring_unmake(uint32_t index) {
  struct kring *k = &control->krings[index];
  if (k->ring_offset == 0) return;
  /* A VALE sender may be writing into it. */
  bool mine;
  shared_lock(&k->producer_lock, &mine);
  uint64_t offset = k->ring_offset;
  store_release(&k->ring_offset, 0);
  if (mine) pthread_mutex_unlock(&k->producer_lock);
  region_ring_free(k->region, offset);
}

void kring_destroy_ring(uint32_t index) {
  struct kring *k = &control->krings[index];
  struct kring *peer = k->peer != 0 ? &control->krings[k->peer] : NULL;
  bool own, other;
  pair_lock(k, index, &own, &other);
  if (k->ring_offset != 0) {
    const struct netmap_slot *slots = netmap_ring_slots(kring_ring(k));
    const struct netmap_slot *there = peer != NULL ? netmap_ring_slots(kring_ring(peer)) : NULL;
    const uint32_t *owners = region_owners(k->region);
    for (uint32_t i = 0; i < k->slots; i++) {
      bool here = kring_position_counts(k, i);
      uint32_t buffer = here ? slots[i].buf_idx : there[i].buf_idx;
      uint32_t keeper = here ? index : k->peer;
      if (region_index_valid(&control->regions[k->region], buffer) && owners[buffer] == (OWNER_OF_KRING | keeper)) {
        region_buffer_free(k->region, buffer);
      }
    }
    ring_unmake(index);
    if (peer != NULL) ring_unmake(k->peer);
  }
  pair_unlock(k, index, own, other);
}

bool kring_position_counts(const struct kring *k, uint32_t position) {
  if (k->peer == 0) return true;
  const struct kring *peer = &control->krings[k->peer];
  const struct kring *writer = k->direction == TRANSMIT ? k : peer;
  const struct kring *reader = k->direction == TRANSMIT ? peer : k;
  uint32_t released = load_acquire(&reader->hwcur), handed = load_acquire(&writer->hwcur);
  bool under_way = slot_distance(released, position, k->slots) < slot_distance(released, handed, k->slots);
  return under_way == (k->direction == RECEIVE);
}

static void kring_hand_over(uint32_t index, uint32_t from, uint32_t to, bool strict) {
  struct kring *k = &control->krings[index];
  if (k->ring_offset == 0) return;
  bool own, other;
  pair_lock(k, index, &own, &other);
  const struct region *r = &control->regions[k->region];
  struct netmap_ring *ring = kring_ring(k);
  struct netmap_slot *slots = netmap_ring_slots(ring);
  uint32_t *owners = region_owners(k->region);
  for (uint32_t i = 0; i < k->slots; i++) {
    if (!kring_position_counts(k, i)) continue;
    uint32_t buffer = slots[i].buf_idx;
    if (region_index_valid(r, buffer) && owners[buffer] == from) {
      owners[buffer] = to;
    } else if (strict) {
      slots[i].buf_idx = 0;
      slots[i].len = 0;
    }
  }
  k->holder = to;
  /* What the last user left in head and cur goes on to the next, if it can be true. */
  ring->tail = k->rtail;
  uint32_t usable = k->rtail < k->slots && k->hwcur < k->slots ? slot_distance(k->hwcur, k->rtail, k->slots) : 0;
  uint32_t head = ring->head < k->slots ? slot_distance(k->hwcur, ring->head, k->slots) : k->slots;
  uint32_t cur = ring->cur < k->slots ? slot_distance(k->hwcur, ring->cur, k->slots) : k->slots;
  if (head > usable || cur > usable || cur < head) {
    ring->head = ring->cur = k->rhead = k->rcur = k->hwcur;
  }
  pair_unlock(k, index, own, other);
}

void kring_take(uint32_t index, uint32_t holder) {
  kring_hand_over(index, OWNER_OF_KRING | index, holder, false);
}

void kring_leave(uint32_t index, uint32_t holder) {
  kring_hand_over(index, holder, OWNER_OF_KRING | index, true);
}

int kring_fill(uint32_t index) {
  struct kring *k = &control->krings[index];
  if (k->ring_offset == 0) return 0;
  int error = 0;
  bool own, other;
  pair_lock(k, index, &own, &other);
  struct netmap_slot *slots = netmap_ring_slots(kring_ring(k));
  for (uint32_t i = 0; i < k->slots && error == 0; i++) {
    uint32_t buffer;
    if (slots[i].buf_idx != 0 || !kring_position_counts(k, i)) continue;
    if (region_buffers_take(k->region, 1, k->holder, &buffer) == 0) {
      error = ENOMEM;
    } else {
      slots[i].buf_idx = buffer;
      slots[i].flags = NS_BUF_CHANGED;
    }
  }
  pair_unlock(k, index, own, other);
  return error;
}

void kring_reconcile(uint32_t index) {
  const struct kring *k = &control->krings[index];
  if (k->ring_offset == 0 || k->peer == 0) return;
  /* A sync changes owners before it publishes: those that it did not publish go back. A sync of
   * the other end may move hwcur at the same time; it then sets the owners itself. */
  const struct kring *peer = &control->krings[k->peer];
  if (peer->ring_offset == 0 || region_base(k->region) == NULL) return;
  const struct netmap_slot *slots = netmap_ring_slots(kring_ring(k));
  const struct netmap_slot *there = netmap_ring_slots(kring_ring(peer));
  uint32_t *owners = region_owners(k->region);
  for (uint32_t i = 0; i < k->slots; i++) {
    bool here = kring_position_counts(k, i);
    uint32_t buffer = here ? slots[i].buf_idx : there[i].buf_idx;
    if (region_index_valid(&control->regions[k->region], buffer) && owners[buffer] != OWNER_FREE) {
      owners[buffer] = here ? k->holder : peer->holder;
    }
  }
}
