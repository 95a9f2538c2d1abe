#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static const char A[] = "\2aaaaa", B[] = "\2bbbbb";

void test_pipe_order(void) {
  struct test_port master = port_opened("p{1", NULL), slave = port_opened("p}1", NULL);
  /* Both directions at the same time, with batches of all sizes. */
  uint64_t sent[2] = {0, 0}, got[2] = {0, 0};
  const struct test_port *ends[2] = {&master, &slave};
  for (uint32_t round = 0; round < 3000; round++) {
    for (int i = 0; i < 2; i++) {
      for (uint32_t n = (round * 7 + (uint32_t)i * 13) % 300; n > 0; n--) {
        if (!packet_put(transmit_ring(ends[i], 0), A, B, sent[i], 60, 0)) break;
        sent[i]++;
      }
      transmit_sync(ends[i]);
    }
    for (int i = 0; i < 2; i++) {
      receive_sync(ends[!i]);
      for (uint32_t n = (round * 11) % 250; n > 0; n--) {
        uint64_t sequence = packet_take(receive_ring(ends[!i], 0), NULL, NULL);
        if (sequence == UINT64_MAX) break;
        CHECK_EQUAL(sequence, got[i]);
        got[i]++;
      }
    }
  }
  CHECK(got[0] > 100000 && got[1] > 100000);
  CHECK(sent[0] - got[0] <= 1023);
  CHECK_EQUAL(audit_check(), 2048);
  port_close(&master);
  port_close(&slave);
  CHECK_EQUAL(audit_check(), 0);
}

static void write_all(const char *name, uint64_t count) {
  struct test_port port = port_opened(name, NULL);
  struct netmap_ring *ring = transmit_ring(&port, 0);
  for (uint64_t i = 0; i < count;) {
    while (i < count && packet_put(ring, A, B, i, 60, 0)) i++;
    transmit_sync(&port);
    if (ring_space(ring) == 0) poll_one(port.fd, POLLOUT, 1000);
  }
  while (ring_space(ring) != ring->num_slots - 1) transmit_sync(&port), usleep(100);
  port_close(&port);
}

static void read_all(const char *name, uint64_t count) {
  struct test_port port = port_opened(name, NULL);
  struct netmap_ring *ring = receive_ring(&port, 0);
  for (uint64_t i = 0; i < count;) {
    CHECK(poll_one(port.fd, POLLIN, 5000) & POLLIN);
    for (uint64_t sequence; (sequence = packet_take(ring, NULL, NULL)) != UINT64_MAX; i++) CHECK_EQUAL(sequence, i);
  }
  receive_sync(&port);
  port_close(&port);
}

void test_pipe_between_processes(void) {
  int reader = fork();
  if (reader == 0) {
    read_all("p}1", 3000000);
    _exit(0);
  }
  int writer = fork();
  if (writer == 0) {
    write_all("p{1", 3000000);
    _exit(0);
  }
  child_check(writer);
  child_check(reader);
  CHECK_EQUAL(audit_check(), 0);
}

/* Zero copy: buffers go from one pipe into the next by swapping indices. */
void test_pipe_swaps(void) {
  struct test_port source = port_opened("p{in", NULL), in = port_opened("p}in", NULL);
  struct test_port out = port_opened("p{out", NULL), sink = port_opened("p}out", NULL);
  CHECK_EQUAL(in.request.nr_mem_id, out.request.nr_mem_id);
  uint64_t sent = 0, got = 0;
  for (uint32_t round = 0; round < 2000; round++) {
    for (uint32_t n = round % 200; n > 0 && packet_put(transmit_ring(&source, 0), A, B, sent, 60, 0); n--) sent++;
    transmit_sync(&source);
    receive_sync(&in);
    struct netmap_ring *from = receive_ring(&in, 0), *to = transmit_ring(&out, 0);
    while (ring_space(from) != 0 && ring_space(to) != 0) {
      struct netmap_slot *f = &netmap_ring_slots(from)[from->cur], *t = &netmap_ring_slots(to)[to->cur];
      uint32_t buffer = t->buf_idx;
      t->buf_idx = f->buf_idx;
      t->len = f->len;
      f->buf_idx = buffer;
      t->flags |= NS_BUF_CHANGED;
      f->flags |= NS_BUF_CHANGED;
      from->head = from->cur = from->cur + 1 == from->num_slots ? 0 : from->cur + 1;
      to->head = to->cur = to->cur + 1 == to->num_slots ? 0 : to->cur + 1;
    }
    receive_sync(&in);
    transmit_sync(&out);
    receive_sync(&sink);
    for (uint64_t sequence; (sequence = packet_take(receive_ring(&sink, 0), NULL, NULL)) != UINT64_MAX; got++) {
      CHECK_EQUAL(sequence, got);
    }
    receive_sync(&sink);
  }
  CHECK_EQUAL(sent, got);
  CHECK_EQUAL(audit_check(), 4 * 1024);
  port_close(&source);
  CHECK_EQUAL(audit_check(), 4 * 1024);
  port_close(&in);
  CHECK_EQUAL(audit_check(), 2 * 1024);
  port_close(&out);
  port_close(&sink);
  CHECK_EQUAL(audit_check(), 0);
}

void test_pipe_fragments(void) {
  struct test_port writer = port_opened("p{1", NULL), reader = port_opened("p}1", NULL);
  struct netmap_ring *to = transmit_ring(&writer, 0), *from = receive_ring(&reader, 0);
  for (uint64_t packet = 0; packet < 3000; packet++) {
    for (uint64_t part = 0; part < 3; part++) {
      CHECK(packet_put(to, A, B, packet * 3 + part, 100, part < 2 ? NS_MOREFRAG : 0));
      transmit_sync(&writer);
      receive_sync(&reader);
      /* Whole, or not at all. */
      CHECK_EQUAL(ring_space(from), part < 2 ? 0 : 3);
      CHECK_EQUAL(part < 2 ? 2048 : audit_check(), 2048);
    }
    for (uint64_t part = 0; part < 3; part++) {
      uint16_t flags;
      CHECK_EQUAL(packet_take(from, NULL, &flags), packet * 3 + part);
      CHECK_EQUAL(flags & NS_MOREFRAG, part < 2 ? NS_MOREFRAG : 0);
    }
    receive_sync(&reader);
    transmit_sync(&writer);
    CHECK_EQUAL(ring_space(to), 1023);
    if (packet == 20) packet = 2990;
  }
  port_close(&writer);
  port_close(&reader);
  CHECK_EQUAL(audit_check(), 0);
}

void test_pipe_late_reader(void) {
  struct test_port writer = port_opened("p{1", NULL);
  struct netmap_ring *to = transmit_ring(&writer, 0);
  uint64_t sent = 0;
  while (packet_put(to, A, B, sent, 60, 0)) sent++;
  transmit_sync(&writer);
  CHECK_EQUAL(sent, 1023);
  CHECK_EQUAL(ring_space(to), 0);
  CHECK_EQUAL(poll_one(writer.fd, POLLOUT, 20), 0);
  /* One who reads some and leaves; the next one goes on where it left. */
  struct test_port reader = port_opened("p}1", NULL);
  receive_sync(&reader);
  for (uint64_t i = 0; i < 400; i++) CHECK_EQUAL(packet_take(receive_ring(&reader, 0), NULL, NULL), i);
  receive_sync(&reader);
  port_close(&reader);
  CHECK_EQUAL(audit_check(), 2048);
  reader = port_opened("p}1", NULL);
  receive_sync(&reader);
  for (uint64_t i = 400; i < 1023; i++) CHECK_EQUAL(packet_take(receive_ring(&reader, 0), NULL, NULL), i);
  receive_sync(&reader);
  /* The writer goes; what it wrote stays. */
  transmit_sync(&writer);
  CHECK(packet_put(to, A, B, 5000, 60, 0));
  transmit_sync(&writer);
  port_close(&writer);
  receive_sync(&reader);
  CHECK_EQUAL(packet_take(receive_ring(&reader, 0), NULL, NULL), 5000);
  receive_sync(&reader);
  writer = port_opened("p{1", NULL);
  CHECK(packet_put(transmit_ring(&writer, 0), A, B, 5001, 60, 0));
  transmit_sync(&writer);
  receive_sync(&reader);
  CHECK_EQUAL(packet_take(receive_ring(&reader, 0), NULL, NULL), 5001);
  CHECK_EQUAL(audit_check(), 2048);
  port_close(&writer);
  port_close(&reader);
  CHECK_EQUAL(audit_check(), 0);
}

void test_pipe_garbage(void) {
  struct test_port writer = port_opened("p{1", NULL), reader = port_opened("p}1", NULL);
  struct netmap_ring *to = transmit_ring(&writer, 0), *from = receive_ring(&reader, 0);
  const uint32_t bad[] = {1024, 5000, UINT32_MAX, 1023};
  for (unsigned i = 0; i < 4; i++) {
    uint32_t good = to->head;
    to->head = bad[i] == 1023 ? good + 5 : bad[i];
    to->cur = bad[i] == 1023 ? good : bad[i]; /* cur behind head */
    transmit_sync(&writer);
    CHECK_EQUAL(to->head, good);
    CHECK_EQUAL(to->cur, good);
    from->head = from->cur = 500; /* beyond what came */
    receive_sync(&reader);
    CHECK_EQUAL(from->head, from->tail);
    to->head = bad[i];
    CHECK(poll_one(writer.fd, POLLOUT, 0) & POLLERR);
  }
  /* A slot that names no buffer, or one that is not in use, goes nowhere. */
  const uint32_t indices[] = {0, 1, UINT32_MAX, 163840, 100000};
  for (unsigned i = 0; i < 5; i++) {
    uint32_t saved = netmap_ring_slots(to)[to->cur].buf_idx;
    CHECK(packet_put(to, A, B, 1, 60, 0));
    netmap_ring_slots(to)[to->cur - 1].buf_idx = indices[i];
    transmit_sync(&writer);
    receive_sync(&reader);
    CHECK_EQUAL(ring_space(from), 0);
    netmap_ring_slots(to)[to->cur].buf_idx = saved;
  }
  /* Random writes everywhere: nobody crashes, and the pool is whole when they have gone. */
  srand(1);
  for (int i = 0; i < 20000; i++) {
    struct netmap_ring *ring = rand() % 2 ? to : from;
    uint32_t *words = (uint32_t *)&ring->head;
    if (rand() % 2) {
      words[rand() % 3] = rand() % 3 ? (uint32_t)rand() % 1100 : (uint32_t)rand();
    } else {
      struct netmap_slot *slot = &netmap_ring_slots(ring)[rand() % 1024];
      slot->buf_idx = rand() % 3 ? (uint32_t)rand() % 3000 : (uint32_t)rand();
      slot->len = (uint16_t)rand();
      slot->flags = (uint16_t)rand();
    }
    transmit_sync(&writer);
    receive_sync(&reader);
  }
  port_close(&writer);
  port_close(&reader);
  CHECK_EQUAL(audit_check(), 0);
}

void test_pipe_thousand(void) {
  enum { PIPES = 1000 };
  static struct test_port masters[PIPES], slaves[PIPES];
  struct nmreq_register small = {.nr_tx_slots = 64, .nr_rx_slots = 64};
  char name[64];
  for (int i = 0; i < PIPES; i++) {
    snprintf(name, sizeof name, "p{%d", i);
    masters[i] = port_opened(name, &small);
    snprintf(name, sizeof name, "p}%d", i);
    slaves[i] = port_opened(name, &small);
  }
  CHECK_EQUAL(audit_check(), PIPES * 128);
  for (int i = 0; i < PIPES; i++) {
    CHECK(packet_put(transmit_ring(&masters[i], 0), A, B, (uint64_t)i, 60, 0));
    transmit_sync(&masters[i]);
  }
  for (int i = 0; i < PIPES; i++) {
    receive_sync(&slaves[i]);
    CHECK_EQUAL(packet_take(receive_ring(&slaves[i], 0), NULL, NULL), i);
  }
  for (int i = 0; i < PIPES; i++) {
    port_close(&masters[i]);
    port_close(&slaves[i]);
  }
  CHECK_EQUAL(audit_check(), 0);
}

/* Says how fast; only fails if something is badly wrong. */
void test_pipe_speed(void) {
  struct test_port writer = port_opened("p{1", NULL), reader = port_opened("p}1", NULL);
  struct netmap_ring *to = transmit_ring(&writer, 0), *from = receive_ring(&reader, 0);
  enum { ROUNDS = 20000, BATCH = 512 };
  uint64_t best_slot = UINT64_MAX, best_empty = UINT64_MAX;
  for (int attempt = 0; attempt < 5; attempt++) {
    uint64_t start = now_ns();
    for (int i = 0; i < ROUNDS / 10; i++) {
      to->head = to->cur = (to->cur + BATCH) % 1024;
      transmit_sync(&writer);
      receive_sync(&reader);
      from->head = from->cur = from->tail;
      receive_sync(&reader);
      transmit_sync(&writer);
    }
    uint64_t slots = (now_ns() - start) * 10 / ROUNDS;
    start = now_ns();
    for (int i = 0; i < ROUNDS; i++) transmit_sync(&writer);
    uint64_t empty = (now_ns() - start) / ROUNDS;
    if (slots < best_slot) best_slot = slots;
    if (empty < best_empty) best_empty = empty;
  }
  printf("         a sync with nothing to do: %u ns; a slot through a pipe and back: %.1f ns\n", (unsigned)best_empty,
         (double)(best_slot > 4 * best_empty ? best_slot - 4 * best_empty : 0) / BATCH);
  CHECK(best_empty < 20000);
  port_close(&writer);
  port_close(&reader);
}
