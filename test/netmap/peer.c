/*
 * The other end of a netmap port, for tests: sends numbered packets of many flows, or receives them
 * and checks order, bytes and gaps. Speaks netmap's interface directly; knows nothing of Packet Bricks.
 *
 *   peer send LINK PACKETS FLOWS SIZE [FIRST]     sends all, waiting for room; fragments over 2,048 bytes;
 *                                                 FIRST: the number of the first flow
 *   peer receive LINK PACKETS [PAUSE_US]          receives so many (0: until standard input ends);
 *                                                 a line of input is answered by "seen" and their number
 *   peer hold LINK                                binds the port, takes nothing, until standard input ends
 *                                                 PEER_SHOW: at the end also which, as [flow, number]
 *   peer flood LINK FLOWS SIZE                    sends without end, as fast as there is room
 * It prints "ready" when the port is bound, and at the end one line of JSON.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../backends/netmap/native/netmap_abi.h"

enum { HEADERS = 14 + 20 + 8, NUMBERS = 16, FLOWS_MAX = 65536, LONGEST = 65536, SHOWN_MAX = 65536 };

struct port {
  int fd;
  struct netmap_if *interface;
  struct nmreq_register reg;
};

static void fail(const char *what, const char *name) {
  fprintf(stderr, "peer: %s %s: %s\n", what, name, strerror(errno));
  exit(2);
}

static struct port port_open(const char *name, int ring) {
  struct port port = {.fd = open("/dev/netmap", O_RDWR)};
  if (port.fd < 0) fail("open", name);
  const char *slots = getenv("PEER_SLOTS");
  port.reg.nr_mode = ring >= 0 ? NR_REG_ONE_NIC : NR_REG_ALL_NIC;
  port.reg.nr_ringid = ring >= 0 ? (uint16_t)ring : 0;
  if (slots != NULL) port.reg.nr_tx_slots = port.reg.nr_rx_slots = (uint32_t)atoi(slots);
  const char *rings = getenv("PEER_RINGS");
  if (rings != NULL) port.reg.nr_tx_rings = port.reg.nr_rx_rings = (uint16_t)atoi(rings);
  struct nmreq_header header = {.nr_version = NETMAP_API, .nr_reqtype = NETMAP_REQ_REGISTER, .nr_body = (uintptr_t)&port.reg};
  strncpy(header.nr_name, name, sizeof header.nr_name - 1);
  if (ioctl(port.fd, NIOCCTRL, &header) != 0) fail("register", name);
  char *memory = mmap(NULL, port.reg.nr_memsize, PROT_READ | PROT_WRITE, MAP_SHARED, port.fd, 0);
  if (memory == MAP_FAILED) fail("mmap", name);
  port.interface = (struct netmap_if *)(memory + port.reg.nr_offset);
  printf("ready\n");
  fflush(stdout);
  return port;
}

static struct netmap_ring *ring_of(const struct port *port, int receive, uint32_t k) {
  return netmap_if_ring(port->interface, receive ? port->interface->ni_tx_rings + port->interface->ni_host_tx_rings + k : k);
}

static void wait_for(const struct port *port, short events) {
  struct pollfd polled[2] = {{.fd = port->fd, .events = events}, {.fd = 0, .events = 0}};
  poll(polled, 1, 20);
}

static void frame_make(uint8_t *frame, uint32_t flow, uint64_t number, uint32_t size) {
  memset(frame, 0, HEADERS);
  frame[0] = 2;
  frame[5] = 1;
  frame[6] = 2;
  frame[11] = 2;
  frame[12] = 8;
  uint8_t *ip = frame + 14;
  ip[0] = 0x45;
  ip[2] = (uint8_t)((size - 14) >> 8);
  ip[3] = (uint8_t)(size - 14);
  ip[8] = 64;
  ip[9] = 17;
  ip[12] = 10;
  ip[14] = (uint8_t)(flow >> 8);
  ip[15] = (uint8_t)flow;
  ip[16] = 10;
  ip[17] = 1;
  ip[18] = (uint8_t)((flow * 40503u) >> 8);
  ip[19] = (uint8_t)(flow * 7);
  ip[20] = (uint8_t)((1024 + flow) >> 8);
  ip[21] = (uint8_t)(1024 + flow);
  ip[23] = 53;
  memcpy(frame + HEADERS, &flow, 4);
  memcpy(frame + HEADERS + 4, &size, 4);
  memcpy(frame + HEADERS + 8, &number, 8);
  for (uint32_t at = HEADERS + NUMBERS; at < size; at++) frame[at] = (uint8_t)(flow + number + at);
}

static int frame_put(struct netmap_ring *ring, const uint8_t *frame, uint32_t size) {
  uint32_t slots = ring->num_slots, needed = (size - 1) / ring->nr_buf_size + 1;
  uint32_t space = ring->tail >= ring->head ? ring->tail - ring->head : ring->tail + slots - ring->head;
  if (space < needed) return 0;
  uint32_t head = ring->head;
  while (size > 0) {
    struct netmap_slot *slot = &netmap_ring_slots(ring)[head];
    uint32_t part = size < ring->nr_buf_size ? size : ring->nr_buf_size;
    memcpy(netmap_buffer(ring, slot->buf_idx), frame, part);
    frame += part;
    size -= part;
    slot->len = (uint16_t)part;
    slot->flags = size > 0 ? NS_MOREFRAG : 0;
    head = head + 1 == slots ? 0 : head + 1;
  }
  ring->head = ring->cur = head;
  return 1;
}

/* Where PEER_PART is set, so many packets go out for each line of input. */
static void send_all(const char *name, uint64_t packets, uint32_t flows, uint32_t size, uint32_t first) {
  static uint64_t numbers[FLOWS_MAX];
  static uint8_t frame[LONGEST];
  struct port port = port_open(name, -1);
  uint32_t rings = port.interface->ni_tx_rings;
  const char *part = getenv("PEER_PART");
  uint64_t allowed = part != NULL ? 0 : packets;
  for (uint64_t sent = 0; sent < packets;) {
    if (sent == allowed) {
      char line;
      ioctl(port.fd, NIOCTXSYNC, NULL);
      if (read(0, &line, 1) <= 0) break;
      allowed += (uint64_t)atoi(part);
      continue;
    }
    uint32_t flow = first + (uint32_t)(sent % flows);
    frame_make(frame, flow, numbers[flow], size);
    if (frame_put(ring_of(&port, 0, flow % rings), frame, size)) {
      numbers[flow]++;
      sent++;
      if (sent % 64 == 0) ioctl(port.fd, NIOCTXSYNC, NULL);
    } else {
      wait_for(&port, POLLOUT);
    }
  }
  ioctl(port.fd, NIOCTXSYNC, NULL);
  printf("{\"packets\":%llu}\n", (unsigned long long)packets);
  fflush(stdout);
  char end;
  while (read(0, &end, 1) > 0) {
  }
}

static uint64_t next_number[FLOWS_MAX];
static struct {
  uint64_t packets, bytes, flows, disorder, gaps, bad;
} seen;

static struct {
  uint32_t flow, number;
} shown[SHOWN_MAX];
static uint32_t shown_count;

static void frame_check(const uint8_t *frame, uint32_t length) {
  uint32_t flow, size;
  uint64_t number;
  seen.packets++;
  seen.bytes += length;
  if (length < HEADERS + NUMBERS) {
    seen.bad++;
    return;
  }
  memcpy(&flow, frame + HEADERS, 4);
  memcpy(&size, frame + HEADERS + 4, 4);
  memcpy(&number, frame + HEADERS + 8, 8);
  if (size != length || flow >= FLOWS_MAX || frame[12] != 8 || frame[length - 1] != (length > HEADERS + NUMBERS ? (uint8_t)(flow + number + length - 1) : frame[length - 1])) {
    seen.bad++;
    return;
  }
  if (shown_count < SHOWN_MAX) {
    shown[shown_count].flow = flow;
    shown[shown_count++].number = (uint32_t)number;
  }
  if (next_number[flow] == 0) seen.flows++;
  if (number + 1 <= next_number[flow]) seen.disorder++;
  else seen.gaps += number - next_number[flow];
  next_number[flow] = number + 1;
}

static void ring_take(struct netmap_ring *ring) {
  static uint8_t frame[LONGEST];
  uint32_t length = 0;
  uint32_t at = ring->head;
  while (at != ring->tail) {
    struct netmap_slot *slot = &netmap_ring_slots(ring)[at];
    uint32_t next = at + 1 == ring->num_slots ? 0 : at + 1;
    if (length == 0 && !(slot->flags & NS_MOREFRAG)) {
      frame_check((uint8_t *)netmap_buffer(ring, slot->buf_idx), slot->len);
    } else {
      if (length + slot->len <= LONGEST) memcpy(frame + length, netmap_buffer(ring, slot->buf_idx), slot->len);
      length += slot->len;
      if (!(slot->flags & NS_MOREFRAG)) {
        frame_check(frame, length);
        length = 0;
      }
    }
    at = next;
    if (length == 0) ring->head = ring->cur = at;
  }
}

static int input_ended(void) {
  struct pollfd polled = {.fd = 0, .events = POLLIN};
  char byte;
  if (poll(&polled, 1, 0) <= 0) return 0;
  if (read(0, &byte, 1) <= 0) return 1;
  printf("seen %llu\n", (unsigned long long)seen.packets);
  fflush(stdout);
  return 0;
}

static void receive(const char *name, uint64_t packets, useconds_t pause) {
  const char *ring = getenv("PEER_RING");
  struct port port = port_open(name, ring != NULL ? atoi(ring) : -1);
  uint32_t rings = port.interface->ni_rx_rings;
  int ending = 0;
  while (packets == 0 || seen.packets < packets) {
    struct pollfd polled[2] = {{.fd = port.fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    poll(polled, 2, 1000);
    uint64_t before = seen.packets;
    for (uint32_t k = 0; k < rings; k++) {
      if (ring != NULL && k != (uint32_t)atoi(ring)) continue;
      ring_take(ring_of(&port, 1, k));
    }
    if (seen.packets == before && ending) break;
    if (!ending && input_ended()) ending = 1;
    if (ending) ioctl(port.fd, NIOCRXSYNC, NULL);
    if (pause != 0) usleep(pause);
  }
  ioctl(port.fd, NIOCRXSYNC, NULL);
  printf("{\"packets\":%llu,\"bytes\":%llu,\"flows\":%llu,\"disorder\":%llu,\"gaps\":%llu,\"bad\":%llu", (unsigned long long)seen.packets,
         (unsigned long long)seen.bytes, (unsigned long long)seen.flows, (unsigned long long)seen.disorder, (unsigned long long)seen.gaps,
         (unsigned long long)seen.bad);
  if (getenv("PEER_SHOW") != NULL) {
    printf(",\"shown\":[");
    for (uint32_t k = 0; k < shown_count; k++) printf("%s[%u,%u]", k > 0 ? "," : "", shown[k].flow, shown[k].number);
    printf("]");
  }
  printf("}\n");
}

static void flood(const char *name, uint32_t flows, uint32_t size) {
  static uint64_t numbers[FLOWS_MAX];
  static uint8_t frame[LONGEST];
  struct port port = port_open(name, -1);
  uint64_t sent = 0;
  while (!input_ended()) {
    for (int k = 0; k < 256; k++) {
      uint32_t flow = (uint32_t)(sent % flows);
      frame_make(frame, flow, numbers[flow], size);
      if (!frame_put(ring_of(&port, 0, 0), frame, size)) break;
      numbers[flow]++;
      sent++;
    }
    wait_for(&port, POLLOUT);
  }
  ioctl(port.fd, NIOCTXSYNC, NULL);
  printf("{\"packets\":%llu}\n", (unsigned long long)sent);
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  const char *what = arguments[1], *link = arguments[2];
  uint64_t number[4] = {0, 0, 0, 0};
  for (int k = 0; k < 4 && k + 3 < count; k++) number[k] = strtoull(arguments[k + 3], NULL, 10);
  if (strcmp(what, "send") == 0) {
    send_all(link, number[0], (uint32_t)number[1], (uint32_t)number[2], (uint32_t)number[3]);
  } else if (strcmp(what, "receive") == 0) {
    receive(link, number[0], (useconds_t)number[1]);
  } else if (strcmp(what, "flood") == 0) {
    flood(link, (uint32_t)number[0], (uint32_t)number[1]);
  } else {
    port_open(link, -1);
    char end;
    while (read(0, &end, 1) > 0) {
    }
  }
  return 0;
}
