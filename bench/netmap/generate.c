/*
 * netmap-generate: sends numbered packets of many flows, at a rate or as fast as it goes.
 *
 *   netmap-generate -i LINK [-r PACKETS_A_SECOND] [-l LENGTH[,LENGTH...]] [-f FLOWS] [-n COUNT]
 *                   [-t SECONDS] [-b BATCH] [-s SLOTS] [-w WAIT_SECONDS]
 *
 * Ends after COUNT packets or SECONDS, or at SIGINT; prints one line of JSON.
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

enum { LENGTHS_MAX = 16, FLOWS_MAX = 1 << 20 };

struct settings {
  const char *link;
  uint64_t rate, count;
  double seconds;
  uint32_t flows, batch, slots, wait_seconds;
  uint16_t lengths[LENGTHS_MAX];
  uint32_t length_count;
};

struct totals {
  uint64_t packets, bytes, waits;
};

static volatile sig_atomic_t stop;

static void on_signal(int number) {
  (void)number;
  stop = 1;
}

static void lengths_parse(struct settings *s, char *text) {
  for (char *one = strtok(text, ","); one != NULL; one = strtok(NULL, ",")) {
    uint64_t length = number_option("-l", one);
    if (length < PROBE_BYTES_MIN || length > PROBE_BYTES_MAX || s->length_count == LENGTHS_MAX) {
      fprintf(stderr, "-l: up to %d lengths from %d to %d\n", LENGTHS_MAX, PROBE_BYTES_MIN, PROBE_BYTES_MAX);
      exit(2);
    }
    s->lengths[s->length_count++] = (uint16_t)length;
  }
}

static struct settings settings_parse(int count, char **arguments) {
  struct settings s = {.flows = 1, .batch = 256};
  for (int option; (option = getopt(count, arguments, "i:r:l:f:n:t:b:s:w:")) != -1;) {
    switch (option) {
      case 'i': s.link = optarg; break;
      case 'r': s.rate = number_option("-r", optarg); break;
      case 'l': lengths_parse(&s, optarg); break;
      case 'f': s.flows = (uint32_t)number_option("-f", optarg); break;
      case 'n': s.count = number_option("-n", optarg); break;
      case 't': s.seconds = atof(optarg); break;
      case 'b': s.batch = (uint32_t)number_option("-b", optarg); break;
      case 's': s.slots = (uint32_t)number_option("-s", optarg); break;
      case 'w': s.wait_seconds = (uint32_t)number_option("-w", optarg); break;
      default: exit(2);
    }
  }
  if (s.link == NULL || s.flows == 0 || s.flows > FLOWS_MAX || s.batch == 0 || optind != count) {
    fprintf(stderr, "usage: netmap-generate -i LINK [-r PACKETS_A_SECOND] [-l LENGTH[,LENGTH...]] [-f FLOWS] [-n COUNT]\n"
                    "                       [-t SECONDS] [-b BATCH] [-s SLOTS] [-w WAIT_SECONDS]\n");
    exit(2);
  }
  if (s.length_count == 0) s.lengths[s.length_count++] = 60;
  return s;
}

/* Headers of each flow and length, made beforehand: at 10 M packets/s a checksum each is too much. */
static char *headers_make(const struct settings *s) {
  static const uint8_t target[6] = {2, 0, 0, 0, 0, 2}, source[6] = {2, 0, 0, 0, 0, 1};
  char *headers = malloc((size_t)s->flows * s->length_count * PROBE_HEADER_BYTES);
  char frame[PROBE_BYTES_MAX];
  for (uint32_t flow = 0; flow < s->flows; flow++) {
    for (uint32_t i = 0; i < s->length_count; i++) {
      probe_header(frame, flow, s->lengths[i], target, source);
      memcpy(headers + ((size_t)flow * s->length_count + i) * PROBE_HEADER_BYTES, frame, PROBE_HEADER_BYTES);
    }
  }
  return headers;
}

/* Fills up to `limit` slots of a ring. */
static uint32_t ring_fill(const struct settings *s, struct netmap_ring *ring, uint32_t limit, const char *headers,
                          uint64_t *sequences, struct totals *t) {
  uint32_t space = ring_available(ring), done = 0, position = ring->cur;
  if (limit > space) limit = space;
  for (; done < limit; done++) {
    struct netmap_slot *slot = &netmap_ring_slots(ring)[position];
    char *frame = netmap_buffer(ring, slot->buf_idx);
    uint32_t flow = (uint32_t)(t->packets % s->flows), kind = (uint32_t)(t->packets / s->flows % s->length_count);
    memcpy(frame, headers + ((size_t)flow * s->length_count + kind) * PROBE_HEADER_BYTES, PROBE_HEADER_BYTES);
    probe_payload(frame, flow, sequences[flow]++);
    slot->len = s->lengths[kind];
    slot->flags = 0;
    t->packets++;
    t->bytes += slot->len;
    position = position + 1 == ring->num_slots ? 0 : position + 1;
  }
  ring->cur = position;
  __atomic_store_n(&ring->head, position, __ATOMIC_RELEASE);
  return done;
}

/* How many packets may go now: all, or what the rate has earned since the start. */
static uint64_t allowance(const struct settings *s, const struct totals *t, uint64_t elapsed_ns) {
  uint64_t allowed = s->count == 0 ? UINT64_MAX : s->count - t->packets;
  if (s->rate != 0) {
    uint64_t earned = (uint64_t)((double)elapsed_ns * (double)s->rate / 1e9);
    uint64_t more = earned > t->packets ? earned - t->packets : 0;
    if (more < allowed) allowed = more;
  }
  return allowed < s->batch ? allowed : s->batch;
}

int main(int count, char **arguments) {
  struct settings s = settings_parse(count, arguments);
  struct totals t = {0, 0, 0};
  struct link link;
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  link_open(&link, s.link, LINK_TRANSMIT, s.slots);
  sleep(s.wait_seconds);
  char *headers = headers_make(&s);
  uint64_t *sequences = calloc(s.flows, sizeof *sequences), start = clock_ns(), now = start;
  while (!stop && (s.count == 0 || t.packets < s.count) && (s.seconds <= 0 || (double)(now - start) < s.seconds * 1e9)) {
    uint64_t allowed = allowance(&s, &t, now - start);
    uint32_t done = 0;
    for (uint32_t ring = link.transmit_first; ring < link.transmit_end && done < allowed; ring++) {
      done += ring_fill(&s, link_ring(&link, ring), (uint32_t)(allowed - done), headers, sequences, &t);
    }
    if (done != 0) {
      ioctl(link.fd, NIOCTXSYNC, NULL);
    } else if (allowed != 0) {
      struct pollfd wait = {.fd = link.fd, .events = POLLOUT};
      t.waits++;
      poll(&wait, 1, 100);
    } else {
      usleep(s.rate > 1000000 ? 1 : 50);
    }
    now = clock_ns();
  }
  /* The last ones must be on their way before the port closes. */
  uint64_t pending = 1, flush_end = clock_ns() + 2000000000;
  while (pending != 0 && clock_ns() < flush_end) {
    pending = 0;
    ioctl(link.fd, NIOCTXSYNC, NULL);
    for (uint32_t ring = link.transmit_first; ring < link.transmit_end; ring++) {
      const struct netmap_ring *r = link_ring(&link, ring);
      pending += r->num_slots - 1 - ring_available(r);
    }
    if (pending != 0) usleep(200);
  }
  double seconds = (double)(now - start) / 1e9;
  printf("{\"sent\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"flows\":%u,\"waits\":%" PRIu64 ",\"left_in_ring\":%" PRIu64
         ",\"seconds\":%.3f,\"packets_per_second\":%.0f}\n",
         t.packets, t.bytes, s.flows, t.waits, pending, seconds, seconds > 0 ? (double)t.packets / seconds : 0);
  link_close(&link);
  free(headers);
  free(sequences);
  return 0;
}
