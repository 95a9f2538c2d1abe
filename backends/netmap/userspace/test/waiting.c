#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <unistd.h>

#include "support.h"

static const char A[] = "\2aaaaa", B[] = "\2bbbbb";

static void give(const struct test_port *port, uint64_t sequence) {
  CHECK(packet_put(transmit_ring(port, 0), A, B, sequence, 60, 0));
  transmit_sync(port);
}

static void take_all(const struct test_port *port) {
  receive_sync(port);
  while (packet_take(receive_ring(port, 0), NULL, NULL) != UINT64_MAX) {
  }
  receive_sync(port);
}

static void on_signal(int number) { (void)number; }

void test_waiting_poll(void) {
  struct test_port writer = port_opened("w{1", NULL), reader = port_opened("w}1", NULL);
  int event = eventfd(0, EFD_NONBLOCK);
  CHECK_EQUAL(poll_one(reader.fd, POLLIN, 0), 0);
  uint64_t start = now_ns();
  CHECK_EQUAL(poll_one(reader.fd, POLLIN, 50), 0);
  CHECK(now_ns() - start >= 49000000);
  CHECK_EQUAL(poll_one(writer.fd, POLLOUT, 0), POLLOUT);
  /* poll sends what is pending, whatever it waits for. */
  CHECK(packet_put(transmit_ring(&writer, 0), A, B, 1, 60, 0));
  CHECK_EQUAL(poll_one(writer.fd, POLLIN, 0), 0);
  CHECK_EQUAL(poll_one(reader.fd, POLLIN, 0), POLLIN);
  CHECK_EQUAL(poll_one(reader.fd, POLLIN | POLLOUT, -1), POLLIN | POLLOUT);
  take_all(&reader);
  /* Beside others, and the others alone. */
  struct pollfd fds[3] = {{.fd = reader.fd, .events = POLLIN}, {.fd = event, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
  CHECK_EQUAL(poll(fds, 3, 10), 0);
  CHECK_EQUAL(eventfd_write(event, 1), 0);
  CHECK_EQUAL(poll(fds, 3, 1000), 1);
  CHECK_EQUAL(fds[0].revents, 0);
  CHECK_EQUAL(fds[1].revents, POLLIN);
  give(&writer, 2);
  CHECK_EQUAL(poll(fds, 3, 1000), 2);
  CHECK_EQUAL(fds[0].revents, POLLIN);
  take_all(&reader);
  /* A signal ends it, and a mask keeps it out. */
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGALRM, &action, NULL);
  ualarm(30000, 0);
  struct pollfd one = {.fd = reader.fd, .events = POLLIN};
  CHECK_EQUAL(poll(&one, 1, 5000), -1);
  CHECK_EQUAL(errno, EINTR);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGALRM);
  ualarm(10000, 0);
  struct timespec time = {0, 40000000};
  CHECK_EQUAL(ppoll(&one, 1, &time, &blocked), 0);
  alarm(30);
  /* With NO_TX_POLL only POLLOUT sends. */
  port_close(&writer);
  struct nmreq_register quiet = {.nr_flags = NR_NO_TX_POLL};
  writer = port_opened("w{1", &quiet);
  CHECK(packet_put(transmit_ring(&writer, 0), A, B, 3, 60, 0));
  CHECK_EQUAL(poll_one(writer.fd, POLLIN, 0), 0);
  CHECK_EQUAL(poll_one(reader.fd, POLLIN, 0), 0);
  CHECK_EQUAL(poll_one(writer.fd, POLLOUT, 0), POLLOUT);
  CHECK_EQUAL(poll_one(reader.fd, POLLIN, 0), POLLIN);
  /* Time stamps, where asked for. */
  struct netmap_ring *ring = receive_ring(&reader, 0);
  CHECK_EQUAL(ring->ts.tv_sec, 0);
  ring->flags |= NR_TIMESTAMP;
  receive_sync(&reader);
  CHECK(ring->ts.tv_sec > 1000000);
  /* An unbound descriptor is in error. */
  int unbound = open(NETMAP_DEVICE, O_RDWR);
  CHECK_EQUAL(poll_one(unbound, POLLIN, 1000), POLLERR);
  close(unbound);
  close(event);
  port_close(&writer);
  port_close(&reader);
}

void test_waiting_select(void) {
  struct test_port writer = port_opened("w{1", NULL), reader = port_opened("w}1", NULL);
  int pair[2];
  CHECK_EQUAL(pipe(pair), 0);
  fd_set in, out;
  for (int round = 0; round < 2; round++) {
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(reader.fd, &in);
    FD_SET(pair[0], &in);
    FD_SET(writer.fd, &out);
    struct timeval time = {1, 0};
    CHECK_EQUAL(select(100, &in, &out, NULL, &time), 1 + 2 * round);
    CHECK_EQUAL(FD_ISSET(reader.fd, &in) != 0, round);
    CHECK_EQUAL(FD_ISSET(pair[0], &in) != 0, round);
    CHECK(FD_ISSET(writer.fd, &out));
    give(&writer, 1);
    CHECK_EQUAL(write(pair[1], "x", 1), 1);
  }
  take_all(&reader);
  FD_ZERO(&in);
  FD_SET(reader.fd, &in);
  struct timeval time = {0, 30000};
  uint64_t start = now_ns();
  CHECK_EQUAL(select(reader.fd + 1, &in, NULL, NULL, &time), 0);
  CHECK(now_ns() - start >= 29000000);
  CHECK(!FD_ISSET(reader.fd, &in));
  struct timespec fine = {0, 1000};
  FD_SET(reader.fd, &in);
  CHECK_EQUAL(pselect(reader.fd + 1, &in, NULL, NULL, &fine, NULL), 0);
  port_close(&writer);
  port_close(&reader);
}

void test_waiting_epoll(void) {
  struct test_port writer = port_opened("w{1", NULL), reader = port_opened("w}1", NULL);
  int epoll = epoll_create1(0), event = eventfd(0, EFD_NONBLOCK);
  struct epoll_event one = {.events = EPOLLIN, .data = {.u64 = 0xdeadbeef12345678}}, got[4];
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, reader.fd, &one), 0);
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, reader.fd, &one) != 0 && errno == EEXIST);
  struct epoll_event two = {.events = EPOLLIN, .data = {.u64 = 2}};
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &two), 0);
  CHECK_EQUAL(epoll_wait(epoll, got, 4, 20), 0);
  give(&writer, 1);
  CHECK_EQUAL(epoll_wait(epoll, got, 4, -1), 1);
  CHECK_EQUAL(got[0].events, EPOLLIN);
  CHECK_EQUAL(got[0].data.u64, 0xdeadbeef12345678);
  CHECK_EQUAL(eventfd_write(event, 1), 0);
  CHECK_EQUAL(epoll_wait(epoll, got, 4, -1), 2);
  CHECK_EQUAL(epoll_wait(epoll, got, 1, -1), 1);
  take_all(&reader);
  struct timespec time = {0, 1000000};
  CHECK_EQUAL(epoll_pwait2(epoll, got, 4, &time, NULL), 1);
  CHECK_EQUAL(got[0].data.u64, 2);
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_DEL, event, NULL), 0);
  one.events = EPOLLOUT | EPOLLIN | EPOLLONESHOT;
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_MOD, reader.fd, &one), 0);
  CHECK_EQUAL(epoll_wait(epoll, got, 4, 1000), 1);
  CHECK_EQUAL(got[0].events, EPOLLOUT);
  CHECK_EQUAL(epoll_wait(epoll, got, 4, 10), 0);
  one.events = EPOLLIN;
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_MOD, reader.fd, &one), 0);
  /* A peer wakes it while it sleeps. */
  int child = fork();
  if (child == 0) {
    usleep(30000);
    give(&writer, 2);
    _exit(0);
  }
  uint64_t start = now_ns();
  CHECK_EQUAL(epoll_wait(epoll, got, 4, 5000), 1);
  CHECK(now_ns() - start < 2000000000);
  child_check(child);
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_DEL, reader.fd, NULL), 0);
  CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, reader.fd, NULL) != 0 && errno == ENOENT);
  CHECK_EQUAL(epoll_wait(epoll, got, 4, 0), 0);
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, reader.fd, &one), 0);
  port_close(&reader);
  CHECK_EQUAL(epoll_wait(epoll, got, 4, 0), 0);
  close(epoll);
  port_close(&writer);
  CHECK_EQUAL(audit_check(), 0);
}

/* Ping-pong: every packet finds the other side asleep; none may be left so. */
void test_waiting_wakes(void) {
  enum { ROUNDS = 5000 };
  int child = fork();
  struct test_port port = port_opened(child == 0 ? "w}1" : "w{1", NULL);
  uint64_t start = now_ns();
  for (uint64_t i = 0; i < ROUNDS; i++) {
    if (child != 0) give(&port, i);
    CHECK_EQUAL(poll_one(port.fd, POLLIN, 5000), POLLIN);
    CHECK_EQUAL(packet_take(receive_ring(&port, 0), NULL, NULL), i);
    if (child == 0) give(&port, i);
  }
  if (child == 0) _exit(0);
  printf("         a packet there and back between two sleeping processes: %u ns\n", (unsigned)((now_ns() - start) / ROUNDS));
  child_check(child);
  port_close(&port);
  CHECK_EQUAL(audit_check(), 0);
}

static void *poll_for_ever(void *argument) {
  const struct test_port *port = argument;
  return (void *)(intptr_t)poll_one(port->fd, POLLIN, 5000);
}

void test_descriptors(void) {
  struct test_port writer = port_opened("d{1", NULL), reader = port_opened("d}1", NULL);
  int copy = dup(reader.fd), second = fcntl(reader.fd, F_DUPFD_CLOEXEC, 50), third = 60;
  CHECK(copy >= 0 && second >= 50);
  CHECK_EQUAL(dup2(reader.fd, third), third);
  CHECK_EQUAL(fcntl(second, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(fcntl(reader.fd, F_SETFL, 0), 0);
  give(&writer, 1);
  CHECK_EQUAL(close(reader.fd), 0);
  CHECK_EQUAL(poll_one(copy, POLLIN, 1000), POLLIN);
  CHECK_EQUAL(close(copy), 0);
  CHECK_EQUAL(poll_one(second, POLLIN, 1000), POLLIN);
  CHECK_EQUAL(audit_check(), 2048);
  /* Overwritten by another file: gone. */
  int null = open("/dev/null", O_RDWR);
  CHECK_EQUAL(dup2(null, second), second);
  CHECK(ioctl(second, NIOCRXSYNC) != 0);
  CHECK_EQUAL(poll_one(third, POLLIN, 1000), POLLIN);
  CHECK_EQUAL(close_range(55, 70, 0), 0);
  CHECK(ioctl(third, NIOCRXSYNC) != 0);
  /* Two threads on one descriptor: both wake. */
  reader = port_opened("d}1", NULL);
  take_all(&reader);
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, poll_for_ever, &reader);
  usleep(30000);
  give(&writer, 2);
  for (int i = 0; i < 2; i++) {
    void *result;
    pthread_join(threads[i], &result);
    CHECK_EQUAL((intptr_t)result, POLLIN);
  }
  /* Files that are none of ours are none of ours. */
  CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
  CHECK(openat(AT_FDCWD, "/nonexistent/file", O_RDONLY) < 0 && errno == ENOENT);
  port_close(&writer);
  port_close(&reader);
  CHECK_EQUAL(audit_check(), 0);
}

void test_fork(void) {
  struct test_port writer = port_opened("f{1", NULL), reader = port_opened("f}1", NULL);
  /* The child has what the parent opened, and goes on with it when the parent has closed it. */
  int there[2], back[2];
  char byte;
  CHECK_EQUAL(pipe(there) + pipe(back), 0);
  int child = fork();
  if (child == 0) {
    CHECK_EQUAL(read(there[0], &byte, 1), 1);
    CHECK_EQUAL(poll_one(reader.fd, POLLIN, 2000), POLLIN);
    CHECK_EQUAL(packet_take(receive_ring(&reader, 0), NULL, NULL), 77);
    receive_sync(&reader);
    struct test_port own = port_opened("f}2", NULL);
    port_close(&own);
    CHECK_EQUAL(write(back[1], "x", 1), 1);
    CHECK_EQUAL(read(there[0], &byte, 1), 1);
    _exit(0); /* without closing anything */
  }
  CHECK_EQUAL(close(reader.fd), 0);
  give(&writer, 77);
  CHECK_EQUAL(write(there[1], "x", 1), 1);
  CHECK_EQUAL(read(back[0], &byte, 1), 1);
  struct nmreq_register alone = {.nr_flags = NR_EXCLUSIVE};
  struct test_port another;
  CHECK_EQUAL(port_open(&another, "f}1", &alone), EBUSY);
  CHECK_EQUAL(write(there[1], "x", 1), 1);
  child_check(child);
  another = port_opened("f}1", &alone);
  port_close(&another);
  port_close(&writer);
  CHECK_EQUAL(audit_check(), 0);
}
