/* What the tests share: opening ports by the calls that any program makes, and checks. */
#ifndef NETMAP_USERSPACE_TEST_SUPPORT_H
#define NETMAP_USERSPACE_TEST_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../native/netmap_abi.h"

#define CHECK(what)                                             \
  do {                                                          \
    if (!(what)) check_failed(__FILE__, __LINE__, #what, 0, 0); \
  } while (0)
#define CHECK_EQUAL(a, b)                                                         \
  do {                                                                            \
    long long a_ = (long long)(a), b_ = (long long)(b);                           \
    if (a_ != b_) check_failed(__FILE__, __LINE__, #a " == " #b, a_, b_);         \
  } while (0)

_Noreturn void check_failed(const char *file, int line, const char *what, long long a, long long b);

struct test_port {
  int fd;
  char *memory;
  struct nmreq_register request;
  struct netmap_if *interface;
};

/* 0 or errno. `shape` gives mode, flags, rings and so on; NULL: all hardware rings. */
int port_open(struct test_port *port, const char *name, const struct nmreq_register *shape);
/* Must succeed. */
struct test_port port_opened(const char *name, const struct nmreq_register *shape);
void port_close(struct test_port *port);
struct netmap_ring *transmit_ring(const struct test_port *port, uint32_t ring);
struct netmap_ring *receive_ring(const struct test_port *port, uint32_t ring);

uint32_t ring_space(const struct netmap_ring *ring);
/* Puts one packet into a ring, without sync: Ethernet addresses, then a sequence number. */
bool packet_put(struct netmap_ring *ring, const char *source, const char *target, uint64_t sequence, uint16_t length,
                uint16_t flags);
/* Takes one out: its sequence number, or UINT64_MAX if there is none. */
uint64_t packet_take(struct netmap_ring *ring, uint16_t *length, uint16_t *flags);
enum { SEQUENCE_OFFSET = 16 };

void transmit_sync(const struct test_port *port);
void receive_sync(const struct test_port *port);
/* poll on one descriptor; the events that came. */
short poll_one(int fd, short events, int timeout_ms);
/* The audit must find every buffer in one place. Returns how many are not in the pool. */
uint64_t audit_check(void);
uint64_t now_ns(void);
/* The child must end with status 0. */
void child_check(int pid);

void test_errors(void);
void test_modes(void);
void test_memory(void);
void test_limits(void);
void test_older_calls(void);
void test_layout(void);
void test_pipe_order(void);
void test_pipe_between_processes(void);
void test_pipe_swaps(void);
void test_pipe_fragments(void);
void test_pipe_late_reader(void);
void test_pipe_garbage(void);
void test_pipe_thousand(void);
void test_pipe_speed(void);
void test_vale_learning(void);
void test_vale_fragments(void);
void test_vale_list(void);
void test_vale_persistent(void);
void test_waiting_poll(void);
void test_waiting_select(void);
void test_waiting_epoll(void);
void test_waiting_wakes(void);
void test_descriptors(void);
void test_fork(void);
void test_threads(void);
void test_reader_killed(void);
void test_writer_killed(void);
void test_balancer_killed(void);
void test_register_killed(void);
void test_interface(void);
void test_interface_rings(void);

#endif
