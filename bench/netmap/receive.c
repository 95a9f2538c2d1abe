/*
 * netmap-receive: counts what netmap-generate sent, and what is wrong with it.
 *
 *   netmap-receive -i LINK [-i LINK...] [-n COUNT] [-t SECONDS] [-q QUIET_SECONDS] [-s SLOTS]
 *
 * Ends after COUNT packets, after SECONDS, when nothing has come for QUIET_SECONDS (once something
 * has), or at SIGINT. Prints one line of JSON: gaps (packets of a flow that are missing, or come
 * too late), reordered, duplicated, torn (flows that came by more than one link), foreign.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "link.h"
#include "probe.h"

enum { LINKS_MAX = 64, FLOWS_MAX = 1 << 20 };

struct flow {
  uint64_t next; /* sequence number expected */
  uint32_t link; /* the link it came by, plus one */
  bool torn;
};

struct totals {
  uint64_t packets, bytes, foreign, gaps, reordered, duplicated, flows, torn, fragments;
  uint64_t by_link[LINKS_MAX];
};

static struct flow *flows;
static struct totals totals;
static volatile sig_atomic_t stop;

static void on_signal(int number) {
  (void)number;
  stop = 1;
}

static void packet_count(const char *frame, uint16_t length, uint32_t link) {
  uint32_t number;
  uint64_t sequence;
  totals.packets++;
  totals.bytes += length;
  totals.by_link[link]++;
  if (!probe_read(frame, length, &number, &sequence) || number >= FLOWS_MAX) {
    totals.foreign++;
    return;
  }
  struct flow *flow = &flows[number];
  if (flow->link == 0) {
    totals.flows++;
    flow->link = link + 1;
  } else if (flow->link != link + 1 && !flow->torn) {
    flow->torn = true;
    totals.torn++;
  }
  if (sequence >= flow->next) {
    totals.gaps += sequence - flow->next;
    flow->next = sequence + 1;
  } else if (sequence + 1 == flow->next) {
    totals.duplicated++;
  } else {
    totals.reordered++;
  }
}

static uint32_t ring_empty(struct netmap_ring *ring, uint32_t link, uint64_t limit) {
  uint32_t count = ring_available(ring), position = ring->cur;
  if (count > limit) count = (uint32_t)limit;
  for (uint32_t i = 0; i < count; i++) {
    const struct netmap_slot *slot = &netmap_ring_slots(ring)[position];
    uint32_t ahead = position + 8 < ring->num_slots ? position + 8 : position;
    __builtin_prefetch(netmap_buffer(ring, netmap_ring_slots(ring)[ahead].buf_idx));
    if (slot->flags & NS_MOREFRAG) totals.fragments++;
    packet_count(netmap_buffer(ring, slot->buf_idx), slot->len, link);
    position = position + 1 == ring->num_slots ? 0 : position + 1;
  }
  ring->cur = position;
  __atomic_store_n(&ring->head, position, __ATOMIC_RELEASE);
  return count;
}

int main(int argument_count, char **arguments) {
  const char *names[LINKS_MAX];
  uint32_t links = 0, slots = 0;
  uint64_t count = UINT64_MAX;
  double seconds = 0, quiet = 0;
  for (int option; (option = getopt(argument_count, arguments, "i:n:t:q:s:")) != -1;) {
    switch (option) {
      case 'i':
        if (links < LINKS_MAX) names[links++] = optarg;
        break;
      case 'n': count = number_option("-n", optarg); break;
      case 't': seconds = atof(optarg); break;
      case 'q': quiet = atof(optarg); break;
      case 's': slots = (uint32_t)number_option("-s", optarg); break;
      default: exit(2);
    }
  }
  if (links == 0 || optind != argument_count) {
    fprintf(stderr, "usage: netmap-receive -i LINK [-i LINK...] [-n COUNT] [-t SECONDS] [-q QUIET_SECONDS] [-s SLOTS]\n");
    exit(2);
  }
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  static struct link open_links[LINKS_MAX];
  struct pollfd wait[LINKS_MAX];
  for (uint32_t i = 0; i < links; i++) {
    link_open(&open_links[i], names[i], LINK_RECEIVE, slots);
    wait[i] = (struct pollfd){.fd = open_links[i].fd, .events = POLLIN};
  }
  flows = calloc(FLOWS_MAX, sizeof *flows);
  /* Whoever starts the generator waits for this line. */
  fprintf(stderr, "ready\n");
  uint64_t start = clock_ns(), first = 0, last = start;
  while (!stop && totals.packets < count) {
    poll(wait, links, 100);
    uint64_t now = clock_ns(), before = totals.packets;
    for (uint32_t i = 0; i < links; i++) {
      if (wait[i].revents == 0) continue;
      for (uint32_t ring = open_links[i].receive_first; ring < open_links[i].receive_end; ring++) {
        ring_empty(link_ring(&open_links[i], ring), i, count - totals.packets);
      }
    }
    if (totals.packets != before) {
      if (first == 0) first = now;
      last = now;
    } else if (first != 0 && quiet > 0 && (double)(now - last) > quiet * 1e9) {
      break;
    }
    if (seconds > 0 && (double)(now - start) > seconds * 1e9) break;
  }
  for (uint32_t i = 0; i < links; i++) ioctl(open_links[i].fd, NIOCRXSYNC, NULL);
  double took = first != 0 ? (double)(last - first) / 1e9 : 0;
  printf("{\"received\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"foreign\":%" PRIu64 ",\"flows\":%" PRIu64 ",\"gaps\":%" PRIu64
         ",\"reordered\":%" PRIu64 ",\"duplicated\":%" PRIu64 ",\"torn\":%" PRIu64 ",\"fragments\":%" PRIu64
         ",\"seconds\":%.3f,\"packets_per_second\":%.0f,\"links\":{",
         totals.packets, totals.bytes, totals.foreign, totals.flows, totals.gaps, totals.reordered, totals.duplicated,
         totals.torn, totals.fragments, took, took > 0 ? (double)totals.packets / took : 0);
  for (uint32_t i = 0; i < links; i++) {
    printf("%s\"%s\":%" PRIu64, i == 0 ? "" : ",", names[i], totals.by_link[i]);
    link_close(&open_links[i]);
  }
  printf("}}\n");
  free(flows);
  return 0;
}
