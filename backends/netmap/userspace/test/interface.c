#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support.h"

enum { SKIPPED = 77 };

static const char A[] = "\2aaaaa", B[] = "\2bbbbb";

/* A pair of virtual interfaces in a network namespace of their own. */
static void namespace_make(const char *more) {
  char command[400];
  snprintf(command, sizeof command,
           "ip link add nmua %s type veth peer name nmub %s 2>/dev/null && "
           "for i in nmua nmub; do ip link set $i arp off addrgenmode none; ip link set $i up; done", more, more);
  if (unshare(CLONE_NEWNET) != 0 || system(command) != 0) {
    printf("         needs the right to make network namespaces, and ip(8)\n");
    fflush(stdout);
    _exit(SKIPPED);
  }
  for (int i = 0; i < 100; i++) {
    struct ifreq request = {.ifr_name = "nmua"};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    ioctl(fd, SIOCGIFFLAGS, &request);
    close(fd);
    if (request.ifr_flags & IFF_RUNNING) break;
    usleep(10000);
  }
}

/* The next of our own packets, whatever else the interface carries. */
static uint64_t next_packet(struct netmap_ring *ring) {
  while (ring_space(ring) != 0) {
    const struct netmap_slot *slot = &netmap_ring_slots(ring)[ring->cur];
    bool ours = memcmp(netmap_buffer(ring, slot->buf_idx) + 12, "\x88\xb5", 2) == 0;
    uint64_t sequence = packet_take(ring, NULL, NULL);
    if (ours) return sequence;
  }
  return UINT64_MAX;
}

void test_interface(void) {
  namespace_make("");
  struct test_port a = port_opened("nmua", NULL), b = port_opened("nmub", NULL);
  CHECK_EQUAL(a.request.nr_mem_id, 1);
  CHECK_EQUAL(a.request.nr_host_tx_rings, 1);
  CHECK_EQUAL(a.request.nr_memsize, b.request.nr_memsize);
  CHECK_EQUAL(poll_one(b.fd, POLLIN, 10), 0);
  uint64_t sent = 0, got = 0;
  while (got < 5000) {
    while (sent < 5000 && sent - got < 500 && packet_put(transmit_ring(&a, 0), A, B, sent, 60 + sent % 1000, 0)) sent++;
    transmit_sync(&a);
    CHECK_EQUAL(poll_one(b.fd, POLLIN, 2000), POLLIN);
    for (uint64_t sequence; (sequence = next_packet(receive_ring(&b, 0))) != UINT64_MAX; got++) CHECK_EQUAL(sequence, got);
  }
  /* What an interface sends it does not receive. */
  receive_sync(&a);
  CHECK_EQUAL(next_packet(receive_ring(&a, 0)), UINT64_MAX);
  /* Sleepers of all kinds wake by a packet. */
  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data = {.fd = 5}};
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, b.fd, &event), 0);
  CHECK_EQUAL(epoll_wait(epoll, &event, 1, 10), 0);
  CHECK(packet_put(transmit_ring(&a, 0), A, B, 9, 60, 0));
  transmit_sync(&a);
  CHECK_EQUAL(epoll_wait(epoll, &event, 1, 1000), 1);
  CHECK_EQUAL(event.data.fd, 5);
  CHECK_EQUAL(next_packet(receive_ring(&b, 0)), 9);
  close(epoll);
  /* Pipes of interfaces share memory with all interfaces. */
  struct test_port pipe = port_opened("nmua{4", NULL);
  CHECK_EQUAL(pipe.request.nr_mem_id, 1);
  /* Host rings are there; nothing comes by them. */
  struct nmreq_register host = {.nr_mode = NR_REG_SW};
  struct test_port stack = port_opened("nmua", &host);
  CHECK(packet_put(netmap_if_ring(stack.interface, 1), A, B, 1, 60, 0));
  transmit_sync(&stack);
  port_close(&stack);
  port_close(&pipe);
  /* A link that has gone down loses packets, and nothing else. */
  CHECK_EQUAL(system("ip link set nmub down"), 0);
  for (int i = 0; i < 2000; i++) {
    packet_put(transmit_ring(&a, 0), A, B, 1, 60, 0);
    transmit_sync(&a);
  }
  port_close(&a);
  port_close(&b);
  CHECK_EQUAL(port_open(&a, "nmuc", NULL), ENXIO);
  CHECK_EQUAL(audit_check(), 0);
}

void test_interface_rings(void) {
  namespace_make("numtxqueues 4 numrxqueues 4");
  struct test_port ring[4], all = port_opened("nmua", NULL);
  for (uint16_t i = 0; i < 4; i++) {
    struct nmreq_register one = {.nr_mode = NR_REG_ONE_NIC, .nr_ringid = i};
    ring[i] = port_opened("nmub", &one);
    CHECK_EQUAL(ring[i].request.nr_rx_rings, 4);
  }
  struct nmreq_register beyond = {.nr_mode = NR_REG_ONE_NIC, .nr_ringid = 4};
  struct test_port none;
  CHECK_EQUAL(port_open(&none, "nmub", &beyond), EINVAL);
  enum { PACKETS = 400 };
  uint64_t got = 0;
  unsigned used = 0;
  for (uint64_t i = 0; i < PACKETS; i++) {
    CHECK(packet_put(transmit_ring(&all, (uint32_t)i % 4), A, B, i, 60, 0));
    transmit_sync(&all);
  }
  for (int i = 0; i < 4; i++) {
    uint64_t before = got;
    receive_sync(&ring[i]);
    while (next_packet(receive_ring(&ring[i], (uint32_t)i)) != UINT64_MAX) got++;
    used += got != before;
  }
  /* Each packet is in one ring; by flow, so these are all in the same one. */
  CHECK_EQUAL(got, PACKETS);
  CHECK(used >= 1);
  for (int i = 0; i < 4; i++) port_close(&ring[i]);
  port_close(&all);
  CHECK_EQUAL(audit_check(), 0);
}
