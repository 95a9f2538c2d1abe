#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support.h"

static int control(int fd, unsigned version, unsigned type, const char *name, void *body) {
  struct nmreq_header header = {.nr_version = (uint16_t)version, .nr_reqtype = (uint16_t)type, .nr_body = (uintptr_t)body};
  snprintf(header.nr_name, sizeof header.nr_name, "%s", name);
  return ioctl(fd, NIOCCTRL, &header) == 0 ? 0 : errno;
}

void test_layout(void) {
  struct nmreq_register shape = {.nr_tx_slots = 64, .nr_rx_slots = 128};
  struct test_port master = port_opened("nodevice{a", &shape);
  CHECK_EQUAL(master.request.nr_tx_slots, 64);
  CHECK_EQUAL(master.request.nr_rx_slots, 128);
  CHECK_EQUAL(master.request.nr_tx_rings, 1);
  CHECK_EQUAL(master.request.nr_host_tx_rings, 0);
  CHECK_EQUAL(strcmp(master.interface->ni_name, "nodevice{a"), 0);
  CHECK_EQUAL(master.interface->ni_version, 0);
  const struct netmap_ring *ring = transmit_ring(&master, 0);
  CHECK_EQUAL(ring->dir, 0);
  CHECK_EQUAL(ring->num_slots, 64);
  CHECK_EQUAL(ring->nr_buf_size, 2048);
  CHECK_EQUAL(ring->tail, 63);
  CHECK_EQUAL(ring_space(ring), 63);
  CHECK_EQUAL(receive_ring(&master, 0)->dir, 1);
  CHECK_EQUAL(ring_space(receive_ring(&master, 0)), 0);
  for (uint32_t i = 0; i < 64; i++) CHECK(netmap_ring_slots(ring)[i].buf_idx >= NETMAP_BUFFERS_RESERVED);
  struct test_port slave = port_opened("nodevice}a", NULL);
  CHECK_EQUAL(slave.request.nr_rx_slots, 64);
  CHECK_EQUAL(slave.request.nr_mem_id, master.request.nr_mem_id);
  port_close(&master);
  port_close(&slave);
  CHECK_EQUAL(audit_check(), 0);
}

void test_errors(void) {
  struct nmreq_register body = {.nr_mode = NR_REG_ALL_NIC};
  struct test_port port;
  int fd = open(NETMAP_DEVICE, O_RDWR | O_CLOEXEC);
  CHECK(fd >= 0);
  CHECK_EQUAL(ioctl(fd, NIOCTXSYNC) == 0 ? 0 : errno, ENXIO);
  CHECK_EQUAL(ioctl(fd, NIOCRXSYNC) == 0 ? 0 : errno, ENXIO);
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
  CHECK_EQUAL(control(fd, 11, NETMAP_REQ_REGISTER, "x{1", &body), EINVAL);
  CHECK_EQUAL(control(fd, 13, NETMAP_REQ_REGISTER, "x{1", &body), EINVAL);
  CHECK_EQUAL(control(fd, 16, NETMAP_REQ_REGISTER, "x{1", &body), EINVAL);
  CHECK_EQUAL(control(fd, 14, 99, "x{1", &body), EINVAL);
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_REGISTER, "x{1", NULL), EINVAL);
  for (uint32_t mode = 0; mode < 12; mode++) {
    if (mode == NR_REG_ALL_NIC || mode == NR_REG_ONE_NIC) continue;
    body.nr_mode = mode;
    CHECK_EQUAL(control(fd, 14, NETMAP_REQ_REGISTER, "x{1", &body), EINVAL);
  }
  body.nr_mode = NR_REG_ALL_NIC;
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_REGISTER, "netmap:veth0", &body), ENXIO);
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_REGISTER, "nosuchthing", &body), ENXIO);
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_REGISTER, "", &body), ENXIO);
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_REGISTER, "x{", &body), EINVAL);
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_REGISTER, "{1", &body), EINVAL);
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_REGISTER, "averylongnameforadevice{1", &body), ENXIO);
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_PORT_HDR_GET, "vale9:none", &body), ENXIO);
  body = (struct nmreq_register){.nr_mode = NR_REG_ALL_NIC, .nr_mem_id = 777};
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_REGISTER, "x{1", &body), EINVAL);
  body = (struct nmreq_register){.nr_mode = NR_REG_SW};
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_REGISTER, "vale0:a", &body), EINVAL);
  body = (struct nmreq_register){.nr_mode = NR_REG_ONE_NIC, .nr_ringid = 3};
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_REGISTER, "vale0:a", &body), EINVAL);
  body = (struct nmreq_register){.nr_mode = NR_REG_ALL_NIC, .nr_flags = NR_MONITOR_RX};
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_REGISTER, "x{1", &body), EOPNOTSUPP);
  struct nmreq_option option = {.nro_reqtype = NETMAP_REQ_OPT_OFFSETS};
  body = (struct nmreq_register){.nr_mode = NR_REG_ALL_NIC};
  struct nmreq_header header = {.nr_version = 14, .nr_reqtype = 1, .nr_name = "x{1", .nr_body = (uintptr_t)&body, .nr_options = (uintptr_t)&option};
  CHECK_EQUAL(ioctl(fd, NIOCCTRL, &header) == 0 ? 0 : errno, EOPNOTSUPP);
  CHECK_EQUAL(option.nro_status, EOPNOTSUPP);
  CHECK_EQUAL(control(fd, 15, NETMAP_REQ_REGISTER, "x{1", &body), 0);
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_REGISTER, "x{1", &body), EBUSY);
  CHECK_EQUAL(close(fd), 0);
  CHECK(open(NETMAP_DEVICE, O_RDONLY) < 0);

  struct nmreq_register alone = {.nr_flags = NR_EXCLUSIVE};
  struct test_port first = port_opened("y{1", &alone);
  CHECK_EQUAL(port_open(&port, "y{1", NULL), EBUSY);
  CHECK_EQUAL(port_open(&port, "y{1", &alone), EBUSY);
  port = port_opened("y}1", &alone);
  port_close(&port);
  port_close(&first);
  first = port_opened("y{1", NULL);
  CHECK_EQUAL(port_open(&port, "y{1", &alone), EBUSY);
  port_close(&first);
  CHECK_EQUAL(audit_check(), 0);
}

void test_modes(void) {
  struct nmreq_register receive_only = {.nr_flags = NR_RX_RINGS_ONLY}, transmit_only = {.nr_flags = NR_TX_RINGS_ONLY};
  struct test_port reader = port_opened("m}1", &receive_only);
  CHECK_EQUAL(netmap_if_ring_offsets(reader.interface)[0], 0);
  struct test_port writer = port_opened("m{1", &transmit_only);
  CHECK_EQUAL(audit_check(), 1024); /* one direction only */
  CHECK(packet_put(transmit_ring(&writer, 0), "abcdef", "ghijkl", 7, 60, 0));
  transmit_sync(&writer);
  receive_sync(&reader);
  CHECK_EQUAL(packet_take(receive_ring(&reader, 0), NULL, NULL), 7);
  port_close(&reader);
  port_close(&writer);

  struct nmreq_register many = {.nr_tx_rings = 3, .nr_rx_rings = 2};
  struct test_port all = port_opened("vale1:many", &many);
  CHECK_EQUAL(all.request.nr_tx_rings, 3);
  CHECK_EQUAL(all.request.nr_rx_rings, 2);
  struct nmreq_register second = {.nr_mode = NR_REG_ONE_NIC, .nr_ringid = 1};
  struct test_port one = port_opened("vale1:many", &second);
  CHECK_EQUAL(receive_ring(&one, 1)->ringid, 1);
  port_close(&one);
  port_close(&all);

  struct nmreq_register none = {.nr_mode = NR_REG_NULL, .nr_extra_bufs = 10};
  struct test_port null = port_opened("anything", &none);
  CHECK_EQUAL(null.request.nr_extra_bufs, 10);
  CHECK_EQUAL(null.request.nr_mem_id, 1);
  CHECK_EQUAL(audit_check(), 10);
  port_close(&null);
  CHECK_EQUAL(audit_check(), 0);
}

static uint32_t list_length(const struct test_port *port) {
  const struct netmap_ring *ring = transmit_ring(port, 0);
  uint32_t length = 0;
  for (uint32_t index = port->interface->ni_bufs_head; index != 0; length++) {
    memcpy(&index, netmap_buffer(ring, index), sizeof index);
  }
  return length;
}

void test_memory(void) {
  struct nmreq_register extra = {.nr_extra_bufs = 500};
  struct test_port port = port_opened("e{1", &extra);
  CHECK_EQUAL(port.request.nr_extra_bufs, 500);
  CHECK_EQUAL(list_length(&port), 500);
  CHECK_EQUAL(audit_check(), 2048 + 500);
  /* Some of them go into a ring, and the ring's into the list. */
  struct netmap_ring *ring = transmit_ring(&port, 0);
  for (uint32_t i = 0; i < 100; i++) {
    uint32_t taken = port.interface->ni_bufs_head, next;
    struct netmap_slot *slot = &netmap_ring_slots(ring)[i];
    memcpy(&next, netmap_buffer(ring, taken), sizeof next);
    memcpy(netmap_buffer(ring, slot->buf_idx), &next, sizeof next);
    port.interface->ni_bufs_head = slot->buf_idx;
    slot->buf_idx = taken;
    slot->flags = NS_BUF_CHANGED;
  }
  CHECK_EQUAL(list_length(&port), 500);
  CHECK_EQUAL(audit_check(), 2048 + 500);
  port_close(&port);
  CHECK_EQUAL(audit_check(), 0);
  /* A program that loses its list: they come back with its last descriptor. */
  port = port_opened("e{1", &extra);
  port.interface->ni_bufs_head = 0;
  port_close(&port);
  CHECK_EQUAL(audit_check(), 0);
  /* As many as there are; then no rings for anybody. */
  struct nmreq_register greedy = {.nr_extra_bufs = 100000};
  port = port_opened("e{1", &greedy);
  CHECK_EQUAL(port.request.nr_extra_bufs, 6000 - 2 - 2048);
  struct test_port another;
  CHECK_EQUAL(port_open(&another, "e{2", NULL), ENOMEM);
  struct nmreq_register too_long = {.nr_tx_slots = 4096};
  CHECK_EQUAL(port_open(&another, "f{2", &too_long), ENOMEM);
  port_close(&port);
  CHECK_EQUAL(audit_check(), 0);
  /* Too many interfaces or rings. */
  setenv("NETMAP_USERSPACE_IF_NUM", "3", 1);
  port = port_opened("g{1", NULL);
  another = port_opened("g}1", NULL);
  struct test_port third;
  CHECK_EQUAL(port_open(&third, "g{1", NULL), ENOMEM);
  port_close(&port);
  third = port_opened("g{1", NULL);
  port_close(&third);
  port_close(&another);
  setenv("NETMAP_USERSPACE_IF_NUM", "100", 1);
  setenv("NETMAP_USERSPACE_RING_NUM", "6", 1);
  port = port_opened("h{1", NULL);
  CHECK_EQUAL(port_open(&third, "h{2", NULL), ENOMEM);
  port_close(&port);
  CHECK_EQUAL(audit_check(), 0);
}

/* Opens pipes of a port until one is refused, and says how many it opened. */
static uint32_t pipes_until(const char *port, const struct nmreq_register *wanted, int *error) {
  static struct test_port ends[80];
  uint32_t opened = 0;
  for (*error = 0; opened < 80; opened++) {
    char name[64];
    snprintf(name, sizeof name, "%s{%u", port, opened);
    *error = port_open(&ends[opened], name, wanted);
    if (*error != 0) break;
  }
  for (uint32_t k = 0; k < opened; k++) port_close(&ends[k]);
  return opened;
}

/* What does not fit in the pools of the kernel's module does not fit here. */
void test_limits(void) {
  int error;
  CHECK_EQUAL(pipes_until("bare", NULL, &error), 5);
  CHECK_EQUAL(error, ENOMEM);
  struct test_port port = port_opened("vale7:a", NULL);
  CHECK_EQUAL(pipes_until("vale7:a", NULL, &error), 4);
  CHECK_EQUAL(error, ENOMEM);
  port_close(&port);
  /* Extra buffers enlarge the pool of the port that is made for them. */
  struct nmreq_register extra = {.nr_extra_bufs = 30000};
  port = port_opened("vale7:b", &extra);
  CHECK_EQUAL(port.request.nr_extra_bufs, 30000);
  port_close(&port);
  struct nmreq_register large = {.nr_tx_slots = 2048, .nr_rx_slots = 2048};
  CHECK_EQUAL(port_open(&port, "bare{0", &large), ENOMEM);
  port = port_opened("vale7:c", &large);
  port_close(&port);
  /* Pools may be made larger, but a port has 64 pipes. */
  setenv("NETMAP_USERSPACE_RING_NUM", "1000", 1);
  setenv("NETMAP_USERSPACE_IF_NUM", "1000", 1);
  setenv("NETMAP_USERSPACE_BUF_NUM", "200000", 1);
  CHECK_EQUAL(pipes_until("bare", NULL, &error), 64);
  CHECK_EQUAL(error, EINVAL);
  setenv("NETMAP_USERSPACE_MAX_PIPES", "70", 1);
  CHECK_EQUAL(pipes_until("bare", NULL, &error), 70);
  CHECK_EQUAL(audit_check(), 0);
}

void test_older_calls(void) {
  struct nmreq request = {.nr_name = "old", .nr_version = 13, .nr_flags = NR_REG_PIPE_MASTER, .nr_ringid = 4};
  int fd = open(NETMAP_DEVICE, O_RDWR);
  CHECK_EQUAL(ioctl(fd, NIOCREGIF, &request) == 0 ? 0 : errno, EINVAL);
  CHECK_EQUAL(ioctl(fd, NIOCGINFO, &request) == 0 ? 0 : errno, EINVAL);
  request.nr_version = 14;
  CHECK_EQUAL(ioctl(fd, NIOCREGIF, &request), 0);
  CHECK_EQUAL(request.nr_rx_slots, 1024);
  struct test_port slave = port_opened("old}4", NULL);
  CHECK_EQUAL(request.nr_arg2, slave.request.nr_mem_id);
  CHECK_EQUAL(request.nr_memsize, slave.request.nr_memsize);
  char *memory = mmap(NULL, request.nr_memsize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(memory != MAP_FAILED);
  struct netmap_ring *ring = netmap_if_ring((struct netmap_if *)(memory + request.nr_offset), 0);
  CHECK(packet_put(ring, "abcdef", "ghijkl", 99, 60, 0));
  CHECK_EQUAL(ioctl(fd, NIOCTXSYNC), 0);
  receive_sync(&slave);
  CHECK_EQUAL(packet_take(receive_ring(&slave, 0), NULL, NULL), 99);
  struct nmreq information = {.nr_name = "vale3:x", .nr_version = 14};
  CHECK_EQUAL(ioctl(fd, NIOCGINFO, &information), 0);
  CHECK_EQUAL(information.nr_tx_slots, 1024);
  struct nmreq_port_info_get newer = {0};
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_PORT_INFO_GET, "old{4", &newer), 0);
  CHECK_EQUAL(newer.nr_memsize, slave.request.nr_memsize);
  struct nmreq_pools_info pools = {0};
  CHECK_EQUAL(control(fd, 14, NETMAP_REQ_POOLS_INFO_GET, "old{4", &pools), 0);
  CHECK_EQUAL(pools.nr_buf_pool_objsize, 2048);
  CHECK(pools.nr_buf_pool_offset + (uint64_t)pools.nr_buf_pool_objtotal * 2048 <= pools.nr_memsize);
  close(fd);
  port_close(&slave);
  CHECK_EQUAL(audit_check(), 0);
}
