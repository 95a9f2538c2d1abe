#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support.h"

static const char A[] = "\2aaaaa", B[] = "\2bbbbb", C[] = "\2ccccc", ALL[] = "\377\377\377\377\377\377";

static void send_one(const struct test_port *port, const char *source, const char *target, uint64_t sequence, uint16_t flags) {
  CHECK(packet_put(transmit_ring(port, 0), source, target, sequence, 60, flags));
  transmit_sync(port);
  CHECK_EQUAL(ring_space(transmit_ring(port, 0)), transmit_ring(port, 0)->num_slots - 1);
}

static uint64_t receive_one(const struct test_port *port) {
  receive_sync(port);
  uint64_t sequence = packet_take(receive_ring(port, 0), NULL, NULL);
  receive_sync(port);
  return sequence;
}

void test_vale_learning(void) {
  struct test_port a = port_opened("vale0:a", NULL), b = port_opened("vale0:b", NULL), c = port_opened("vale0:c", NULL);
  struct test_port other = port_opened("vale1:a", NULL);
  CHECK(a.request.nr_mem_id != b.request.nr_mem_id);
  /* Unknown: to all others. */
  send_one(&a, A, B, 1, 0);
  CHECK_EQUAL(receive_one(&b), 1);
  CHECK_EQUAL(receive_one(&c), 1);
  CHECK_EQUAL(receive_one(&a), UINT64_MAX);
  CHECK_EQUAL(receive_one(&other), UINT64_MAX);
  /* a is known now. */
  send_one(&b, B, A, 2, 0);
  CHECK_EQUAL(receive_one(&a), 2);
  CHECK_EQUAL(receive_one(&c), UINT64_MAX);
  send_one(&a, A, B, 3, 0);
  CHECK_EQUAL(receive_one(&b), 3);
  CHECK_EQUAL(receive_one(&c), UINT64_MAX);
  send_one(&a, A, ALL, 4, 0);
  CHECK_EQUAL(receive_one(&b), 4);
  CHECK_EQUAL(receive_one(&c), 4);
  /* c says nothing of itself with NO_LEARN. */
  send_one(&c, C, A, 5, NS_NO_LEARN);
  CHECK_EQUAL(receive_one(&a), 5);
  send_one(&a, A, C, 6, 0);
  CHECK_EQUAL(receive_one(&b), 6);
  CHECK_EQUAL(receive_one(&c), 6);
  /* To itself: nowhere. */
  send_one(&a, A, A, 7, 0);
  CHECK_EQUAL(receive_one(&b), UINT64_MAX);
  /* Mixed destinations keep their order, and a full ring loses what is too much. */
  for (uint64_t i = 0; i < 600; i++) CHECK(packet_put(transmit_ring(&a, 0), A, i % 3 ? B : ALL, i, 60, 0));
  transmit_sync(&a);
  receive_sync(&b);
  for (uint64_t i = 0; i < 600; i++) CHECK_EQUAL(packet_take(receive_ring(&b, 0), NULL, NULL), i);
  for (uint64_t i = 0; i < 600; i += 3) CHECK_EQUAL(receive_one(&c), i);
  for (uint64_t i = 0; i < 3000; i++) {
    if (!packet_put(transmit_ring(&a, 0), A, B, i, 60, 0)) {
      transmit_sync(&a);
      i--;
    }
  }
  transmit_sync(&a);
  receive_sync(&b);
  receive_sync(&b);
  for (uint64_t i = 0; i < 423; i++) CHECK_EQUAL(packet_take(receive_ring(&b, 0), NULL, NULL), i);
  /* What a port that has gone had learned is forgotten. */
  port_close(&b);
  send_one(&a, A, B, 8, 0);
  CHECK_EQUAL(receive_one(&c), 8);
  port_close(&a);
  port_close(&c);
  port_close(&other);
  CHECK_EQUAL(audit_check(), 0);
}

void test_vale_fragments(void) {
  struct test_port a = port_opened("vale0:a", NULL), b = port_opened("vale0:b", NULL);
  for (uint16_t parts = 1; parts <= NETMAP_FRAGMENTS_MAX; parts = (uint16_t)(parts * 2)) {
    for (uint16_t i = 0; i < parts; i++) {
      CHECK(packet_put(transmit_ring(&a, 0), A, B, i, 100, i + 1 < parts ? NS_MOREFRAG : 0));
    }
    transmit_sync(&a);
    receive_sync(&b);
    CHECK_EQUAL(ring_space(receive_ring(&b, 0)), parts);
    for (uint16_t i = 0; i < parts; i++) {
      uint16_t flags;
      CHECK_EQUAL(packet_take(receive_ring(&b, 0), NULL, &flags), i);
      CHECK_EQUAL(flags, parts << 8 | (i + 1 < parts ? NS_MOREFRAG : 0));
    }
    receive_sync(&b);
  }
  port_close(&a);
  port_close(&b);
  CHECK_EQUAL(audit_check(), 0);
}

static int control(int fd, unsigned type, char *name, void *body) {
  struct nmreq_header header = {.nr_version = NETMAP_API, .nr_reqtype = (uint16_t)type, .nr_body = (uintptr_t)body};
  snprintf(header.nr_name, sizeof header.nr_name, "%s", name);
  int error = ioctl(fd, NIOCCTRL, &header) == 0 ? 0 : errno;
  snprintf(name, NETMAP_NAME_SIZE, "%s", header.nr_name);
  return error;
}

void test_vale_list(void) {
  struct test_port a = port_opened("vale7:a", NULL), b = port_opened("vale7:b", NULL), c = port_opened("vale8:c", NULL);
  struct nmreq_vale_list list = {0};
  char name[NETMAP_NAME_SIZE];
  unsigned seen = 0;
  for (;; list.nr_port_idx++, seen++) {
    name[0] = '\0';
    int error = control(a.fd, NETMAP_REQ_VALE_LIST, name, &list);
    if (error == ENOENT) break;
    CHECK_EQUAL(error, 0);
    CHECK(strncmp(name, "vale", 4) == 0);
  }
  CHECK_EQUAL(seen, 3);
  /* A pipe of a switch port has its memory. */
  struct test_port pipe = port_opened("vale7:a{0", NULL);
  CHECK_EQUAL(pipe.request.nr_mem_id, a.request.nr_mem_id);
  /* Header lengths: only 0, 10 and 12; a program must say that it can take them. */
  struct nmreq_port_hdr length = {.nr_hdr_len = 11};
  snprintf(name, sizeof name, "vale7:b");
  CHECK_EQUAL(control(a.fd, NETMAP_REQ_PORT_HDR_SET, name, &length), EINVAL);
  length.nr_hdr_len = 12;
  CHECK_EQUAL(control(a.fd, NETMAP_REQ_PORT_HDR_SET, name, &length), 0);
  struct test_port again;
  CHECK_EQUAL(port_open(&again, "vale7:b", NULL), EIO);
  CHECK(packet_put(transmit_ring(&a, 0), A, B, 0x1122, 60, 0));
  transmit_sync(&a);
  receive_sync(&b);
  uint16_t bytes;
  CHECK(packet_take(receive_ring(&b, 0), &bytes, NULL) != UINT64_MAX);
  CHECK_EQUAL(bytes, 72);
  port_close(&a);
  port_close(&b);
  port_close(&c);
  port_close(&pipe);
  CHECK_EQUAL(audit_check(), 0);
}

void test_vale_persistent(void) {
  int fd = open(NETMAP_DEVICE, O_RDWR);
  char name[NETMAP_NAME_SIZE] = "lasting";
  struct nmreq_vale_newif make = {.nr_tx_slots = 128};
  struct nmreq_vale_attach attach = {.reg = {.nr_mode = NR_REG_ALL_NIC}};
  struct nmreq_vale_detach detach = {0};
  CHECK_EQUAL(control(fd, NETMAP_REQ_VALE_NEWIF, name, &make), 0);
  CHECK_EQUAL(control(fd, NETMAP_REQ_VALE_NEWIF, name, &make), EEXIST);
  CHECK_EQUAL(make.nr_rx_slots, 1024);
  struct test_port port = port_opened("lasting", NULL), other = port_opened("vale2:other", NULL);
  CHECK_EQUAL(port.request.nr_tx_slots, 128);
  snprintf(name, sizeof name, "vale2:lasting");
  CHECK_EQUAL(control(fd, NETMAP_REQ_VALE_ATTACH, name, &attach), 0);
  send_one(&other, A, B, 5, 0);
  CHECK_EQUAL(receive_one(&port), 5);
  snprintf(name, sizeof name, "lasting");
  CHECK_EQUAL(control(fd, NETMAP_REQ_VALE_DELIF, name, NULL), EBUSY);
  port_close(&port);
  CHECK_EQUAL(control(fd, NETMAP_REQ_VALE_DELIF, name, NULL), EBUSY);
  snprintf(name, sizeof name, "vale2:lasting");
  CHECK_EQUAL(control(fd, NETMAP_REQ_VALE_DETACH, name, &detach), 0);
  snprintf(name, sizeof name, "lasting");
  CHECK_EQUAL(control(fd, NETMAP_REQ_VALE_DELIF, name, NULL), 0);
  CHECK_EQUAL(port_open(&port, "lasting", NULL), ENXIO);
  port_close(&other);
  close(fd);
  CHECK_EQUAL(audit_check(), 0);
}
