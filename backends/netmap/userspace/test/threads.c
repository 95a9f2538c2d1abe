/* Threads of one process: what they share is the library's, so the thread sanitizer sees all of it. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>

#include "support.h"

#define A "aaaaaa"
#define B "bbbbbb"

enum { PACKETS = 20000, TURNS = 60 };

static void *write_pipe(void *name) {
  struct test_port port = port_opened(name, NULL);
  struct netmap_ring *ring = transmit_ring(&port, 0);
  for (uint64_t sent = 0; sent < PACKETS;) {
    while (sent < PACKETS && packet_put(ring, A, B, sent, 60, 0)) sent++;
    transmit_sync(&port);
    if (ring_space(ring) == 0) poll_one(port.fd, POLLOUT, 100);
  }
  while (ring_space(ring) != 1023) {
    transmit_sync(&port);
    poll_one(port.fd, POLLOUT, 1);
  }
  port_close(&port);
  return NULL;
}

static void *read_pipe(void *name) {
  struct test_port port = port_opened(name, NULL);
  struct netmap_ring *ring = receive_ring(&port, 0);
  for (uint64_t got = 0; got < PACKETS;) {
    poll_one(port.fd, POLLIN, 100);
    for (uint64_t sequence; (sequence = packet_take(ring, NULL, NULL)) != UINT64_MAX; got++) CHECK_EQUAL(sequence, got);
  }
  receive_sync(&port);
  port_close(&port);
  return NULL;
}

/* Ports come and go, some under a name that other threads use at the same time. */
static void *open_and_close(void *mine) {
  for (int turn = 0; turn < TURNS; turn++) {
    struct test_port own = port_opened(mine, NULL), shared;
    int error = port_open(&shared, turn & 1 ? "everybody}1" : "everybody{1", NULL);
    CHECK_EQUAL(error, 0);
    CHECK(packet_put(transmit_ring(&own, 0), A, B, 1, 60, 0));
    transmit_sync(&own);
    transmit_sync(&shared);
    receive_sync(&shared);
    port_close(&shared);
    port_close(&own);
  }
  return NULL;
}

static void *send_to_switch(void *name) {
  struct test_port port = port_opened(name, NULL);
  for (uint64_t sent = 0; sent < PACKETS / 4; sent++) {
    if (!packet_put(transmit_ring(&port, 0), A, B, sent, 60, 0)) transmit_sync(&port);
  }
  transmit_sync(&port);
  port_close(&port);
  return NULL;
}

static void *read_switch(void *port) {
  for (int idle = 0; idle < 3;) {
    idle = poll_one(((struct test_port *)port)->fd, POLLIN, 100) == 0 ? idle + 1 : 0;
    while (packet_take(receive_ring(port, 0), NULL, NULL) != UINT64_MAX) continue;
  }
  return NULL;
}

void test_threads(void) {
  static const struct {
    void *(*run)(void *);
    const char *name;
  } threads[] = {{write_pipe, "t{1"},           {read_pipe, "t}1"},           {write_pipe, "t{2"},
                 {read_pipe, "t}2"},            {open_and_close, "own1{0"},   {open_and_close, "own2{0"},
                 {open_and_close, "own3{0"},    {open_and_close, "own4{0"},   {open_and_close, "own5{0"},
                 {open_and_close, "own6{0"},    {send_to_switch, "vale1:a"},  {send_to_switch, "vale1:b"}};
  enum { THREADS = sizeof threads / sizeof *threads };
  struct test_port hold = port_opened("t{keep", NULL), reader = port_opened("vale1:r", NULL);
  pthread_t started[THREADS + 1];
  pthread_create(&started[THREADS], NULL, read_switch, &reader);
  for (int k = 0; k < THREADS; k++) pthread_create(&started[k], NULL, threads[k].run, (void *)(uintptr_t)threads[k].name);
  for (int k = 0; k <= THREADS; k++) pthread_join(started[k], NULL);
  port_close(&hold);
  port_close(&reader);
  CHECK_EQUAL(audit_check(), 0);
}
