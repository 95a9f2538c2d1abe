#define _GNU_SOURCE
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../audit.h"

_Noreturn void check_failed(const char *file, int line, const char *what, long long a, long long b) {
  fprintf(stderr, "%s:%d: not true: %s (%lld, %lld; errno %s)\n", file, line, what, a, b, strerror(errno));
  _exit(1);
}

int port_open(struct test_port *port, const char *name, const struct nmreq_register *shape) {
  struct nmreq_header header = {.nr_version = NETMAP_API, .nr_reqtype = NETMAP_REQ_REGISTER};
  memset(port, 0, sizeof *port);
  port->fd = open(NETMAP_DEVICE, O_RDWR);
  CHECK(port->fd >= 0);
  if (shape != NULL) port->request = *shape;
  if (port->request.nr_mode == 0) port->request.nr_mode = NR_REG_ALL_NIC;
  header.nr_body = (uintptr_t)&port->request;
  snprintf(header.nr_name, sizeof header.nr_name, "%s", name);
  if (ioctl(port->fd, NIOCCTRL, &header) != 0) {
    int error = errno;
    close(port->fd);
    port->fd = -1;
    return error;
  }
  port->memory = mmap(NULL, port->request.nr_memsize, PROT_READ | PROT_WRITE, MAP_SHARED, port->fd, 0);
  CHECK(port->memory != MAP_FAILED);
  port->interface = (struct netmap_if *)(port->memory + port->request.nr_offset);
  return 0;
}

struct test_port port_opened(const char *name, const struct nmreq_register *shape) {
  struct test_port port;
  CHECK_EQUAL(port_open(&port, name, shape), 0);
  return port;
}

void port_close(struct test_port *port) {
  CHECK_EQUAL(munmap(port->memory, port->request.nr_memsize), 0);
  CHECK_EQUAL(close(port->fd), 0);
}

struct netmap_ring *transmit_ring(const struct test_port *port, uint32_t ring) {
  return netmap_if_ring(port->interface, ring);
}

struct netmap_ring *receive_ring(const struct test_port *port, uint32_t ring) {
  return netmap_if_ring(port->interface, port->interface->ni_tx_rings + port->interface->ni_host_tx_rings + ring);
}

uint32_t ring_space(const struct netmap_ring *ring) {
  uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
  return tail >= ring->cur ? tail - ring->cur : tail + ring->num_slots - ring->cur;
}

static void ring_advance(struct netmap_ring *ring) {
  uint32_t next = ring->cur + 1 == ring->num_slots ? 0 : ring->cur + 1;
  ring->cur = next;
  __atomic_store_n(&ring->head, next, __ATOMIC_RELEASE);
}

bool packet_put(struct netmap_ring *ring, const char *source, const char *target, uint64_t sequence, uint16_t length,
                uint16_t flags) {
  if (ring_space(ring) == 0) return false;
  struct netmap_slot *slot = &netmap_ring_slots(ring)[ring->cur];
  char *bytes = netmap_buffer(ring, slot->buf_idx);
  memcpy(bytes, target, 6);
  memcpy(bytes + 6, source, 6);
  memcpy(bytes + 12, "\x88\xb5\0\0", 4); /* the type for local experiments */
  memcpy(bytes + SEQUENCE_OFFSET, &sequence, sizeof sequence);
  slot->len = length;
  slot->flags = flags;
  ring_advance(ring);
  return true;
}

uint64_t packet_take(struct netmap_ring *ring, uint16_t *length, uint16_t *flags) {
  uint64_t sequence;
  if (ring_space(ring) == 0) return UINT64_MAX;
  const struct netmap_slot *slot = &netmap_ring_slots(ring)[ring->cur];
  memcpy(&sequence, netmap_buffer(ring, slot->buf_idx) + SEQUENCE_OFFSET, sizeof sequence);
  if (length != NULL) *length = slot->len;
  if (flags != NULL) *flags = slot->flags;
  ring_advance(ring);
  return sequence;
}

void transmit_sync(const struct test_port *port) { CHECK_EQUAL(ioctl(port->fd, NIOCTXSYNC), 0); }

void receive_sync(const struct test_port *port) { CHECK_EQUAL(ioctl(port->fd, NIOCRXSYNC), 0); }

short poll_one(int fd, short events, int timeout_ms) {
  struct pollfd one = {.fd = fd, .events = events};
  int result = poll(&one, 1, timeout_ms);
  CHECK(result >= 0);
  CHECK_EQUAL(result, one.revents != 0);
  return one.revents;
}

uint64_t audit_check(void) {
  struct audit result;
  CHECK_EQUAL(audit_run(&result), 0);
  if (!audit_good(&result)) {
    audit_print(stderr, &result);
    CHECK(!"every buffer is in one place");
  }
  CHECK_EQUAL(result.free + result.in_rings + result.in_lists + result.held, result.buffers);
  return result.buffers - result.free;
}

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void child_check(int pid) {
  int status;
  CHECK_EQUAL(waitpid(pid, &status, 0), pid);
  CHECK_EQUAL(status, 0);
}
