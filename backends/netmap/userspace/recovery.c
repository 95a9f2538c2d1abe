#include "recovery.h"

#include <stdlib.h>

#include "control.h"
#include "kring.h"
#include "memory.h"
#include "port.h"

static void opens_recount(void) {
  for (uint32_t i = 1; i < PORTS_MAX; i++) control->ports[i].opens = control->ports[i].references = 0;
  for (uint32_t i = 1; i < KRINGS_MAX; i++) {
    control->krings[i].users = 0;
    control->krings[i].exclusive = 0;
  }
  for (uint32_t i = 1; i < OPENS_MAX; i++) {
    struct open_device *o = &control->opens[i];
    if (i > control->opens_top && o->state != OPEN_FREE) control->opens_top = i;
    /* Half bound, or half given back: what it had is found below as having no user. Its FIFO
     * and its lock stay, so it is swept, or bound again, like any other. */
    if (o->state == OPEN_BINDING) o->state = OPEN_UNBOUND;
    if (o->state == OPEN_BOUND && control->ports[o->port].kind == PORT_FREE) o->state = OPEN_UNBOUND;
    if (o->state != OPEN_BOUND) continue;
    struct port *p = &control->ports[o->port];
    p->opens++;
    for (enum direction d = TRANSMIT; d <= RECEIVE; d++) {
      for (uint32_t ring = o->ring_first[d]; ring < o->ring_last[d]; ring++) {
        struct kring *k = &control->krings[p->kring[d] + ring];
        store_relaxed(&k->users, k->users + 1);
        store_relaxed(&k->open, i);
        if (o->mode_flags & NR_EXCLUSIVE) k->exclusive = 1;
      }
    }
  }
}

static bool kring_belongs(uint32_t index) {
  const struct kring *k = &control->krings[index];
  const struct port *p = &control->ports[k->port];
  uint32_t first = p->kring[k->direction];
  return p->kind != PORT_FREE && index >= first && index < first + port_rings_of(p, k->direction);
}

static void ports_recount(void) {
  for (uint32_t i = 1; i < REGIONS_MAX; i++) control->regions[i].ports = 0;
  for (uint32_t i = 1; i < SWITCHES_MAX; i++) control->switches[i].ports_used = 0;
  for (uint32_t i = 1; i < PORTS_MAX; i++) {
    struct port *p = &control->ports[i];
    if (p->kind == PORT_FREE) continue;
    if (i > control->ports_top) control->ports_top = i;
    control->regions[p->region].ports++;
    /* Half of a pipe: its other end was not made, or is gone already. */
    if (p->kind == PORT_PIPE && (p->peer == 0 || control->ports[p->peer].kind != PORT_PIPE || control->ports[p->peer].peer != i)) {
      p->peer = p->parent = 0;
    }
    if (p->kind == PORT_PIPE && p->master && p->parent != 0) control->ports[p->parent].references++;
    if (p->switch_index == 0) continue;
    struct vale_switch *s = &control->switches[p->switch_index];
    if (s->ports[p->switch_port] == i) {
      s->ports_used++;
    } else {
      p->switch_index = 0;
    }
  }
  for (uint32_t i = 1; i < SWITCHES_MAX; i++) {
    struct vale_switch *s = &control->switches[i];
    for (uint32_t j = 0; j < SWITCH_PORTS_MAX; j++) {
      uint32_t port = s->ports[j];
      if (port != 0 && (control->ports[port].kind == PORT_FREE || control->ports[port].switch_index != i)) {
        store_release(&s->ports[j], 0);
      }
    }
  }
  for (uint32_t i = 1; i < KRINGS_MAX; i++) {
    struct kring *k = &control->krings[i];
    if (k->port == 0) continue;
    if (i > control->krings_top) control->krings_top = i;
    if (!kring_belongs(i)) {
      k->ring_offset = 0;
      k->port = 0;
    }
  }
}

/* Rings and interfaces whose owner does not know them. */
static void objects_free_unknown(uint32_t region) {
  const struct region *r = &control->regions[region];
  uint32_t *rings = region_ring_owners(region), *interfaces = region_if_owners(region);
  for (uint32_t i = 0; i < r->ring_total; i++) {
    const struct kring *k = &control->krings[rings[i] % KRINGS_MAX];
    uint64_t offset = r->ring_start + (uint64_t)i * r->ring_size;
    if (rings[i] != 0 && (k->port == 0 || k->region != region || k->ring_offset != offset)) rings[i] = 0;
  }
  for (uint32_t i = 0; i < r->if_total; i++) {
    const struct open_device *o = &control->opens[interfaces[i] % OPENS_MAX];
    if (interfaces[i] != 0 && (o->state != OPEN_BOUND || o->region != region || o->if_offset != (uint64_t)i * IF_SIZE)) {
      interfaces[i] = 0;
    }
  }
}

/* Rings without a user hold what is in their slots; a pipe's ring without its other half nothing. */
static void rings_settle(void) {
  for (uint32_t i = 1; i <= control->krings_top; i++) {
    struct kring *k = &control->krings[i];
    if (k->port == 0 || k->ring_offset == 0) continue;
    if (k->peer != 0 && control->krings[k->peer].ring_offset == 0) {
      k->ring_offset = 0;
      continue;
    }
    kring_reconcile(i);
    if (k->users == 0 && k->holder != (OWNER_OF_KRING | i)) kring_leave(i, k->holder);
  }
}

/* Buffers of a ring that does not have them, or of a process that has no descriptor any more. */
static void buffers_free_unknown(uint32_t region) {
  const struct region *r = &control->regions[region];
  uint32_t *owners = region_owners(region);
  uint8_t *in_ring = calloc(r->buffer_total, 1);
  if (in_ring == NULL) return;
  for (uint32_t i = 1; i <= control->krings_top; i++) {
    const struct kring *k = &control->krings[i];
    if (k->port == 0 || k->ring_offset == 0 || k->region != region) continue;
    const struct netmap_ring *ring = (const struct netmap_ring *)(region_base(region) + k->ring_offset);
    for (uint32_t j = 0; j < k->slots; j++) {
      uint32_t buffer = netmap_ring_slots(ring)[j].buf_idx;
      if (kring_position_counts(k, j) && region_index_valid(r, buffer) && owners[buffer] == (OWNER_OF_KRING | i)) {
        in_ring[buffer] = 1;
      }
    }
  }
  uint32_t seen_alive = 0, seen_dead = 0;
  for (uint32_t i = NETMAP_BUFFERS_RESERVED; i < r->buffer_total; i++) {
    uint32_t owner = owners[i];
    if (owner == OWNER_FREE || owner == seen_alive) continue;
    if (owner & OWNER_OF_KRING) {
      if (!in_ring[i]) owners[i] = OWNER_FREE;
      continue;
    }
    if (owner != seen_dead) {
      bool lives = false;
      for (uint32_t j = 1; j <= control->opens_top && !lives; j++) {
        lives = control->opens[j].state != OPEN_FREE && control->opens[j].holder == owner;
      }
      *(lives ? &seen_alive : &seen_dead) = owner;
      if (lives) continue;
    }
    owners[i] = OWNER_FREE;
  }
  free(in_ring);
}

void recovery_recompute(void) {
  opens_recount();
  ports_recount();
  for (uint32_t i = 1; i < REGIONS_MAX; i++) {
    if (control->regions[i].used && region_base(i) != NULL) objects_free_unknown(i);
  }
  rings_settle();
  for (uint32_t i = 1; i < REGIONS_MAX; i++) {
    if (!control->regions[i].used || region_base(i) == NULL) continue;
    buffers_free_unknown(i);
    region_rebuild_free(i);
  }
  for (uint32_t i = 1; i <= control->krings_top; i++) {
    const struct kring *k = &control->krings[i];
    if (k->port == 0 || k->ring_offset == 0 || k->users != 0) continue;
    if (control->ports[k->port].kind == PORT_PIPE) {
      kring_fill(i);
    } else {
      kring_destroy_ring(i);
    }
  }
  for (uint32_t i = 1; i <= control->ports_top; i++) port_release_if_unused(i);
  for (uint32_t i = 1; i < REGIONS_MAX; i++) region_release_if_unused(i);
}
