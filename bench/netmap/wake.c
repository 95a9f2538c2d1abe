/*
 * netmap-wake: how soon what waits between two links is awake. Sends one packet after a pause, and looks for it until
 * it has come.
 *
 *   netmap-wake -i LINK -o LINK [-n TIMES] [-p PAUSE_MILLISECONDS]      sends to -o, receives from -i
 *
 * Prints the microseconds of each, -1 for one that has not come within a second.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "link.h"
#include "probe.h"

enum { LENGTH = 60 };

static void packet_send(struct link *link, uint64_t sequence) {
  const uint8_t address[6] = {2};
  struct netmap_ring *ring = link_ring(link, link->transmit_first);
  struct netmap_slot *slot = &netmap_ring_slots(ring)[ring->cur];
  char *frame = netmap_buffer(ring, slot->buf_idx);
  probe_header(frame, 0, LENGTH, address, address);
  probe_payload(frame, 0, sequence);
  slot->len = LENGTH;
  slot->flags = 0;
  ring->cur = ring->cur + 1 == ring->num_slots ? 0 : ring->cur + 1;
  __atomic_store_n(&ring->head, ring->cur, __ATOMIC_RELEASE);
  ioctl(link->fd, NIOCTXSYNC, NULL);
}

/* Takes what is there; whether the packet was among it. */
static bool packet_arrived(struct link *link, uint64_t wanted) {
  bool found = false;
  ioctl(link->fd, NIOCRXSYNC, NULL);
  for (uint32_t place = link->receive_first; place < link->receive_end; place++) {
    struct netmap_ring *ring = link_ring(link, place);
    for (uint32_t left = ring_available(ring); left > 0; left--) {
      const struct netmap_slot *slot = &netmap_ring_slots(ring)[ring->cur];
      uint32_t flow;
      uint64_t sequence;
      found = found || (probe_read(netmap_buffer(ring, slot->buf_idx), slot->len, &flow, &sequence) && sequence == wanted);
      ring->cur = ring->cur + 1 == ring->num_slots ? 0 : ring->cur + 1;
      __atomic_store_n(&ring->head, ring->cur, __ATOMIC_RELEASE);
    }
  }
  return found;
}

/* Looks at each buffer once: what the first look costs is not the engine's. */
static void buffers_touch(const struct link *link, uint32_t first, uint32_t end) {
  for (uint32_t place = first; place < end; place++) {
    const struct netmap_ring *ring = link_ring(link, place);
    for (uint32_t slot = 0; slot < ring->num_slots; slot++) {
      (void)*(const volatile char *)netmap_buffer(ring, netmap_ring_slots(ring)[slot].buf_idx);
    }
  }
}

int main(int argument_count, char **arguments) {
  const char *from = NULL, *to = NULL;
  uint64_t times = 100, pause = 25;
  for (int option; (option = getopt(argument_count, arguments, "i:o:n:p:")) != -1;) {
    switch (option) {
      case 'i': from = optarg; break;
      case 'o': to = optarg; break;
      case 'n': times = number_option("-n", optarg); break;
      case 'p': pause = number_option("-p", optarg); break;
      default: exit(2);
    }
  }
  if (from == NULL || to == NULL) {
    fprintf(stderr, "usage: netmap-wake -i LINK -o LINK [-n TIMES] [-p PAUSE_MILLISECONDS]\n");
    exit(2);
  }
  static struct link out, in;
  link_open(&out, to, LINK_TRANSMIT, 0);
  link_open(&in, from, LINK_RECEIVE, 0);
  buffers_touch(&out, out.transmit_first, out.transmit_end);
  buffers_touch(&in, in.receive_first, in.receive_end);
  printf("{\"microseconds\": [");
  for (uint64_t k = 1; k <= times; k++) {
    usleep((useconds_t)pause * 1000);
    uint64_t begin = clock_ns(), now = begin;
    bool arrived = false;
    packet_send(&out, k);
    while (!arrived && now - begin < 1000000000) {
      arrived = packet_arrived(&in, k);
      now = clock_ns();
    }
    printf("%s%.1f", k > 1 ? ", " : "", arrived ? (double)(now - begin) / 1000 : -1);
  }
  printf("]}\n");
  link_close(&out);
  link_close(&in);
  return 0;
}
