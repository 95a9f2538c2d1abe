#include "sync.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/time.h>

#include "control.h"
#include "descriptor.h"
#include "interface.h"
#include "kring.h"
#include "memory.h"
#include "pipe.h"
#include "vale.h"

void kring_wake(struct kring *k) {
  /* Pairs with the one in sync_announce_sleep: either we see the sleeper, or it sees the packets. */
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (__builtin_expect(load_relaxed(&k->waiting) == 0, 1)) return;
  if (__atomic_exchange_n(&k->waiting, 0, __ATOMIC_SEQ_CST) == 0) return;
  /* Without the control lock: who sleeps had bound the ring before it said so. */
  if (load_relaxed(&k->users) == 1) {
    open_wake(load_relaxed(&k->open));
    return;
  }
  uint32_t port = load_relaxed(&k->port);
  for (uint32_t i = 1; i <= load_relaxed(&control->opens_top); i++) {
    const struct open_device *o = &control->opens[i];
    if (load_acquire(&o->state) == OPEN_BOUND && load_relaxed(&o->port) == port) open_wake(i);
  }
}

/* Whether from <= head <= cur <= to, going round the ring. */
static bool pointers_good(uint32_t from, uint32_t head, uint32_t cur, uint32_t to, uint32_t slots) {
  if (head >= slots || cur >= slots) return false;
  uint32_t usable = slot_distance(from, to, slots), h = slot_distance(from, head, slots),
           c = slot_distance(from, cur, slots);
  return h <= c && c <= usable;
}

/* The program wrote what can't be: the ring starts again where the kernel's side of it stands. */
static void ring_restart(struct kring *k, struct netmap_ring *ring) {
  const struct region *region = &control->regions[k->region];
  for (uint32_t i = 0; i < k->slots; i++) {
    struct netmap_slot *slot = &netmap_ring_slots(ring)[i];
    if (!kring_position_counts(k, i)) continue;
    if (!region_index_valid(region, slot->buf_idx)) {
      slot->buf_idx = 0;
      slot->len = 0;
    } else if (slot->len > BUFFER_SIZE) {
      slot->len = 0;
    }
  }
  uint32_t tail = load_acquire(&k->hwtail);
  ring->head = ring->cur = k->rhead = k->rcur = k->hwcur;
  ring->tail = k->rtail = tail;
}

static bool transmit_sync(struct kring *k, struct netmap_ring *ring, bool *moved) {
  switch (control->ports[k->port].kind) {
    case PORT_PIPE:
      return pipe_transmit_sync(k, ring, moved);
    case PORT_INTERFACE:
      return interface_transmit_sync(k, ring);
    default:
      return vale_transmit_sync(k, ring);
  }
}

static bool receive_sync(struct kring *k, struct netmap_ring *ring, bool *moved) {
  switch (control->ports[k->port].kind) {
    case PORT_PIPE:
      return pipe_receive_sync(k, ring, moved);
    case PORT_INTERFACE:
      return interface_receive_sync(k, ring);
    default:
      return vale_receive_sync(k, ring);
  }
}

/* One ring. Sets *ready if the program has slots in it now; false after a restart. */
static bool kring_sync(uint32_t index, uint32_t port, bool *ready) {
  struct kring *k = &control->krings[index];
  if (!kring_lock(index)) return true;
  bool good = true, moved = false;
  char *base = region_base(k->region);
  if (k->ring_offset != 0 && load_relaxed(&k->port) == port && base != NULL) {
    struct netmap_ring *ring = (struct netmap_ring *)(base + k->ring_offset);
    uint32_t head = load_acquire(&ring->head), cur = load_relaxed(&ring->cur);
    uint32_t from = k->direction == TRANSMIT ? k->rhead : k->hwcur;
    good = pointers_good(from, head, cur, k->rtail, k->slots);
    if (good) {
      k->rhead = head;
      k->rcur = cur;
      good = k->direction == TRANSMIT ? transmit_sync(k, ring, &moved) : receive_sync(k, ring, &moved);
    }
    if (good) {
      k->rtail = load_acquire(&k->hwtail);
      store_release(&ring->tail, k->rtail);
    } else {
      ring_restart(k, ring);
    }
    if (k->direction == RECEIVE && (ring->flags & NR_TIMESTAMP)) gettimeofday(&ring->ts, NULL);
    *ready = k->rcur != k->rtail;
  }
  uint32_t peer = k->peer;
  kring_unlock(index);
  if (moved && peer != 0) kring_wake(&control->krings[peer]);
  return good;
}

int sync_rings(uint32_t open, enum direction direction) {
  const struct open_device *o = &control->opens[open];
  if (load_acquire(&o->state) != OPEN_BOUND) return ENXIO;
  const struct port *p = &control->ports[o->port];
  bool ready;
  for (uint32_t i = o->ring_first[direction]; i < o->ring_last[direction]; i++) {
    kring_sync(p->kring[direction] + i, o->port, &ready);
  }
  return 0;
}

short sync_poll(uint32_t open, short events) {
  const struct open_device *o = &control->opens[open];
  if (load_acquire(&o->state) != OPEN_BOUND) return POLLERR;
  const struct port *p = &control->ports[o->port];
  short want_transmit = events & (POLLOUT | POLLWRNORM), want_receive = events & (POLLIN | POLLRDNORM), found = 0;
  if (want_transmit != 0 || !(o->mode_flags & NR_NO_TX_POLL)) {
    for (uint32_t i = o->ring_first[TRANSMIT]; i < o->ring_last[TRANSMIT]; i++) {
      uint32_t index = p->kring[TRANSMIT] + i;
      const struct kring *k = &control->krings[index];
      uint64_t offset = load_acquire(&k->ring_offset);
      char *base = region_base(k->region);
      if (offset == 0 || base == NULL) continue;
      /* Once there is room, only rings with something to send need the work. */
      if (want_transmit == 0 && load_relaxed(&((struct netmap_ring *)(base + offset))->head) == k->hwcur) continue;
      bool ready = false;
      if (!kring_sync(index, o->port, &ready)) found |= POLLERR;
      if (ready) {
        found |= want_transmit;
        want_transmit = 0;
      }
    }
  }
  if (want_receive != 0 || (want_transmit != 0 && (o->mode_flags & NR_DO_RX_POLL))) {
    for (uint32_t i = o->ring_first[RECEIVE]; i < o->ring_last[RECEIVE]; i++) {
      bool ready = false;
      if (!kring_sync(p->kring[RECEIVE] + i, o->port, &ready)) found |= POLLERR;
      if (ready) found |= want_receive;
    }
  }
  return found;
}

void sync_announce_sleep(uint32_t open, short events) {
  const struct open_device *o = &control->opens[open];
  if (load_acquire(&o->state) != OPEN_BOUND) return;
  const struct port *p = &control->ports[o->port];
  for (enum direction d = TRANSMIT; d <= RECEIVE; d++) {
    if (!(events & (d == TRANSMIT ? POLLOUT | POLLWRNORM : POLLIN | POLLRDNORM))) continue;
    for (uint32_t i = o->ring_first[d]; i < o->ring_last[d]; i++) {
      __atomic_store_n(&control->krings[p->kring[d] + i].waiting, 1, __ATOMIC_SEQ_CST);
    }
  }
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
