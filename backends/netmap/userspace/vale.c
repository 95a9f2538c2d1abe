#include "vale.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "memory.h"
#include "sync.h"

enum {
  BATCH_MAX = 256,            /* packets sorted by destination at a time */
  TO_ALL = SWITCH_PORTS_MAX,  /* unknown or group address */
  TO_NONE,
  DESTINATIONS,
  ETHERNET_ADDRESSES = 12
};

static const uint16_t END = UINT16_MAX;

/* The packets of a batch, linked by destination in the order in which they came. */
struct batch {
  uint32_t count;
  uint32_t first[BATCH_MAX]; /* slot of the first fragment */
  uint8_t fragments[BATCH_MAX];
  uint16_t next[BATCH_MAX];
  uint16_t head[DESTINATIONS], last[DESTINATIONS];
};

uint32_t vale_find(const char *name) {
  const char *colon = strchr(name, ':');
  size_t length = colon != NULL ? (size_t)(colon - name) : strlen(name);
  for (uint32_t i = 1; i < SWITCHES_MAX; i++) {
    const struct vale_switch *s = &control->switches[i];
    if (s->ports_used != 0 && strncmp(s->name, name, length) == 0 && s->name[length] == '\0') return i;
  }
  return 0;
}

int vale_attach(uint32_t port, const char *name) {
  uint32_t index = vale_find(name);
  if (index == 0) {
    for (index = 1; index < SWITCHES_MAX && control->switches[index].ports_used != 0;) index++;
    if (index == SWITCHES_MAX) return ENOMEM;
    memset(&control->switches[index], 0, sizeof control->switches[index]);
    snprintf(control->switches[index].name, NETMAP_NAME_SIZE, "%.*s", (int)(strchr(name, ':') - name), name);
  }
  struct vale_switch *s = &control->switches[index];
  for (uint32_t i = 0; i < SWITCH_PORTS_MAX; i++) {
    if (s->ports[i] != 0) continue;
    control->ports[port].switch_index = index;
    control->ports[port].switch_port = i;
    s->ports_used++;
    store_release(&s->ports[i], port);
    return 0;
  }
  return ENOMEM;
}

void vale_detach(uint32_t port) {
  struct port *p = &control->ports[port];
  if (p->switch_index == 0) return;
  struct vale_switch *s = &control->switches[p->switch_index];
  store_release(&s->ports[p->switch_port], 0);
  for (uint32_t i = 0; i < SWITCH_MACS_MAX; i++) {
    if (load_relaxed(&s->macs[i]) >> 48 == p->switch_port + 1) store_relaxed(&s->macs[i], 0);
  }
  s->ports_used--;
  p->switch_index = 0;
}

static uint64_t address_at(const uint8_t *bytes) {
  uint64_t address = 0;
  memcpy(&address, bytes, 6);
  return address;
}

static uint32_t address_hash(uint64_t address) {
  return (uint32_t)((address * 0x9e3779b97f4a7c15ULL) >> 32) % SWITCH_MACS_MAX;
}

static uint32_t destination(struct vale_switch *s, uint32_t from, const uint8_t *bytes, bool learn) {
  uint64_t source = address_at(bytes + 6), target = address_at(bytes);
  if (learn && !(bytes[6] & 1)) {
    uint64_t *entry = &s->macs[address_hash(source)], now = source | (uint64_t)(from + 1) << 48;
    if (load_relaxed(entry) != now) store_relaxed(entry, now);
  }
  if (bytes[0] & 1) return TO_ALL;
  uint64_t entry = load_relaxed(&s->macs[address_hash(target)]);
  if ((entry & 0xffffffffffffULL) != target || entry >> 48 == 0) return TO_ALL;
  uint32_t port = (uint32_t)(entry >> 48) - 1;
  return port == from ? TO_NONE : port;
}

static const uint8_t *slot_bytes(const struct netmap_ring *ring, const struct netmap_slot *slot) {
  if (slot->flags & NS_INDIRECT) return (const uint8_t *)(uintptr_t)slot->ptr;
  return (const uint8_t *)netmap_buffer(ring, slot->buf_idx);
}

static void batch_append(struct batch *batch, uint32_t packet, uint32_t target) {
  batch->next[packet] = END;
  if (batch->head[target] == END) {
    batch->head[target] = (uint16_t)packet;
  } else {
    batch->next[batch->last[target]] = (uint16_t)packet;
  }
  batch->last[target] = (uint16_t)packet;
}

/* The next packet of two lists, in the order in which they came. */
static uint16_t batch_next(const struct batch *batch, uint16_t *own, uint16_t *all) {
  uint16_t *list = *own < *all ? own : all;
  uint16_t packet = *list;
  if (packet != END) *list = batch->next[packet];
  return packet;
}

/* Copies the packets for one port into its ring; those that find no room are lost, as on a wire. */
static void deliver(const struct kring *k, const struct netmap_ring *ring, const struct batch *batch,
                    uint32_t port_index, uint16_t own, uint16_t all) {
  const struct port *from = &control->ports[k->port], *to = &control->ports[port_index];
  uint32_t rings = to->rings[RECEIVE];
  if (rings == 0) return;
  uint32_t index = to->kring[RECEIVE] + k->ring_id % rings;
  struct kring *target = &control->krings[index];
  bool mine;
  shared_lock(&target->producer_lock, &mine);
  if (!mine) return;
  uint64_t offset = load_acquire(&target->ring_offset);
  char *base = load_relaxed(&target->port) == port_index && offset != 0 ? region_base(target->region) : NULL;
  if (base == NULL) {
    pthread_mutex_unlock(&target->producer_lock);
    return;
  }
  struct netmap_ring *there = (struct netmap_ring *)(base + offset);
  struct netmap_slot *slots = netmap_ring_slots(there);
  const struct region *region = &control->regions[target->region];
  char *buffers = base + region->buffer_start;
  const uint32_t strip = from->header_length > to->header_length ? from->header_length : 0;
  const uint32_t prepend = to->header_length > from->header_length ? to->header_length : 0;
  uint32_t tail = target->hwtail;
  uint32_t room = slot_distance(tail, slot_previous(load_acquire(&target->hwcur), target->slots), target->slots);
  for (uint16_t packet; (packet = batch_next(batch, &own, &all)) != END;) {
    uint32_t fragments = batch->fragments[packet];
    if (fragments > room) continue;
    uint32_t source = batch->first[packet], position = tail;
    uint32_t done = 0;
    for (; done < fragments; done++) {
      const struct netmap_slot slot = netmap_ring_slots(ring)[source];
      uint32_t buffer = slots[position].buf_idx;
      uint32_t skip = done == 0 ? strip : 0, front = done == 0 ? prepend : 0;
      uint32_t length = slot.len > skip ? slot.len - skip : 0;
      bool from_ours = (slot.flags & NS_INDIRECT) || region_index_valid(&control->regions[k->region], slot.buf_idx);
      if (!from_ours || !region_index_valid(region, buffer) || front + length > BUFFER_SIZE) break;
      char *bytes = buffers + (uint64_t)buffer * BUFFER_SIZE;
      if (front != 0) memset(bytes, 0, front);
      memcpy(bytes + front, slot_bytes(ring, &slot) + skip, length);
      slots[position].len = (uint16_t)(front + length);
      slots[position].flags = (uint16_t)(fragments << 8 | (done + 1 < fragments ? NS_MOREFRAG : 0));
      source = slot_next(source, k->slots);
      position = slot_next(position, target->slots);
    }
    if (done < fragments) continue;
    tail = position;
    room -= fragments;
  }
  bool moved = tail != target->hwtail;
  store_release(&target->hwtail, tail);
  pthread_mutex_unlock(&target->producer_lock);
  if (moved) kring_wake(target);
}

static void batch_deliver(const struct kring *k, const struct netmap_ring *ring, struct vale_switch *s,
                          uint32_t from, const struct batch *batch) {
  if (batch->count == 0) return;
  bool all = batch->head[TO_ALL] != END;
  for (uint32_t i = 0; i < SWITCH_PORTS_MAX; i++) {
    if (i == from || (!all && batch->head[i] == END)) continue;
    uint32_t port = load_acquire(&s->ports[i]);
    if (port != 0) deliver(k, ring, batch, port, batch->head[i], batch->head[TO_ALL]);
  }
}

static void batch_clear(struct batch *batch) {
  batch->count = 0;
  memset(batch->head, 0xff, sizeof batch->head);
}

bool vale_transmit_sync(struct kring *k, struct netmap_ring *ring) {
  const struct port *p = &control->ports[k->port];
  const uint32_t head = k->rhead, from = p->switch_port;
  const struct region *region = &control->regions[k->region];
  struct netmap_slot *slots = netmap_ring_slots(ring);
  uint32_t position = k->hwcur;
  bool good = true;
  if (p->switch_index != 0) {
    struct vale_switch *s = &control->switches[p->switch_index];
    struct batch batch;
    batch_clear(&batch);
    while (position != head && good) {
      uint32_t first = position, fragments = 0;
      bool more = true;
      while (more && position != head && fragments < NETMAP_FRAGMENTS_MAX) {
        struct netmap_slot *slot = &slots[position];
        const struct netmap_slot now = *slot;
        good = good && now.len <= BUFFER_SIZE &&
               ((now.flags & NS_INDIRECT) || region_index_valid(region, now.buf_idx));
        slot->flags = now.flags & (uint16_t)~NS_BUF_CHANGED;
        more = (now.flags & NS_MOREFRAG) != 0;
        fragments++;
        position = slot_next(position, k->slots);
      }
      const struct netmap_slot now = slots[first];
      if (!good || now.len < p->header_length + 14u || now.len > BUFFER_SIZE) continue;
      if (!(now.flags & NS_INDIRECT) && !region_index_valid(region, now.buf_idx)) continue;
      uint8_t addresses[ETHERNET_ADDRESSES];
      memcpy(addresses, slot_bytes(ring, &now) + p->header_length, sizeof addresses);
      uint32_t target = destination(s, from, addresses, !(now.flags & NS_NO_LEARN));
      if (target == TO_NONE) continue;
      batch.first[batch.count] = first;
      batch.fragments[batch.count] = (uint8_t)fragments;
      batch_append(&batch, batch.count++, target);
      if (batch.count == BATCH_MAX) {
        batch_deliver(k, ring, s, from, &batch);
        batch_clear(&batch);
      }
    }
    batch_deliver(k, ring, s, from, &batch);
  }
  /* Everything is sent or lost: the whole ring is the program's again. */
  k->hwcur = head;
  k->hwtail = slot_previous(head, k->slots);
  return good;
}

bool vale_receive_sync(struct kring *k, struct netmap_ring *ring) {
  const struct region *region = &control->regions[k->region];
  struct netmap_slot *slots = netmap_ring_slots(ring);
  bool good = true;
  uint32_t position = k->hwcur;
  for (; position != k->rhead; position = slot_next(position, k->slots)) {
    if (!region_index_valid(region, slots[position].buf_idx)) good = false;
    slots[position].flags &= (uint16_t)~NS_BUF_CHANGED;
  }
  store_release(&k->hwcur, position);
  return good;
}
