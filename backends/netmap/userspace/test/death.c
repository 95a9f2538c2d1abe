#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

enum { DEATHS = 150 };

static const char A[] = "\2aaaaa", B[] = "\2bbbbb";

/* What children find wrong; they mostly don't live to say it by their exit status. */
static uint64_t *wrong;

static void wrong_make(void) {
  wrong = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(wrong != MAP_FAILED);
  srand(4711);
}

static void random_pause(void) { usleep((unsigned)rand() % 3000 + 1); }

static void kill_and_wait(int child) {
  int status;
  kill(child, SIGKILL);
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void swap(struct netmap_slot *a, uint32_t *index) {
  uint32_t before = a->buf_idx;
  a->buf_idx = *index;
  a->flags |= NS_BUF_CHANGED;
  *index = before;
}

/* Reads for ever, and swaps each buffer against one of its extra ones. */
static void reader_child(const char *name) {
  enum { OWN = 64 };
  struct nmreq_register extra = {.nr_extra_bufs = OWN};
  struct test_port port = port_opened(name, &extra);
  struct netmap_ring *ring = receive_ring(&port, 0);
  uint32_t own[OWN], count = 0;
  for (uint32_t index = port.interface->ni_bufs_head; index != 0 && count < OWN;) {
    own[count++] = index;
    memcpy(&index, netmap_buffer(ring, index), sizeof index);
  }
  port.interface->ni_bufs_head = 0;
  uint64_t last = 0;
  for (uint32_t turn = 0;; turn++) {
    if (turn % 8 == 0) poll_one(port.fd, POLLIN, 1); else receive_sync(&port);
    while (ring_space(ring) != 0) {
      struct netmap_slot *slot = &netmap_ring_slots(ring)[ring->cur];
      uint64_t sequence = packet_take(ring, NULL, NULL);
      if (sequence <= last) __atomic_fetch_add(wrong, 1, __ATOMIC_RELAXED);
      last = sequence;
      if (count != 0) swap(slot, &own[sequence % count]);
    }
  }
}

void test_reader_killed(void) {
  wrong_make();
  struct test_port writer = port_opened("k{1", NULL);
  struct netmap_ring *ring = transmit_ring(&writer, 0);
  uint64_t sent = 1;
  for (int i = 0; i < DEATHS; i++) {
    int child = fork();
    if (child == 0) reader_child("k}1");
    uint64_t end = now_ns() + (uint64_t)(rand() % 4000) * 1000;
    while (now_ns() < end) {
      while (packet_put(ring, A, B, sent, 60, 0)) sent++;
      transmit_sync(&writer);
    }
    kill_and_wait(child);
    if (i % 3 == 0) CHECK_EQUAL(audit_check(), 2048);
  }
  CHECK_EQUAL(*wrong, 0);
  CHECK(sent > 10000);
  /* One that lives reads on. */
  struct test_port reader = port_opened("k}1", NULL);
  receive_sync(&reader);
  uint64_t last = 0, sequence;
  while ((sequence = packet_take(receive_ring(&reader, 0), NULL, NULL)) != UINT64_MAX) last = sequence;
  receive_sync(&reader);
  transmit_sync(&writer);
  CHECK_EQUAL(ring_space(ring), 1023);
  CHECK(last == sent - 1 || last == 0);
  CHECK_EQUAL(audit_check(), 2048);
  port_close(&reader);
  port_close(&writer);
  CHECK_EQUAL(audit_check(), 0);
}

static void writer_child(const char *name, uint64_t *sequence) {
  struct test_port port = port_opened(name, NULL);
  struct netmap_ring *ring = transmit_ring(&port, 0);
  for (;;) {
    for (int n = 0; n < 100; n++) {
      if (!packet_put(ring, A, B, *sequence + 1, 60, 0)) break;
      ++*sequence;
    }
    transmit_sync(&port);
  }
}

void test_writer_killed(void) {
  wrong_make();
  uint64_t *sequence = wrong + 1, last = 0;
  struct test_port reader = port_opened("k}1", NULL);
  struct netmap_ring *ring = receive_ring(&reader, 0);
  for (int i = 0; i < DEATHS; i++) {
    int child = fork();
    if (child == 0) writer_child("k{1", sequence);
    uint64_t end = now_ns() + (uint64_t)(rand() % 4000) * 1000;
    while (now_ns() < end) {
      receive_sync(&reader);
      for (uint64_t got; (got = packet_take(ring, NULL, NULL)) != UINT64_MAX; last = got) {
        /* The one it was at when it died may come twice: it is written before it is counted. */
        CHECK(got == last + 1 || (got <= last && got + 1 >= last));
      }
    }
    kill_and_wait(child);
    receive_sync(&reader);
    if (i % 3 == 0) CHECK_EQUAL(audit_check(), 2048);
  }
  CHECK(last > 10000);
  port_close(&reader);
  CHECK_EQUAL(audit_check(), 0);
}

/* Takes packets from one pipe, puts them into two by swapping, with extra buffers between. */
static void balancer_child(void) {
  struct nmreq_register extra = {.nr_extra_bufs = 300};
  struct test_port in = port_opened("k}in", &extra), out[2] = {port_opened("k{a", NULL), port_opened("k{b", NULL)};
  for (;;) {
    poll_one(in.fd, POLLIN, 1);
    struct netmap_ring *from = receive_ring(&in, 0);
    while (ring_space(from) != 0) {
      struct netmap_slot *slot = &netmap_ring_slots(from)[from->cur];
      uint64_t sequence = packet_take(from, NULL, NULL);
      struct netmap_ring *to = transmit_ring(&out[sequence & 1], 0);
      if (ring_space(to) == 0) {
        /* Into the reserve, and one of the reserve into the ring. */
        uint32_t index = in.interface->ni_bufs_head, next;
        memcpy(&next, netmap_buffer(from, index), sizeof next);
        uint32_t taken = slot->buf_idx;
        slot->buf_idx = index;
        memcpy(netmap_buffer(from, taken), &next, sizeof next);
        in.interface->ni_bufs_head = taken;
        continue;
      }
      struct netmap_slot *target = &netmap_ring_slots(to)[to->cur];
      uint32_t buffer = target->buf_idx;
      target->buf_idx = slot->buf_idx;
      target->len = slot->len;
      target->flags = NS_BUF_CHANGED;
      slot->buf_idx = buffer;
      slot->flags = NS_BUF_CHANGED;
      to->head = to->cur = to->cur + 1 == to->num_slots ? 0 : to->cur + 1;
    }
    receive_sync(&in);
    transmit_sync(&out[0]);
    transmit_sync(&out[1]);
  }
}

void test_balancer_killed(void) {
  wrong_make();
  struct test_port source = port_opened("k{in", NULL), sink[2] = {port_opened("k}a", NULL), port_opened("k}b", NULL)};
  struct netmap_ring *ring = transmit_ring(&source, 0);
  uint64_t sent = 0, got = 0;
  for (int i = 0; i < DEATHS; i++) {
    int child = fork();
    if (child == 0) balancer_child();
    uint64_t end = now_ns() + (uint64_t)(rand() % 5000) * 1000;
    while (now_ns() < end) {
      for (int n = 0; n < 300 && packet_put(ring, A, B, sent, 60, 0); n++) sent++;
      transmit_sync(&source);
      for (int n = 0; n < 2; n++) {
        receive_sync(&sink[n]);
        while (packet_take(receive_ring(&sink[n], 0), NULL, NULL) != UINT64_MAX) got++;
      }
      usleep(50);
    }
    kill_and_wait(child);
    CHECK_EQUAL(audit_check(), 3 * 2048);
  }
  CHECK(got > 10000);
  port_close(&source);
  port_close(&sink[0]);
  port_close(&sink[1]);
  CHECK_EQUAL(audit_check(), 0);
}

/* Processes that do nothing but open, bind and close, killed at any moment of it. */
void test_register_killed(void) {
  wrong_make();
  struct test_port stays = port_opened("k{0", NULL);
  for (int i = 0; i < DEATHS; i++) {
    int child = fork();
    if (child == 0) {
      for (unsigned n = 0;; n++) {
        const char *names[] = {"k}0", "k{1", "k}1", "vale0:a", "vale0:b", "other{1"};
        struct nmreq_register shape = {.nr_extra_bufs = n % 50, .nr_tx_slots = 128, .nr_rx_slots = 128};
        struct test_port one = port_opened(names[n % 6], &shape), two = port_opened(names[(n + 1) % 6], &shape);
        port_close(&one);
        port_close(&two);
      }
    }
    random_pause();
    random_pause();
    kill_and_wait(child);
    if (i % 5 == 0) {
      CHECK_EQUAL(audit_check(), 2048);
    } else {
      struct test_port port = port_opened(i % 2 ? "k}1" : "vale0:a", NULL);
      port_close(&port);
    }
  }
  CHECK_EQUAL(audit_check(), 2048);
  port_close(&stays);
  CHECK_EQUAL(audit_check(), 0);
}
