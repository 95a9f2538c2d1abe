#include "audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "descriptor.h"
#include "kring.h"
#include "memory.h"

static void rings_count(uint32_t region, uint8_t *places) {
  const struct region *r = &control->regions[region];
  for (uint32_t i = 1; i <= control->krings_top; i++) {
    const struct kring *k = &control->krings[i];
    if (k->port == 0 || k->ring_offset == 0 || k->region != region || !kring_lock(i)) continue;
    const struct netmap_ring *ring = (const struct netmap_ring *)(region_base(region) + k->ring_offset);
    for (uint32_t j = 0; j < k->slots; j++) {
      uint32_t buffer = netmap_ring_slots(ring)[j].buf_idx;
      if (kring_position_counts(k, j) && region_index_valid(r, buffer) && places[buffer] < 100) places[buffer]++;
    }
    kring_unlock(i);
  }
}

static uint64_t lists_count(uint32_t region, uint8_t *places) {
  const struct region *r = &control->regions[region];
  const char *base = region_base(region);
  uint64_t counted = 0;
  for (uint32_t i = 1; i <= control->opens_top; i++) {
    const struct open_device *o = &control->opens[i];
    if (o->state != OPEN_BOUND || o->region != region || o->extra_buffers == 0) continue;
    uint32_t buffer = ((const struct netmap_if *)(base + o->if_offset))->ni_bufs_head;
    while (region_index_valid(r, buffer) && places[buffer] < 100) {
      bool again = places[buffer]++ != 0;
      if (again) break; /* doubled, or round in a circle */
      counted++;
      memcpy(&buffer, base + r->buffer_start + (uint64_t)buffer * BUFFER_SIZE, sizeof buffer);
    }
  }
  return counted;
}

static bool holder_lives(uint32_t holder) {
  for (uint32_t i = 1; i <= control->opens_top; i++) {
    if (control->opens[i].state != OPEN_FREE && control->opens[i].holder == holder) return true;
  }
  return false;
}

static void region_audit(uint32_t region, uint8_t *places, struct audit *a) {
  const struct region *r = &control->regions[region];
  const uint32_t *owners = region_owners(region);
  const uint32_t *stack = region_if_owners(region) + r->if_total;
  rings_count(region, places);
  uint64_t used = 0, in_lists = lists_count(region, places), free_owned = 0;
  uint32_t alive = 0;
  for (uint32_t i = NETMAP_BUFFERS_RESERVED; i < r->buffer_total; i++) {
    a->buffers++;
    if (owners[i] == OWNER_FREE) {
      free_owned++;
      if (places[i] != 0) a->unowned++;
      continue;
    }
    if (places[i] > 1) a->doubled++;
    if (places[i] == 1) used++;
    if (owners[i] & OWNER_OF_KRING) {
      if (places[i] == 0) a->orphaned++;
    } else if (owners[i] == alive || holder_lives(owners[i])) {
      alive = owners[i];
      if (places[i] == 0) a->held++;
    } else {
      a->orphaned++;
    }
  }
  a->free += free_owned;
  a->in_lists += in_lists;
  a->in_rings += used >= in_lists ? used - in_lists : 0;
  memset(places, 0, r->buffer_total);
  uint64_t good = 0;
  for (uint32_t i = 0; i < r->buffers_free; i++) {
    if (region_index_valid(r, stack[i]) && owners[stack[i]] == OWNER_FREE && places[stack[i]]++ == 0) good++;
  }
  a->stack += (free_owned - good) + (r->buffers_free - good);
}

int audit_run(struct audit *a) {
  memset(a, 0, sizeof *a);
  int error = control_open();
  if (error != 0) return error;
  control_lock();
  opens_sweep(true);
  a->recoveries = control->recoveries;
  for (uint32_t i = 1; i < REGIONS_MAX && error == 0; i++) {
    if (!control->regions[i].used) continue;
    uint8_t *places = region_base(i) != NULL ? calloc(control->regions[i].buffer_total, 1) : NULL;
    if (places == NULL) {
      error = ENOMEM;
      break;
    }
    a->regions++;
    region_audit(i, places, a);
    free(places);
  }
  for (uint32_t i = 1; i <= control->opens_top; i++) a->opens += control->opens[i].state != OPEN_FREE;
  for (uint32_t i = 1; i <= control->ports_top; i++) a->ports += control->ports[i].kind != PORT_FREE;
  control_unlock();
  return error;
}

void audit_print(FILE *out, const struct audit *a) {
  fprintf(out,
          "{\"good\":%s,\"regions\":%u,\"opens\":%u,\"ports\":%u,\"buffers\":%" PRIu64 ",\"free\":%" PRIu64
          ",\"in_rings\":%" PRIu64 ",\"in_lists\":%" PRIu64 ",\"held\":%" PRIu64 ",\"doubled\":%" PRIu64
          ",\"orphaned\":%" PRIu64 ",\"unowned\":%" PRIu64 ",\"stack\":%" PRIu64 ",\"recoveries\":%" PRIu64 "}\n",
          audit_good(a) ? "true" : "false", a->regions, a->opens, a->ports, a->buffers, a->free, a->in_rings,
          a->in_lists, a->held, a->doubled, a->orphaned, a->unowned, a->stack, a->recoveries);
}
