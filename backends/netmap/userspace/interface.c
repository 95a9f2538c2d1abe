#define _GNU_SOURCE
#include "interface.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "memory.h"
#include "system.h"

enum {
  BATCH_MAX = 64,
  RECEIVE_BUFFER_BYTES = 8 << 20,
  SOCKET_FD_LOWEST = 400, /* out of the way of programs that expect low numbers */
  VLAN_TAG_BYTES = 4
};

/* This process's sockets: one for each ring number of a port, found by its receive kring or, if
 * the port has fewer of these, its transmit kring. The number is the descriptor plus one. */
static struct {
  int socket;
  uint32_t users;
} sockets[KRINGS_MAX];

uint64_t interface_namespace(void) {
  struct stat status;
  return stat("/proc/self/ns/net", &status) == 0 ? (uint64_t)status.st_ino : 1;
}

uint32_t interface_queues(const char *name) {
  const char *asked = getenv("NETMAP_USERSPACE_INTERFACE_RINGS");
  uint32_t count = asked != NULL ? (uint32_t)strtoul(asked, NULL, 10) : 0;
  if (count == 0) {
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    struct ifreq request = {.ifr_data = (char *)&channels};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && system_ioctl(fd, SIOCETHTOOL, &request) == 0) count = channels.rx_count + channels.combined_count;
    if (fd >= 0) system_close(fd);
  }
  return count == 0 ? 1 : count > RINGS_OF_PORT_MAX ? RINGS_OF_PORT_MAX : count;
}

static uint32_t socket_place(const struct port *p, uint32_t ring) {
  return ring < p->rings[RECEIVE] ? p->kring[RECEIVE] + ring : p->kring[TRANSMIT] + ring;
}

static int option_set(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value);
}

/* All rings of an interface that anybody reads share its packets by flow, as a card's queues do. */
static int fanout_join(int fd, const struct port *p) {
  uint32_t group = (p->interface_index * 2654435761u) >> 16;
  int argument = (int)((group & 0xffff) | (uint32_t)(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG) << 16);
  return option_set(fd, SOL_PACKET, PACKET_FANOUT, argument);
}

static int socket_make(const struct port *p, bool receives, int *made) {
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  int high = system_fcntl(fd, F_DUPFD_CLOEXEC, (void *)(intptr_t)SOCKET_FD_LOWEST);
  if (high >= 0) {
    system_close(fd);
    fd = high;
  }
  option_set(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
  option_set(fd, SOL_PACKET, PACKET_AUXDATA, 1);
  option_set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
  if (option_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES) != 0) {
    option_set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_BYTES);
  }
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)p->interface_index};
  if (receives) address.sll_protocol = htons(ETH_P_ALL);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
      (receives && p->rings[RECEIVE] > 1 && fanout_join(fd, p) != 0)) {
    int error = errno;
    system_close(fd);
    return error;
  }
  *made = fd;
  return 0;
}

static int socket_take(uint32_t open, uint32_t kring) {
  struct kring *k = &control->krings[kring];
  const struct port *p = &control->ports[k->port];
  uint32_t place = socket_place(p, k->ring_id);
  /* A ring that several opens share is read by the first of them. */
  bool receives = k->direction == RECEIVE && (k->receiver == 0 || k->receiver == open);
  bool made = false;
  if (sockets[place].socket == 0) {
    int fd = -1;
    int error = socket_make(p, receives, &fd);
    if (error != 0) return error;
    sockets[place].socket = fd + 1;
    made = true;
  }
  if (receives) {
    if (!made) {
      struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)p->interface_index};
      address.sll_protocol = htons(ETH_P_ALL);
      if (bind(sockets[place].socket - 1, (struct sockaddr *)&address, sizeof address) != 0 ||
          (p->rings[RECEIVE] > 1 && fanout_join(sockets[place].socket - 1, p) != 0 && errno != EALREADY)) {
        return errno;
      }
    }
    k->receiver = open;
  }
  sockets[place].users++;
  return 0;
}

static void socket_give_back(uint32_t open, uint32_t kring) {
  struct kring *k = &control->krings[kring];
  uint32_t place = socket_place(&control->ports[k->port], k->ring_id);
  if (k->receiver == open) k->receiver = 0;
  if (sockets[place].users == 0 || --sockets[place].users != 0) return;
  system_close(sockets[place].socket - 1);
  sockets[place].socket = 0;
}

/* The krings, of hardware, that an open has bound. */
#define FOR_EACH_HARDWARE_RING(o, p, kring)                                                    \
  for (enum direction direction_ = RECEIVE + 1; direction_-- > TRANSMIT;)                      \
    for (uint32_t ring_ = (o)->ring_first[direction_], kring = (p)->kring[direction_] + ring_; \
         ring_ < (o)->ring_last[direction_] && ring_ < (p)->rings[direction_]; ring_++, kring++)

int interface_open(uint32_t open) {
  const struct open_device *o = &control->opens[open];
  const struct port *p = &control->ports[o->port];
  if (p->kind != PORT_INTERFACE) return 0;
  int error = 0;
  uint32_t done = 0;
  FOR_EACH_HARDWARE_RING(o, p, kring) {
    if (error == 0 && (error = socket_take(open, kring)) == 0) done++;
  }
  if (error == 0) return 0;
  FOR_EACH_HARDWARE_RING(o, p, kring) {
    if (done > 0) {
      socket_give_back(open, kring);
      done--;
    }
  }
  return error;
}

void interface_close(uint32_t open) {
  const struct open_device *o = &control->opens[open];
  const struct port *p = &control->ports[o->port];
  if (p->kind != PORT_INTERFACE) return;
  FOR_EACH_HARDWARE_RING(o, p, kring) socket_give_back(open, kring);
}

uint32_t interface_sockets(uint32_t open, short events, struct pollfd *fds, uint32_t room) {
  const struct open_device *o = &control->opens[open];
  const struct port *p = &control->ports[o->port];
  uint32_t count = 0;
  if (o->state != OPEN_BOUND || p->kind != PORT_INTERFACE) return 0;
  FOR_EACH_HARDWARE_RING(o, p, kring) {
    const struct kring *k = &control->krings[kring];
    int fd = sockets[socket_place(p, k->ring_id)].socket - 1;
    short wanted = k->direction == RECEIVE ? events & (POLLIN | POLLRDNORM) : events & (POLLOUT | POLLWRNORM);
    if (fd >= 0 && wanted != 0 && count < room) fds[count++] = (struct pollfd){.fd = fd, .events = wanted};
  }
  return count;
}

static int socket_of(const struct kring *k) {
  return sockets[socket_place(&control->ports[k->port], k->ring_id)].socket - 1;
}

bool interface_transmit_sync(struct kring *k, struct netmap_ring *ring) {
  const struct region *region = &control->regions[k->region];
  struct netmap_slot *slots = netmap_ring_slots(ring);
  int fd = k->host ? -1 : socket_of(k);
  bool good = true;
  if (k->host || fd < 0) k->hwcur = k->rhead; /* to the host's stack there is no way from here */
  while (k->hwcur != k->rhead && good) {
    struct mmsghdr messages[BATCH_MAX];
    struct iovec parts[BATCH_MAX + NETMAP_FRAGMENTS_MAX];
    uint32_t ends[BATCH_MAX], count = 0, used = 0, position = k->hwcur;
    while (count < BATCH_MAX && used < BATCH_MAX && position != k->rhead) {
      uint32_t first = used;
      bool more = true;
      while (more && position != k->rhead && used - first < NETMAP_FRAGMENTS_MAX) {
        const struct netmap_slot slot = slots[position];
        if (!region_index_valid(region, slot.buf_idx) || slot.len > BUFFER_SIZE) good = false;
        parts[used++] = (struct iovec){netmap_buffer(ring, good ? slot.buf_idx : 0), good ? slot.len : 0};
        slots[position].flags = slot.flags & (uint16_t)~NS_BUF_CHANGED;
        more = (slot.flags & NS_MOREFRAG) != 0;
        position = slot_next(position, k->slots);
      }
      memset(&messages[count], 0, sizeof messages[count]);
      messages[count].msg_hdr.msg_iov = &parts[first];
      messages[count].msg_hdr.msg_iovlen = used - first;
      ends[count++] = position;
    }
    int sent = sendmmsg(fd, messages, count, MSG_DONTWAIT);
    if (sent > 0) {
      k->hwcur = ends[sent - 1];
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
      break;
    } else {
      /* A frame that the interface won't have, or no link (ENOBUFS when its queue is full). */
      k->hwcur = ends[0];
    }
  }
  k->hwtail = slot_previous(k->hwcur, k->slots);
  return good;
}

/* The kernel hands a VLAN tag beside the frame: put it back where it was. */
static uint32_t vlan_restore(struct msghdr *message, char *frame, uint32_t length) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
    struct tpacket_auxdata data;
    if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
    memcpy(&data, CMSG_DATA(c), sizeof data);
    if (!(data.tp_status & TP_STATUS_VLAN_VALID) || length + VLAN_TAG_BYTES > BUFFER_SIZE || length < 12) continue;
    uint16_t type = htons(data.tp_status & TP_STATUS_VLAN_TPID_VALID ? data.tp_vlan_tpid : ETH_P_8021Q);
    uint16_t tag = htons(data.tp_vlan_tci);
    memmove(frame + 12 + VLAN_TAG_BYTES, frame + 12, length - 12);
    memcpy(frame + 12, &type, sizeof type);
    memcpy(frame + 14, &tag, sizeof tag);
    return length + VLAN_TAG_BYTES;
  }
  return length;
}

static void receive_batch(struct kring *k, struct netmap_ring *ring, int fd) {
  const struct region *region = &control->regions[k->region];
  struct netmap_slot *slots = netmap_ring_slots(ring);
  struct mmsghdr messages[BATCH_MAX];
  struct iovec parts[BATCH_MAX];
  _Alignas(struct cmsghdr) char extra[BATCH_MAX][CMSG_SPACE(sizeof(struct tpacket_auxdata))];
  for (;;) {
    uint32_t room = slot_distance(k->hwtail, slot_previous(k->hwcur, k->slots), k->slots);
    uint32_t count = 0, position = k->hwtail;
    while (count < room && count < BATCH_MAX && region_index_valid(region, slots[position].buf_idx)) {
      parts[count] = (struct iovec){netmap_buffer(ring, slots[position].buf_idx), BUFFER_SIZE};
      memset(&messages[count], 0, sizeof messages[count]);
      messages[count].msg_hdr.msg_iov = &parts[count];
      messages[count].msg_hdr.msg_iovlen = 1;
      messages[count].msg_hdr.msg_control = extra[count];
      messages[count].msg_hdr.msg_controllen = sizeof extra[count];
      count++;
      position = slot_next(position, k->slots);
    }
    if (count == 0) return;
    int got = recvmmsg(fd, messages, count, MSG_DONTWAIT, NULL);
    uint32_t source = k->hwtail, target = k->hwtail;
    for (int i = 0; i < got; i++, source = slot_next(source, k->slots)) {
      struct msghdr *message = &messages[i].msg_hdr;
      /* What is longer than a buffer (offloads left on) can't be received: left out. */
      if (message->msg_flags & MSG_TRUNC) continue;
      uint32_t length = vlan_restore(message, parts[i].iov_base, messages[i].msg_len);
      uint32_t buffer = slots[source].buf_idx;
      slots[source].buf_idx = slots[target].buf_idx;
      slots[target].buf_idx = buffer;
      slots[target].len = (uint16_t)length;
      slots[target].flags = 0;
      target = slot_next(target, k->slots);
    }
    k->hwtail = target;
    if (got < (int)count) return;
  }
}

bool interface_receive_sync(struct kring *k, struct netmap_ring *ring) {
  const struct region *region = &control->regions[k->region];
  const struct netmap_slot *slots = netmap_ring_slots(ring);
  bool good = true;
  for (uint32_t i = k->hwcur; i != k->rhead; i = slot_next(i, k->slots)) {
    if (!region_index_valid(region, slots[i].buf_idx)) good = false;
  }
  k->hwcur = k->rhead;
  int fd = k->host ? -1 : socket_of(k);
  if (fd >= 0) receive_batch(k, ring, fd);
  return good;
}
