/*
 * A load balancer over netmap written by hand in C, to measure ours against: the work of netmap's `lb`
 * (same ports, rings, batches and system calls), with prefetching, by one of two hashes. And the two
 * programs around it.
 *
 *   netmap-balance fold|bits IN OUT COUNT     from IN to OUT{1 ... OUT{COUNT, until SIGTERM
 *   netmap-balance generate LINK BYTES FLOWS  UDP frames, as fast as there is room
 *   netmap-balance discard LINK COUNT         reads LINK}1 ... LINK}COUNT and counts
 *
 * `fold` is our hash: the flow word, with the checks that we make of a packet, and two looks into tables; `bits` is the
 * Toeplitz hash that `lb` uses, which walks the key bit by bit and checks nothing. Both check slots and keep counters as we do.
 * SIGUSR1 prints packets and CPU microseconds so far.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../backends/netmap/native/netmap_abi.h"
#include "../native/peer_flow.h"

enum { BATCH = 512, TOGETHER = 4, AHEAD = 14, PORTS_MAX = 64, LONGEST = 2048 };

struct port {
  int fd;
  struct netmap_if *interface;
  struct netmap_ring *ring;
  struct netmap_slot *slots;
  uint32_t last_buffer;
  int dirty;
  uint64_t packets, bytes;
};

static volatile sig_atomic_t ending, asked;
static uint64_t packets, bytes, dropped, malformed, uncommon;

static void on_signal(int number) {
  if (number == SIGUSR1) asked = 1;
  else ending = 1;
}

static void report(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  asked = 0;
  printf("{\"packets\":%llu,\"dropped\":%llu,\"cpu\":%lld}\n", (unsigned long long)packets, (unsigned long long)dropped,
         (long long)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  fflush(stdout);
}

static struct port port_open(const char *name, int receive) {
  struct port port = {.fd = open(NETMAP_DEVICE, O_RDWR)};
  struct nmreq_register body = {.nr_mode = NR_REG_ALL_NIC, .nr_flags = NR_NO_TX_POLL};
  if (!receive) body.nr_flags = 0;
  struct nmreq_header header = {.nr_version = NETMAP_API, .nr_reqtype = NETMAP_REQ_REGISTER, .nr_body = (uintptr_t)&body};
  snprintf(header.nr_name, sizeof header.nr_name, "%s", name);
  if (port.fd < 0 || ioctl(port.fd, NIOCCTRL, &header) != 0) {
    perror(name);
    exit(2);
  }
  /* All ports of a region are mapped once. */
  static char *memory;
  static uint32_t memory_id;
  if (memory == NULL || memory_id != body.nr_mem_id) {
    memory = mmap(NULL, body.nr_memsize, PROT_READ | PROT_WRITE, MAP_SHARED, port.fd, 0);
    memory_id = body.nr_mem_id;
    if (memory == MAP_FAILED) exit(2);
  }
  port.interface = (struct netmap_if *)(memory + body.nr_offset);
  port.ring = netmap_if_ring(port.interface, receive ? port.interface->ni_tx_rings + port.interface->ni_host_tx_rings : 0);
  port.slots = netmap_ring_slots(port.ring);
  const char *buffers = (const char *)netmap_buffer(port.ring, 0);
  port.last_buffer = (uint32_t)((uint64_t)(memory + body.nr_memsize - buffers) / port.ring->nr_buf_size) - 1;
  return port;
}

static inline uint32_t next_slot(const struct netmap_ring *ring, uint32_t slot) { return slot + 1 == ring->num_slots ? 0 : slot + 1; }

static inline uint32_t ring_space(const struct netmap_ring *ring) {
  return ring->tail >= ring->head ? ring->tail - ring->head : ring->tail + ring->num_slots - ring->head;
}

static struct peer_hash hash;

static inline uint32_t hash_fold(const uint8_t *frame, uint32_t length) {
  const uint32_t word = peer_flow_word(frame, length, 1, 1, &uncommon);
  return hash.high[word >> 8] ^ hash.low[word & 255];
}

static uint32_t key_windows[96];

/* As lb does it: the key's window for each bit of addresses and ports, XORed where the bit is set. */
static uint32_t hash_bits(const uint8_t *frame) {
  uint32_t result = 0, at = 0;
  for (int field = 0; field < 3; field++) {
    uint32_t value = __builtin_bswap32(peer_load32(frame + 26 + 4 * field));
    for (int bit = 0; bit < 32; bit++, at++) {
      if (value & 0x80000000u) result ^= key_windows[at];
      value <<= 1;
    }
  }
  return result;
}

static void key_prepare(void) {
  uint8_t key[16];
  for (size_t k = 0; k < sizeof key; k++) key[k] = (uint8_t)(k & 1 ? 0x5a : 0x6d);
  uint32_t window = (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3];
  for (uint32_t bit = 0; bit < 96; bit++) {
    key_windows[bit] = window;
    window = window << 1 | ((key[4 + bit / 8] >> (7 - bit % 8)) & 1);
  }
}

static void balance(int fold, const char *in, const char *out, uint32_t count) {
  static struct port ports[PORTS_MAX];
  char name[NETMAP_NAME_SIZE];
  for (uint32_t k = 0; k < count; k++) {
    snprintf(name, sizeof name, "%s{%u", out, k + 1);
    ports[k] = port_open(name, 0);
  }
  struct port source = port_open(in, 1);
  struct netmap_ring *ring = source.ring;
  const uint32_t buffer_size = ring->nr_buf_size, last_buffer = source.last_buffer;
  peer_hash_create(&hash);
  printf("ready\n");
  fflush(stdout);
  uint32_t together = 0;
  while (!ending) {
    if (asked) report();
    if (ring->head == ring->tail) {
      struct pollfd polled = {.fd = source.fd, .events = POLLIN};
      if (poll(&polled, 1, 100) <= 0) continue;
    }
    uint32_t head = ring->head, tail = ring->tail;
    for (uint32_t taken = 0; head != tail && taken < BATCH; taken++) {
      uint32_t ahead = head + AHEAD >= ring->num_slots ? head + AHEAD - ring->num_slots : head + AHEAD;
      __builtin_prefetch(netmap_buffer(ring, source.slots[ahead].buf_idx));
      struct netmap_slot *from = &source.slots[head];
      const uint32_t length = from->len;
      head = next_slot(ring, head);
      /* The other end of a pipe is a program, and the kernel doesn't look at what it writes. Frames of several slots don't come here. */
      if (from->buf_idx < 2 || from->buf_idx > last_buffer || length > buffer_size || (from->flags & NS_MOREFRAG) != 0) {
        malformed++;
        continue;
      }
      const uint8_t *frame = (const uint8_t *)netmap_buffer(ring, from->buf_idx);
      struct port *sink = &ports[(fold ? hash_fold(frame, length) : hash_bits(frame)) % count];
      struct netmap_ring *to_ring = sink->ring;
      packets++;
      bytes += length;
      if (to_ring->head == to_ring->tail) {
        ioctl(sink->fd, NIOCTXSYNC, NULL);
        if (to_ring->head == to_ring->tail) {
          dropped++;
          continue;
        }
      }
      struct netmap_slot *to = &sink->slots[to_ring->head];
      uint32_t index = to->buf_idx;
      to->buf_idx = from->buf_idx;
      to->len = from->len;
      to->flags = NS_BUF_CHANGED;
      from->buf_idx = index;
      from->flags = NS_BUF_CHANGED;
      to_ring->head = to_ring->cur = next_slot(to_ring, to_ring->head);
      sink->dirty = 1;
      sink->packets++;
      sink->bytes += length;
    }
    ring->head = ring->cur = head;
    if (head != tail && ++together < TOGETHER) continue;
    together = 0;
    for (uint32_t k = 0; k < count; k++) {
      if (ports[k].dirty) ioctl(ports[k].fd, NIOCTXSYNC, NULL);
      ports[k].dirty = 0;
    }
  }
}

static void generate(const char *link, uint16_t bytes, uint32_t flows) {
  uint8_t *frames = calloc(flows, 64);
  for (uint32_t flow = 0; flow < flows; flow++) {
    static const uint8_t start[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17};
    uint8_t *frame = frames + (size_t)flow * 64;
    uint32_t mixed = flow * 2654435761u;
    memcpy(frame, start, sizeof start);
    memcpy(frame + 26, &mixed, 4);
    frame[30] = 10;
    memcpy(frame + 31, &flow, 3);
    memcpy(frame + 34, &mixed, 4);
  }
  struct port port = port_open(link, 0);
  printf("ready\n");
  fflush(stdout);
  uint32_t flow = 0;
  while (!ending) {
    if (asked) report();
    struct netmap_ring *ring = port.ring;
    uint32_t space = ring_space(ring);
    if (space == 0) {
      struct pollfd polled = {.fd = port.fd, .events = POLLOUT};
      poll(&polled, 1, 100);
      continue;
    }
    packets += space;
    for (; space > 0; space--) {
      struct netmap_slot *slot = &port.slots[ring->head];
      memcpy(netmap_buffer(ring, slot->buf_idx), frames + (size_t)flow * 64, 64);
      slot->len = bytes;
      slot->flags = 0;
      flow = flow + 1 == flows ? 0 : flow + 1;
      ring->head = ring->cur = next_slot(ring, ring->head);
    }
    ioctl(port.fd, NIOCTXSYNC, NULL);
  }
}

static void discard(const char *link, uint32_t count) {
  static struct port ports[PORTS_MAX];
  struct pollfd polled[PORTS_MAX];
  char name[NETMAP_NAME_SIZE];
  for (uint32_t k = 0; k < count; k++) {
    snprintf(name, sizeof name, "%s}%u", link, k + 1);
    ports[k] = port_open(name, 1);
    polled[k] = (struct pollfd){.fd = ports[k].fd, .events = POLLIN};
  }
  printf("ready\n");
  fflush(stdout);
  while (!ending) {
    if (asked) report();
    poll(polled, count, 100);
    for (uint32_t k = 0; k < count; k++) {
      struct netmap_ring *ring = ports[k].ring;
      packets += ring_space(ring);
      ring->head = ring->cur = ring->tail;
      ioctl(ports[k].fd, NIOCRXSYNC, NULL);
      packets += ring_space(ring);
      ring->head = ring->cur = ring->tail;
    }
  }
}

int main(int count, char **arguments) {
  if (count < 4 || atoi(arguments[count - 1]) < 1) {
    fprintf(stderr, "usage: netmap-balance fold|bits IN OUT COUNT | generate LINK BYTES FLOWS | discard LINK COUNT\n");
    return 2;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
  key_prepare();
  uint32_t number = (uint32_t)atoi(arguments[count - 1]);
  const char *what = arguments[1];
  int bytes = count == 5 ? atoi(arguments[3]) : 0;
  if (strcmp(what, "generate") == 0 && bytes >= 60 && bytes <= LONGEST) generate(arguments[2], (uint16_t)bytes, number);
  else if (strcmp(what, "discard") == 0 && number <= PORTS_MAX) discard(arguments[2], number);
  else if (count == 5 && strcmp(what, "generate") != 0 && number <= PORTS_MAX) balance(strcmp(what, "fold") == 0, arguments[2], arguments[3], number);
  report();
  return 0;
}
