#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "binding.h"
#include "control.h"
#include "descriptor.h"
#include "memory.h"
#include "port.h"
#include "vale.h"

/* Bodies are read from and written to the program's memory only here. */
#define BODY(header, type) ((struct type *)(uintptr_t)(header)->nr_body)

/* What nr_cmd of the older call means. */
enum { OLDER_REGISTER = 0, OLDER_LIST = 4 };

static int request_port_information(const char *name, struct nmreq_port_info_get *body) {
  if (name[0] == '\0') {
    uint32_t id = body->nr_mem_id != 0 ? body->nr_mem_id : REGION_ID_INTERFACES;
    uint32_t region = region_find(id);
    int error = region != 0 ? 0 : id == REGION_ID_INTERFACES ? region_create(NULL, 0, &region) : EINVAL;
    if (error != 0) return error;
    body->nr_memsize = control->regions[region].size;
    body->nr_mem_id = (uint16_t)id;
    region_release_if_unused(region);
    return 0;
  }
  struct nmreq_register wanted = {.nr_mode = NR_REG_ALL_NIC,
                                  .nr_tx_slots = body->nr_tx_slots,
                                  .nr_rx_slots = body->nr_rx_slots,
                                  .nr_tx_rings = body->nr_tx_rings,
                                  .nr_rx_rings = body->nr_rx_rings,
                                  .nr_mem_id = body->nr_mem_id};
  uint32_t port;
  int error = port_get(name, &wanted, true, &port);
  if (error != 0) return error;
  binding_describe(&control->ports[port], &wanted);
  port_release_if_unused(port);
  body->nr_memsize = wanted.nr_memsize;
  body->nr_tx_slots = wanted.nr_tx_slots;
  body->nr_rx_slots = wanted.nr_rx_slots;
  body->nr_tx_rings = wanted.nr_tx_rings;
  body->nr_rx_rings = wanted.nr_rx_rings;
  body->nr_host_tx_rings = wanted.nr_host_tx_rings;
  body->nr_host_rx_rings = wanted.nr_host_rx_rings;
  body->nr_mem_id = wanted.nr_mem_id;
  return 0;
}

static int request_pools_information(const char *name, struct nmreq_pools_info *body) {
  struct nmreq_register wanted = {.nr_mode = NR_REG_ALL_NIC, .nr_mem_id = body->nr_mem_id};
  uint32_t port;
  int error = port_get(name, &wanted, true, &port);
  if (error != 0) return error;
  const struct region *r = &control->regions[control->ports[port].region];
  body->nr_memsize = r->size;
  body->nr_mem_id = (uint16_t)r->id;
  body->nr_if_pool_offset = 0;
  body->nr_if_pool_objtotal = r->if_total;
  body->nr_if_pool_objsize = IF_SIZE;
  body->nr_ring_pool_offset = r->ring_start;
  body->nr_ring_pool_objtotal = r->ring_total;
  body->nr_ring_pool_objsize = r->ring_size;
  body->nr_buf_pool_offset = r->buffer_start;
  body->nr_buf_pool_objtotal = r->buffer_total;
  body->nr_buf_pool_objsize = BUFFER_SIZE;
  port_release_if_unused(port);
  return 0;
}

static int request_vale_list(char *name, struct nmreq_vale_list *body) {
  if (name[0] != '\0') {
    if (strncmp(name, "vale", 4) != 0) return EINVAL;
    uint32_t index = vale_find(name);
    if (index == 0) return ENOENT;
    uint32_t port = port_find(name);
    body->nr_bridge_idx = (uint16_t)index;
    body->nr_port_idx = port != 0 ? control->ports[port].switch_port : SWITCH_PORTS_MAX + 1;
    return 0;
  }
  uint32_t port = body->nr_port_idx;
  for (uint32_t i = body->nr_bridge_idx; i < SWITCHES_MAX; i++, port = 0) {
    for (; port < SWITCH_PORTS_MAX; port++) {
      uint32_t found = control->switches[i].ports_used != 0 ? control->switches[i].ports[port] : 0;
      if (found == 0) continue;
      snprintf(name, NETMAP_NAME_SIZE, "%s", control->ports[found].name);
      body->nr_bridge_idx = (uint16_t)i;
      body->nr_port_idx = port;
      return 0;
    }
  }
  return ENOENT;
}

/* A persistent port can be put on a switch; to an interface nobody would carry the packets. */
static int request_vale_attach(const char *name, struct nmreq_vale_attach *body) {
  const char *colon = strchr(name, ':');
  if (strncmp(name, "vale", 4) != 0 || colon == NULL) return EINVAL;
  if (body->reg.nr_mode != NR_REG_ALL_NIC && body->reg.nr_mode != NR_REG_NIC_SW) return EINVAL;
  uint32_t port = port_find(colon + 1);
  if (port == 0 || control->ports[port].kind != PORT_EPHEMERAL) return port == 0 ? ENXIO : EOPNOTSUPP;
  if (control->ports[port].switch_index != 0) return EBUSY;
  int error = vale_attach(port, name);
  if (error == 0) body->port_index = control->ports[port].switch_port;
  return error;
}

static int request_vale_detach(const char *name, struct nmreq_vale_detach *body) {
  const char *colon = strchr(name, ':');
  if (strncmp(name, "vale", 4) != 0 || colon == NULL) return EINVAL;
  uint32_t port = port_find(colon + 1), on = vale_find(name);
  if (port == 0 || on == 0 || control->ports[port].switch_index != on) return ENXIO;
  body->port_index = control->ports[port].switch_port;
  vale_detach(port);
  return 0;
}

static int request_header_length(const char *name, struct nmreq_port_hdr *body, bool set) {
  if (set && body->nr_hdr_len != 0 && body->nr_hdr_len != 10 && body->nr_hdr_len != 12) return EINVAL;
  uint32_t port = port_find(name);
  if (port == 0 || (set && control->ports[port].kind != PORT_VALE)) return ENXIO;
  if (set) {
    control->ports[port].header_length = body->nr_hdr_len;
  } else {
    body->nr_hdr_len = control->ports[port].header_length;
  }
  return 0;
}

static int request_vale_newif(const char *name, struct nmreq_vale_newif *body) {
  struct nmreq_register wanted = {.nr_mode = NR_REG_ALL_NIC,
                                  .nr_tx_slots = body->nr_tx_slots,
                                  .nr_rx_slots = body->nr_rx_slots,
                                  .nr_tx_rings = body->nr_tx_rings,
                                  .nr_rx_rings = body->nr_rx_rings,
                                  .nr_mem_id = body->nr_mem_id};
  uint32_t port;
  int error = port_create_persistent(name, &wanted, &port);
  if (error != 0) return error;
  binding_describe(&control->ports[port], &wanted);
  body->nr_tx_slots = wanted.nr_tx_slots;
  body->nr_rx_slots = wanted.nr_rx_slots;
  body->nr_tx_rings = wanted.nr_tx_rings;
  body->nr_rx_rings = wanted.nr_rx_rings;
  body->nr_mem_id = wanted.nr_mem_id;
  return 0;
}

static bool has_body(uint16_t type) { return type != NETMAP_REQ_VALE_DELIF && type != NETMAP_REQ_CSB_ENABLE && type != NETMAP_REQ_SYNC_KLOOP_STOP; }

/* None of the options is served; the kernel says so in each of them. */
static int options_refuse(const struct nmreq_header *header) {
  int error = 0;
  for (uint64_t next = header->nr_options; next != 0;) {
    struct nmreq_option *option = (struct nmreq_option *)(uintptr_t)next;
    option->nro_status = EOPNOTSUPP;
    error = EOPNOTSUPP;
    next = option->nro_next;
  }
  return error;
}

static int dispatch(uint32_t open, struct nmreq_header *header) {
  switch (header->nr_reqtype) {
    case NETMAP_REQ_REGISTER:
      return binding_make(open, header->nr_name, BODY(header, nmreq_register));
    case NETMAP_REQ_PORT_INFO_GET:
      return request_port_information(header->nr_name, BODY(header, nmreq_port_info_get));
    case NETMAP_REQ_POOLS_INFO_GET:
      return request_pools_information(header->nr_name, BODY(header, nmreq_pools_info));
    case NETMAP_REQ_VALE_LIST:
      return request_vale_list(header->nr_name, BODY(header, nmreq_vale_list));
    case NETMAP_REQ_VALE_ATTACH:
      return request_vale_attach(header->nr_name, BODY(header, nmreq_vale_attach));
    case NETMAP_REQ_VALE_DETACH:
      return request_vale_detach(header->nr_name, BODY(header, nmreq_vale_detach));
    case NETMAP_REQ_VALE_NEWIF:
      return request_vale_newif(header->nr_name, BODY(header, nmreq_vale_newif));
    case NETMAP_REQ_VALE_DELIF:
      return port_destroy_persistent(header->nr_name);
    case NETMAP_REQ_PORT_HDR_SET:
    case NETMAP_REQ_PORT_HDR_GET:
      return request_header_length(header->nr_name, BODY(header, nmreq_port_hdr),
                                   header->nr_reqtype == NETMAP_REQ_PORT_HDR_SET);
    case NETMAP_REQ_VALE_POLLING_ENABLE:
    case NETMAP_REQ_VALE_POLLING_DISABLE:
    case NETMAP_REQ_SYNC_KLOOP_START:
    case NETMAP_REQ_SYNC_KLOOP_STOP:
    case NETMAP_REQ_CSB_ENABLE:
      return EOPNOTSUPP; /* they need a thread of the kernel */
    default:
      return EINVAL;
  }
}

int request_control(uint32_t open, struct nmreq_header *header) {
  if (header == NULL) return EFAULT;
  if (header->nr_version < NETMAP_API_LOWEST || header->nr_version > NETMAP_API_HIGHEST) return EINVAL;
  if (header->nr_reqtype == 0 || header->nr_reqtype > NETMAP_REQ_CSB_ENABLE) return EINVAL;
  if (has_body(header->nr_reqtype) && header->nr_body == 0) return EINVAL;
  header->nr_name[NETMAP_NAME_SIZE - 1] = '\0';
  int error = options_refuse(header);
  if (error != 0) return error;
  control_lock();
  error = dispatch(open, header);
  control_unlock();
  return error;
}

/* The older request said in the words of the newer one. */
static int register_from_older(const struct nmreq *older, char *name, struct nmreq_register *request) {
  *request = (struct nmreq_register){.nr_tx_slots = older->nr_tx_slots,
                                     .nr_rx_slots = older->nr_rx_slots,
                                     .nr_tx_rings = older->nr_tx_rings,
                                     .nr_rx_rings = older->nr_rx_rings,
                                     .nr_mem_id = older->nr_arg2,
                                     .nr_ringid = older->nr_ringid & NETMAP_RING_MASK,
                                     .nr_mode = older->nr_flags & NR_REG_MASK,
                                     .nr_extra_bufs = older->nr_arg3,
                                     .nr_flags = older->nr_flags & ~NR_REG_MASK};
  if (older->nr_ringid & NETMAP_NO_TX_POLL) request->nr_flags |= NR_NO_TX_POLL;
  if (older->nr_ringid & NETMAP_DO_RX_POLL) request->nr_flags |= NR_DO_RX_POLL;
  if (request->nr_mode == NR_REG_DEFAULT) {
    request->nr_mode = older->nr_ringid & NETMAP_SW_RING   ? NR_REG_SW
                       : older->nr_ringid & NETMAP_HW_RING ? NR_REG_ONE_NIC
                                                           : NR_REG_ALL_NIC;
  }
  const char *brace = request->nr_mode == NR_REG_PIPE_MASTER ? "{" : request->nr_mode == NR_REG_PIPE_SLAVE ? "}" : NULL;
  if (brace == NULL) {
    snprintf(name, NETMAP_NAME_SIZE, "%.15s", older->nr_name);
  } else {
    snprintf(name, NETMAP_NAME_SIZE, "%.15s%s%u", older->nr_name, brace, request->nr_ringid);
    request->nr_mode = NR_REG_ALL_NIC;
    request->nr_ringid = 0;
  }
  return 0;
}

int request_register_older(uint32_t open, struct nmreq *older) {
  if (older == NULL) return EFAULT;
  if (older->nr_version < NETMAP_API_LOWEST) return EINVAL;
  if (older->nr_cmd != OLDER_REGISTER) return EOPNOTSUPP;
  char name[NETMAP_NAME_SIZE];
  struct nmreq_register request;
  register_from_older(older, name, &request);
  control_lock();
  int error = binding_make(open, name, &request);
  control_unlock();
  if (error != 0) return error;
  older->nr_offset = (uint32_t)request.nr_offset;
  older->nr_memsize = (uint32_t)request.nr_memsize;
  older->nr_tx_slots = request.nr_tx_slots;
  older->nr_rx_slots = request.nr_rx_slots;
  older->nr_tx_rings = request.nr_tx_rings;
  older->nr_rx_rings = request.nr_rx_rings;
  older->nr_arg2 = request.nr_mem_id;
  older->nr_arg3 = request.nr_extra_bufs;
  return 0;
}

int request_information_older(uint32_t open, struct nmreq *older) {
  (void)open;
  if (older == NULL) return EFAULT;
  if (older->nr_version < NETMAP_API_LOWEST) return EINVAL;
  char name[NETMAP_NAME_SIZE];
  snprintf(name, sizeof name, "%.15s", older->nr_name);
  int error;
  control_lock();
  if (older->nr_cmd == OLDER_LIST) {
    struct nmreq_vale_list list = {.nr_bridge_idx = older->nr_arg1, .nr_port_idx = older->nr_arg2};
    error = request_vale_list(name, &list);
    if (error == 0) {
      snprintf(older->nr_name, sizeof older->nr_name, "%.15s", name);
      older->nr_arg1 = list.nr_bridge_idx;
      older->nr_arg2 = (uint16_t)list.nr_port_idx;
    }
  } else {
    struct nmreq_port_info_get body = {.nr_tx_slots = older->nr_tx_slots,
                                       .nr_rx_slots = older->nr_rx_slots,
                                       .nr_tx_rings = older->nr_tx_rings,
                                       .nr_rx_rings = older->nr_rx_rings,
                                       .nr_mem_id = older->nr_arg2};
    error = request_port_information(name, &body);
    if (error == 0) {
      older->nr_memsize = (uint32_t)body.nr_memsize;
      older->nr_tx_slots = body.nr_tx_slots;
      older->nr_rx_slots = body.nr_rx_slots;
      older->nr_tx_rings = body.nr_tx_rings;
      older->nr_rx_rings = body.nr_rx_rings;
      older->nr_arg2 = body.nr_mem_id;
    }
  }
  control_unlock();
  return error;
}
