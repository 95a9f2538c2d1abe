#include "binding.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "descriptor.h"
#include "interface.h"
#include "kring.h"
#include "memory.h"
#include "port.h"

#define FOR_EACH_RING(o, p, kring)                                                             \
  for (enum direction direction_ = TRANSMIT; direction_ <= RECEIVE; direction_++)              \
    for (uint32_t ring_ = (o)->ring_first[direction_], kring = (p)->kring[direction_] + ring_; \
         ring_ < (o)->ring_last[direction_]; ring_++, kring++)

void binding_describe(const struct port *p, struct nmreq_register *request) {
  const struct region *r = &control->regions[p->region];
  request->nr_memsize = r->size;
  request->nr_mem_id = (uint16_t)r->id;
  request->nr_tx_rings = (uint16_t)p->rings[TRANSMIT];
  request->nr_rx_rings = (uint16_t)p->rings[RECEIVE];
  request->nr_host_tx_rings = (uint16_t)p->host_rings[TRANSMIT];
  request->nr_host_rx_rings = (uint16_t)p->host_rings[RECEIVE];
  request->nr_tx_slots = p->slots[TRANSMIT];
  request->nr_rx_slots = p->slots[RECEIVE];
}

/* Which rings the request means. */
static int rings_choose(struct open_device *o, const struct port *p, const struct nmreq_register *request) {
  const uint32_t skipped[] = {NR_RX_RINGS_ONLY, NR_TX_RINGS_ONLY};
  bool host = p->host_rings[TRANSMIT] + p->host_rings[RECEIVE] != 0;
  for (enum direction d = TRANSMIT; d <= RECEIVE; d++) {
    o->ring_first[d] = o->ring_last[d] = 0;
    if (request->nr_flags & skipped[d]) continue;
    uint32_t rings = p->rings[d], all = port_rings_of(p, d), one = request->nr_ringid;
    switch (request->nr_mode) {
      case NR_REG_ALL_NIC:
      case NR_REG_NULL:
        o->ring_last[d] = rings;
        break;
      case NR_REG_SW:
      case NR_REG_NIC_SW:
        if (!host) return EINVAL;
        o->ring_first[d] = request->nr_mode == NR_REG_SW ? rings : 0;
        o->ring_last[d] = all;
        break;
      case NR_REG_ONE_NIC:
        if (one >= p->rings[TRANSMIT] && one >= p->rings[RECEIVE]) return EINVAL;
        o->ring_first[d] = one < rings ? one : 0;
        o->ring_last[d] = o->ring_first[d] + 1;
        break;
      case NR_REG_ONE_SW:
        if (!host || (one >= p->host_rings[TRANSMIT] && one >= p->host_rings[RECEIVE])) return EINVAL;
        o->ring_first[d] = rings + (one < p->host_rings[d] ? one : 0);
        o->ring_last[d] = o->ring_first[d] + 1;
        break;
      default:
        return EINVAL;
    }
  }
  return 0;
}

static bool rings_busy(const struct open_device *o, const struct port *p) {
  bool exclusive = o->mode_flags & NR_EXCLUSIVE;
  FOR_EACH_RING(o, p, kring) {
    const struct kring *k = &control->krings[kring];
    if (k->exclusive || (k->users != 0 && exclusive)) return true;
  }
  return false;
}

static int rings_create(const struct open_device *o, const struct port *p) {
  FOR_EACH_RING(o, p, kring) {
    int error = kring_create_ring(kring);
    if (error == 0) error = kring_fill(kring);
    if (error != 0) return error;
  }
  return 0;
}

static void rings_destroy_unused(const struct open_device *o, const struct port *p) {
  if (p->kind == PORT_PIPE) return; /* kept while either end has a user */
  FOR_EACH_RING(o, p, kring) {
    if (control->krings[kring].users == 0) kring_destroy_ring(kring);
  }
}

/* The list of extra buffers: each holds the index of the next in its first four bytes. */
static uint32_t extra_buffers_take(const struct open_device *o, uint32_t wanted, uint32_t *first) {
  char *buffers = region_base(o->region) + control->regions[o->region].buffer_start;
  uint32_t taken = 0, previous = 0;
  while (taken < wanted) {
    uint32_t batch[256];
    uint32_t ask = wanted - taken < 256 ? wanted - taken : 256;
    uint32_t got = region_buffers_take(o->region, ask, o->holder, batch);
    for (uint32_t i = 0; i < got; i++) {
      memcpy(buffers + (uint64_t)batch[i] * BUFFER_SIZE, &previous, sizeof previous);
      previous = batch[i];
    }
    taken += got;
    if (got < ask) break;
  }
  *first = previous;
  return taken;
}

static void extra_buffers_give_back(const struct open_device *o, uint32_t first) {
  const struct region *r = &control->regions[o->region];
  const char *buffers = region_base(o->region) + r->buffer_start;
  const uint32_t *owners = region_owners(o->region);
  /* A list that goes wrong or round in a circle ends at a buffer that isn't the program's. */
  for (uint32_t index = first; region_index_valid(r, index) && owners[index] == o->holder;) {
    uint32_t next;
    memcpy(&next, buffers + (uint64_t)index * BUFFER_SIZE, sizeof next);
    region_buffer_free(o->region, index);
    index = next;
  }
}

static int interface_make(uint32_t open, const struct port *p) {
  struct open_device *o = &control->opens[open];
  o->if_offset = region_if_allocate(o->region, open);
  if (o->if_offset == 0) return ENOMEM;
  struct netmap_if *interface = (struct netmap_if *)(region_base(o->region) + o->if_offset);
  snprintf(interface->ni_name, sizeof interface->ni_name, "%.15s", p->name);
  interface->ni_flags = control->regions[o->region].id == REGION_ID_INTERFACES ? 0 : NI_PRIV_MEM;
  interface->ni_tx_rings = p->rings[TRANSMIT];
  interface->ni_rx_rings = p->rings[RECEIVE];
  interface->ni_host_tx_rings = p->host_rings[TRANSMIT];
  interface->ni_host_rx_rings = p->host_rings[RECEIVE];
  int64_t *offsets = netmap_if_ring_offsets(interface);
  for (enum direction d = TRANSMIT; d <= RECEIVE; d++) {
    for (uint32_t i = 0; i < port_rings_of(p, d); i++) {
      uint64_t ring = control->krings[p->kring[d] + i].ring_offset;
      *offsets++ = ring == 0 ? 0 : (int64_t)ring - (int64_t)o->if_offset;
    }
  }
  return 0;
}

static int binding_attempt(uint32_t open, struct port *p, struct nmreq_register *request) {
  struct open_device *o = &control->opens[open];
  int error = rings_busy(o, p) ? EBUSY : rings_create(o, p);
  if (error == 0) error = interface_make(open, p);
  if (error == 0) error = interface_open(open);
  if (error != 0) {
    region_if_free(o->region, o->if_offset);
    o->if_offset = 0;
    rings_destroy_unused(o, p);
    return error;
  }
  FOR_EACH_RING(o, p, kring) {
    struct kring *k = &control->krings[kring];
    if (k->users == 0) kring_take(kring, o->holder);
    store_relaxed(&k->users, k->users + 1);
    store_relaxed(&k->open, open);
    if (o->mode_flags & NR_EXCLUSIVE) k->exclusive = 1;
  }
  struct netmap_if *interface = (struct netmap_if *)(region_base(o->region) + o->if_offset);
  o->extra_buffers = extra_buffers_take(o, request->nr_extra_bufs, &interface->ni_bufs_head);
  return 0;
}

int binding_make(uint32_t open, const char *name, struct nmreq_register *request) {
  struct open_device *o = &control->opens[open];
  if (o->state != OPEN_UNBOUND) return EBUSY;
  opens_sweep(false);
  uint32_t port;
  int error = port_get(name, request, true, &port);
  if (error == ENOMEM) {
    opens_sweep(true);
    error = port_get(name, request, true, &port);
  }
  if (error != 0) return error;
  struct port *p = &control->ports[port];
  p->opens++; /* so that no sweep takes it away */
  if (p->opens > 1) opens_sweep_port(port);
  o->mode_flags = (uint32_t)request->nr_flags;
  store_relaxed(&o->port, port);
  o->region = p->region;
  if (p->header_length != 0 && !(request->nr_flags & NR_ACCEPT_VNET_HDR)) error = EIO;
  if (error == 0) error = rings_choose(o, p, request);
  if (error == 0) {
    store_release(&o->state, OPEN_BINDING);
    error = binding_attempt(open, p, request);
    if (error == ENOMEM || error == EBUSY) {
      opens_sweep(true);
      error = binding_attempt(open, p, request);
    }
  }
  if (error != 0) {
    store_relaxed(&o->port, 0);
    store_release(&o->state, OPEN_UNBOUND);
    p->opens--;
    port_release_if_unused(port);
    return error;
  }
  request->nr_offset = o->if_offset;
  request->nr_extra_bufs = o->extra_buffers;
  binding_describe(p, request);
  o->pid = (int32_t)getpid();
  store_release(&o->state, OPEN_BOUND);
  return 0;
}

/* Another open that has this ring, if any. */
static uint32_t other_user(uint32_t kring, uint32_t except) {
  const struct kring *k = &control->krings[kring];
  for (uint32_t i = 1; i <= control->opens_top; i++) {
    const struct open_device *o = &control->opens[i];
    if (i == except || o->state != OPEN_BOUND || o->port != k->port) continue;
    uint32_t ring = kring - control->ports[k->port].kring[k->direction];
    if (ring >= o->ring_first[k->direction] && ring < o->ring_last[k->direction]) return i;
  }
  return 0;
}

static void ring_leave(uint32_t open, uint32_t kring, enum port_kind kind) {
  const struct open_device *o = &control->opens[open];
  struct kring *k = &control->krings[kring];
  if (k->users > 0) store_relaxed(&k->users, k->users - 1);
  if (o->mode_flags & NR_EXCLUSIVE) k->exclusive = 0;
  uint32_t next = other_user(kring, open);
  if (next != 0) {
    store_relaxed(&k->open, next);
    if (k->holder != o->holder || control->opens[next].holder == o->holder) return;
    kring_leave(kring, o->holder);
    kring_take(kring, control->opens[next].holder);
    return;
  }
  store_relaxed(&k->users, 0);
  store_relaxed(&k->open, 0);
  k->receiver = 0;
  store_relaxed(&k->waiting, 0);
  kring_leave(kring, o->holder);
  if (kind != PORT_PIPE) kring_destroy_ring(kring);
}

static void open_detach(uint32_t open) {
  struct open_device *o = &control->opens[open];
  struct port *p = &control->ports[o->port];
  store_release(&o->state, OPEN_BINDING);
  if (region_base(o->region) == NULL) return;
  const struct netmap_if *interface = (const struct netmap_if *)(region_base(o->region) + o->if_offset);
  if (o->extra_buffers != 0) extra_buffers_give_back(o, interface->ni_bufs_head);
  FOR_EACH_RING(o, p, kring) ring_leave(open, kring, p->kind);
  region_if_free(o->region, o->if_offset);
}

static bool holder_lives(uint32_t holder) {
  for (uint32_t i = 1; i <= control->opens_top; i++) {
    const struct open_device *o = &control->opens[i];
    if ((o->state == OPEN_BOUND || o->state == OPEN_UNBOUND) && o->holder == holder) return true;
  }
  return false;
}

void binding_release(const uint32_t *opens, uint32_t count) {
  bool bound[OPENS_MAX];
  for (uint32_t i = 0; i < count; i++) {
    bound[i] = control->opens[opens[i]].state == OPEN_BOUND;
    if (bound[i]) open_detach(opens[i]);
    control->opens[opens[i]].state = OPEN_BINDING;
  }
  /* What a process had outside its rings and lists when it went: half of a swap, or extra
   * buffers in its own variables. */
  uint32_t holder_before = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t holder = control->opens[opens[i]].holder;
    if (holder == holder_before || holder_lives(holder)) continue;
    holder_before = holder;
    for (uint32_t region = 1; region < REGIONS_MAX; region++) {
      if (control->regions[region].used) region_free_owned(region, holder);
    }
  }
  for (uint32_t i = 0; i < count; i++) {
    struct open_device *o = &control->opens[opens[i]];
    if (bound[i]) {
      struct port *p = &control->ports[o->port];
      if (p->kind == PORT_PIPE) FOR_EACH_RING(o, p, kring) kring_fill(kring);
    }
  }
  for (uint32_t i = 0; i < count; i++) {
    struct open_device *o = &control->opens[opens[i]];
    uint32_t port = o->port;
    char path[PATH_SIZE];
    control_path(path, sizeof path, "open", opens[i]);
    unlink(path);
    store_relaxed(&o->port, 0);
    store_release(&o->state, OPEN_FREE);
    if (!bound[i]) continue;
    control->ports[port].opens--;
    port_release_if_unused(port);
  }
}
