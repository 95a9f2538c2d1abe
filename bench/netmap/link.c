#define _GNU_SOURCE
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void give_up(const char *name, const char *what, int error) {
  fprintf(stderr, "%s: %s%s%s\n", name, what, error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
  exit(1);
}

/* The kernel knows names without the suffixes: they are modes and flags of the request. */
static void name_parse(const char *text, char *name, struct nmreq_register *request) {
  if (strncmp(text, "netmap:", 7) == 0) text += 7;
  if (strlen(text) >= NETMAP_NAME_SIZE) give_up(text, "a name of netmap has at most 63 characters", 0);
  snprintf(name, NETMAP_NAME_SIZE, "%s", text);
  request->nr_mode = NR_REG_ALL_NIC;
  char *at = strrchr(name, '@');
  if (at != NULL) {
    request->nr_mem_id = (uint16_t)number_option("the memory id behind @", at + 1);
    *at = '\0';
  }
  char *slash = strrchr(name, '/');
  if (slash != NULL) {
    if (strcmp(slash, "/x") != 0) give_up(text, "of the flags behind / only x is known here", 0);
    request->nr_flags |= NR_EXCLUSIVE;
    *slash = '\0';
  }
  size_t length = strlen(name);
  char *minus = strrchr(name, '-');
  if (length == 0) give_up(text, "a link needs a name", 0);
  if (strpbrk(name, "{}") != NULL || strncmp(name, "vale", 4) == 0) return;
  if (name[length - 1] == '^') {
    request->nr_mode = NR_REG_SW;
    name[length - 1] = '\0';
  } else if (name[length - 1] == '*') {
    request->nr_mode = NR_REG_NIC_SW;
    name[length - 1] = '\0';
  } else if (minus != NULL && minus[1] != '\0' && strspn(minus + 1, "0123456789") == strlen(minus + 1)) {
    request->nr_mode = NR_REG_ONE_NIC;
    request->nr_ringid = (uint16_t)number_option("the ring behind -", minus + 1);
    *minus = '\0';
  }
}

static void rings_bound(struct link *link) {
  const struct nmreq_register *r = &link->request;
  uint32_t transmit = r->nr_tx_rings, receive = r->nr_rx_rings;
  uint32_t receive_start = transmit + link->interface->ni_host_tx_rings;
  link->transmit_first = 0;
  link->transmit_end = transmit;
  link->receive_first = receive_start;
  link->receive_end = receive_start + receive;
  if (r->nr_mode == NR_REG_ONE_NIC) {
    link->transmit_first = r->nr_ringid < transmit ? r->nr_ringid : 0;
    link->receive_first = receive_start + (r->nr_ringid < receive ? r->nr_ringid : 0);
    link->transmit_end = link->transmit_first + 1;
    link->receive_end = link->receive_first + 1;
  } else if (r->nr_mode != NR_REG_ALL_NIC) {
    if (r->nr_mode == NR_REG_SW) {
      link->transmit_first = transmit;
      link->receive_first = receive_start + receive;
    }
    link->transmit_end = transmit + link->interface->ni_host_tx_rings;
    link->receive_end = receive_start + receive + link->interface->ni_host_rx_rings;
  }
}

void link_open(struct link *link, const char *text, enum link_use use, uint32_t slots) {
  memset(link, 0, sizeof *link);
  struct nmreq_header header = {.nr_version = NETMAP_API, .nr_reqtype = NETMAP_REQ_REGISTER};
  header.nr_body = (uintptr_t)&link->request;
  name_parse(text, header.nr_name, &link->request);
  link->request.nr_flags |= use == LINK_TRANSMIT ? NR_TX_RINGS_ONLY : NR_RX_RINGS_ONLY;
  link->request.nr_tx_slots = link->request.nr_rx_slots = slots;
  link->fd = open(NETMAP_DEVICE, O_RDWR | O_CLOEXEC);
  if (link->fd < 0) give_up(text, "can't open " NETMAP_DEVICE " (load the module, or preload libnetmap-userspace.so)", errno);
  if (ioctl(link->fd, NIOCCTRL, &header) != 0) {
    int error = errno;
    give_up(text,
            error == EINVAL   ? "can't be bound: no such mode or ring, or this netmap speaks another API version"
            : error == ENXIO  ? "there is no such interface"
            : error == EBUSY  ? "somebody has it for himself"
            : error == ENOMEM ? "netmap's memory is full: raise buf_num, ring_num or if_num"
                              : "can't be bound",
            error);
  }
  link->memory = mmap(NULL, link->request.nr_memsize, PROT_READ | PROT_WRITE, MAP_SHARED, link->fd, 0);
  if (link->memory == MAP_FAILED) give_up(text, "can't map its memory", errno);
  link->interface = (struct netmap_if *)(link->memory + link->request.nr_offset);
  rings_bound(link);
}

void link_close(struct link *link) {
  munmap(link->memory, link->request.nr_memsize);
  close(link->fd);
}

uint64_t clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t number_option(const char *option, const char *text) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || *text == '-') give_up(option, "needs a whole number", 0);
  return value;
}
