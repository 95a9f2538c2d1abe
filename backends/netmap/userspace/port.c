#include "port.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "interface.h"
#include "kring.h"
#include "memory.h"
#include "vale.h"

uint32_t port_find(const char *name) {
  uint64_t here = interface_namespace();
  for (uint32_t i = 1; i <= control->ports_top; i++) {
    const struct port *p = &control->ports[i];
    if (p->kind == PORT_FREE || p->kind == PORT_NULL || strcmp(p->name, name) != 0) continue;
    if (p->network_namespace == 0 || p->network_namespace == here) return i;
  }
  return 0;
}

static uint32_t bounded(uint32_t wanted, uint32_t otherwise, uint32_t highest) {
  return wanted == 0 ? otherwise : wanted > highest ? highest : wanted;
}

static uint32_t slots_bounded(uint32_t wanted, uint32_t otherwise) {
  uint32_t slots = bounded(wanted, otherwise, SLOTS_MAX);
  return slots < 2 ? 2 : slots;
}

/* A port with the rings that `shape` describes; its krings are ready, without rings in memory. */
static int port_make(const struct port *shape, uint32_t *made) {
  uint32_t index = 1;
  while (index < PORTS_MAX && control->ports[index].kind != PORT_FREE) index++;
  if (index == PORTS_MAX) return ENOMEM;
  uint32_t transmit = port_rings_of(shape, TRANSMIT), receive = port_rings_of(shape, RECEIVE);
  uint32_t first = transmit + receive == 0 ? 1 : krings_allocate(transmit + receive);
  if (first == 0) return ENOMEM;
  struct port *p = &control->ports[index];
  *p = *shape;
  p->generation = control->generation_next++;
  p->kring[TRANSMIT] = first;
  p->kring[RECEIVE] = first + transmit;
  for (enum direction d = TRANSMIT; d <= RECEIVE; d++) {
    for (uint32_t i = 0; i < port_rings_of(p, d); i++) {
      kring_prepare(p->kring[d] + i, index, d, i, p->slots[d], i >= p->rings[d], 0);
    }
  }
  if (index > control->ports_top) control->ports_top = index;
  control->regions[p->region].ports++;
  *made = index;
  return 0;
}

static void port_unmake(uint32_t index) {
  struct port *p = &control->ports[index];
  for (enum direction d = TRANSMIT; d <= RECEIVE; d++) {
    for (uint32_t i = 0; i < port_rings_of(p, d); i++) kring_destroy_ring(p->kring[d] + i);
  }
  vale_detach(index);
  for (enum direction d = TRANSMIT; d <= RECEIVE; d++) krings_free(p->kring[d], port_rings_of(p, d));
  p->kind = PORT_FREE;
  control->regions[p->region].ports--;
  region_release_if_unused(p->region);
}

void port_release_if_unused(uint32_t index) {
  struct port *p = &control->ports[index];
  if (p->kind == PORT_FREE || p->opens != 0 || p->references != 0 || p->persistent) return;
  if (p->kind != PORT_PIPE) {
    port_unmake(index);
    return;
  }
  /* The two ends of a pipe come and go together. */
  uint32_t peer = p->peer, parent = p->parent;
  if (peer != 0 && (control->ports[peer].opens != 0 || control->ports[peer].references != 0)) return;
  port_unmake(index);
  if (peer != 0) port_unmake(peer);
  if (parent != 0) {
    control->ports[parent].references--;
    port_release_if_unused(parent);
  }
}

/* The memory of a new port of this shape: the one asked for, that of interfaces, or one of its own. */
static int memory_for(const struct nmreq_register *wanted, bool of_interfaces, struct port *shape) {
  uint32_t id = wanted->nr_mem_id != 0 ? wanted->nr_mem_id : of_interfaces ? REGION_ID_INTERFACES : 0;
  shape->region = id != 0 ? region_find(id) : 0;
  if (shape->region != 0) return 0;
  if (id > REGION_ID_INTERFACES) return EINVAL;
  uint32_t extra = wanted->nr_extra_bufs < EXTRA_BUFFERS_MAX ? wanted->nr_extra_bufs : EXTRA_BUFFERS_MAX;
  return region_create(id == REGION_ID_INTERFACES ? NULL : shape, extra, &shape->region);
}

static int virtual_port_make(const char *name, enum port_kind kind, const struct nmreq_register *wanted,
                             uint32_t *port) {
  struct port shape = {.kind = kind};
  snprintf(shape.name, sizeof shape.name, "%s", name);
  shape.rings[TRANSMIT] = bounded(wanted->nr_tx_rings, 1, 16);
  shape.rings[RECEIVE] = bounded(wanted->nr_rx_rings, 1, 16);
  shape.slots[TRANSMIT] = slots_bounded(wanted->nr_tx_slots, SLOTS_DEFAULT);
  shape.slots[RECEIVE] = slots_bounded(wanted->nr_rx_slots, SLOTS_DEFAULT);
  int error = memory_for(wanted, false, &shape);
  if (error != 0) return error;
  error = port_make(&shape, port);
  if (error != 0) region_release_if_unused(shape.region);
  return error;
}

static int interface_port_make(const char *name, unsigned interface_index, const struct nmreq_register *wanted,
                               uint32_t *port) {
  struct port shape = {.kind = PORT_INTERFACE, .interface_index = interface_index};
  shape.network_namespace = interface_namespace();
  snprintf(shape.name, sizeof shape.name, "%s", name);
  int error = memory_for(wanted, true, &shape);
  if (error != 0) return error;
  uint32_t queues = interface_queues(name);
  shape.rings[TRANSMIT] = bounded(wanted->nr_tx_rings, queues, RINGS_OF_PORT_MAX);
  shape.rings[RECEIVE] = bounded(wanted->nr_rx_rings, queues, RINGS_OF_PORT_MAX);
  shape.host_rings[TRANSMIT] = shape.host_rings[RECEIVE] = 1;
  shape.slots[TRANSMIT] = slots_bounded(wanted->nr_tx_slots, SLOTS_DEFAULT);
  shape.slots[RECEIVE] = slots_bounded(wanted->nr_rx_slots, SLOTS_DEFAULT);
  error = port_make(&shape, port);
  if (error != 0) region_release_if_unused(shape.region);
  return error;
}

/* A port of NR_REG_NULL has memory and no packets; each open gets its own. */
static int null_port_make(const struct nmreq_register *wanted, uint32_t *port) {
  struct port shape = {.kind = PORT_NULL, .name = "null"};
  int error = memory_for(wanted, true, &shape);
  if (error != 0) return error;
  shape.rings[TRANSMIT] = bounded(wanted->nr_tx_rings, 0, RINGS_OF_PORT_MAX);
  shape.rings[RECEIVE] = bounded(wanted->nr_rx_rings, 0, RINGS_OF_PORT_MAX);
  shape.slots[TRANSMIT] = slots_bounded(wanted->nr_tx_slots, SLOTS_DEFAULT);
  shape.slots[RECEIVE] = slots_bounded(wanted->nr_rx_slots, SLOTS_DEFAULT);
  error = port_make(&shape, port);
  if (error != 0) region_release_if_unused(shape.region);
  return error;
}

static int pipe_make(uint32_t parent, const char *id, const struct nmreq_register *wanted, uint32_t *master) {
  const struct port *up = &control->ports[parent];
  if (up->references >= pipes_of_port_max()) return EINVAL;
  struct port shape = {.kind = PORT_PIPE, .region = up->region, .parent = parent, .master = 1};
  shape.network_namespace = up->network_namespace;
  int length = snprintf(shape.name, sizeof shape.name, "%s{%s", up->name, id);
  if (length < 0 || (size_t)length >= sizeof shape.name) return EINVAL;
  shape.rings[TRANSMIT] = bounded(wanted->nr_tx_rings, 1, RINGS_OF_PORT_MAX);
  shape.rings[RECEIVE] = bounded(wanted->nr_rx_rings, 1, RINGS_OF_PORT_MAX);
  shape.slots[TRANSMIT] = slots_bounded(wanted->nr_tx_slots, up->slots[TRANSMIT]);
  shape.slots[RECEIVE] = slots_bounded(wanted->nr_rx_slots, up->slots[RECEIVE]);
  int error = port_make(&shape, master);
  if (error != 0) return error;
  shape.name[strlen(up->name)] = '}';
  shape.master = 0;
  uint32_t rings = shape.rings[TRANSMIT], slots = shape.slots[TRANSMIT], slave;
  shape.rings[TRANSMIT] = shape.rings[RECEIVE];
  shape.slots[TRANSMIT] = shape.slots[RECEIVE];
  shape.rings[RECEIVE] = rings;
  shape.slots[RECEIVE] = slots;
  error = port_make(&shape, &slave);
  if (error != 0) {
    control->ports[*master].parent = 0;
    port_unmake(*master);
    return error;
  }
  struct port *m = &control->ports[*master], *s = &control->ports[slave];
  m->peer = slave;
  s->peer = *master;
  for (enum direction d = TRANSMIT; d <= RECEIVE; d++) {
    for (uint32_t i = 0; i < m->rings[d]; i++) {
      uint32_t here = m->kring[d] + i, there = s->kring[!d] + i;
      control->krings[here].peer = there;
      control->krings[there].peer = here;
    }
  }
  control->ports[parent].references++;
  return 0;
}

static int pipe_get(const char *name, const char *brace, const struct nmreq_register *wanted, bool create,
                    uint32_t *port) {
  char parent_name[NETMAP_NAME_SIZE];
  const char *id = brace + 1;
  if (*id == '\0' || brace == name) return EINVAL;
  if (wanted->nr_mode != NR_REG_ALL_NIC && wanted->nr_mode != NR_REG_ONE_NIC) return EINVAL;
  if ((*port = port_find(name)) != 0) return 0;
  snprintf(parent_name, sizeof parent_name, "%.*s", (int)(brace - name), name);
  /* The parent has its own rings; those asked for are the pipe's. */
  struct nmreq_register of_parent = *wanted;
  of_parent.nr_tx_rings = of_parent.nr_rx_rings = 0;
  of_parent.nr_tx_slots = of_parent.nr_rx_slots = 0;
  uint32_t parent;
  int error = port_get(parent_name, &of_parent, create, &parent);
  if (error == ENXIO && create && strlen(parent_name) < IFNAMSIZ && strncmp(parent_name, "vale", 4) != 0) {
    error = virtual_port_make(parent_name, PORT_EPHEMERAL, &of_parent, &parent);
  }
  if (error != 0) return error;
  uint32_t master;
  error = create ? pipe_make(parent, id, wanted, &master) : ENODEV;
  if (error != 0) {
    port_release_if_unused(parent);
    return error;
  }
  *port = *brace == '{' ? master : control->ports[master].peer;
  return 0;
}

static int vale_get(const char *name, const struct nmreq_register *wanted, bool create, uint32_t *port) {
  const char *colon = strchr(name, ':');
  if (colon == NULL || colon[1] == '\0') return create ? ENOMEM : ENXIO;
  if ((*port = port_find(name)) != 0) return 0;
  if (!create) return ENXIO;
  if (if_nametoindex(colon + 1) != 0) return EINVAL;
  int error = virtual_port_make(name, PORT_VALE, wanted, port);
  if (error != 0) return error;
  error = vale_attach(*port, name);
  if (error != 0) port_unmake(*port);
  return error;
}

int port_get(const char *name, const struct nmreq_register *wanted, bool create, uint32_t *port) {
  if (wanted->nr_flags & (NR_MONITOR_TX | NR_MONITOR_RX | NR_ZCOPY_MON)) return EOPNOTSUPP;
  const char *brace = strrchr(name, '{');
  if (brace == NULL) brace = strrchr(name, '}');
  if (brace != NULL) return pipe_get(name, brace, wanted, create, port);
  if (strncmp(name, "vale", 4) == 0) return vale_get(name, wanted, create, port);
  if (wanted->nr_mode == NR_REG_NULL) return create ? null_port_make(wanted, port) : EINVAL;
  unsigned interface_index = if_nametoindex(name);
  *port = port_find(name);
  if (*port != 0) {
    struct port *p = &control->ports[*port];
    /* An interface may go and come back under its name while a pipe keeps the port. */
    if (p->kind == PORT_INTERFACE) p->interface_index = interface_index;
    return p->kind == PORT_INTERFACE && interface_index == 0 ? ENXIO : 0;
  }
  if (interface_index == 0) return ENXIO;
  return create ? interface_port_make(name, interface_index, wanted, port) : 0;
}

int port_create_persistent(const char *name, const struct nmreq_register *wanted, uint32_t *port) {
  if (strncmp(name, "vale", 4) == 0 || name[0] == '\0' || strlen(name) >= IFNAMSIZ) return EINVAL;
  if (port_find(name) != 0 || if_nametoindex(name) != 0) return EEXIST;
  int error = virtual_port_make(name, PORT_EPHEMERAL, wanted, port);
  if (error == 0) control->ports[*port].persistent = 1;
  return error;
}

int port_destroy_persistent(const char *name) {
  uint32_t port = port_find(name);
  if (port == 0) return ENXIO;
  struct port *p = &control->ports[port];
  if (!p->persistent) return EINVAL;
  if (p->opens != 0 || p->references != 0 || p->switch_index != 0) return EBUSY;
  p->persistent = 0;
  port_release_if_unused(port);
  return 0;
}
