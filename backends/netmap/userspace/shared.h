/*
 * What all processes share besides rings and buffers: the control file. It stands for the
 * kernel's own memory: programs never get it mapped by a call of theirs, and what they write
 * into their rings is checked against it.
 */
#ifndef NETMAP_USERSPACE_SHARED_H
#define NETMAP_USERSPACE_SHARED_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "../native/netmap_abi.h"

#define CONTROL_MAGIC 0x6e65746d61707573ULL
#define CONTROL_VERSION 1u

enum {
  OPENS_MAX = 4096,
  PORTS_MAX = 8192,
  KRINGS_MAX = 32768,
  REGIONS_MAX = 256,
  SWITCHES_MAX = 64,
  SWITCH_PORTS_MAX = 254,
  SWITCH_MACS_MAX = 1024,
  RINGS_OF_PORT_MAX = 64,
  SLOTS_DEFAULT = 1024,
  SLOTS_MAX = 4096,
  BUFFER_SIZE = 2048,
  PIPES_OF_PORT_MAX = 64,  /* unless told otherwise */
  EXTRA_BUFFERS_MAX = 128 * SLOTS_MAX, /* that the memory of a port of its own is enlarged by */
  IF_SIZE = 2048 /* room for the offsets of RINGS_OF_PORT_MAX rings and a host ring, both ways */
};

/* Index 0 of opens, ports, krings, regions and switches means "none". */

/* Who owns a buffer: nobody, a process (by the number it got at its first open), or a ring
 * that is kept while nobody has it open. Updated in the calls only; the truth for recovery. */
#define OWNER_FREE 0u
#define OWNER_OF_KRING 0x80000000u

enum port_kind { PORT_FREE = 0, PORT_INTERFACE, PORT_VALE, PORT_EPHEMERAL, PORT_PIPE, PORT_NULL };

enum direction { TRANSMIT = 0, RECEIVE = 1 };

/* The call's side of a ring, as the kernel's kring. */
struct kring {
  /* Taken by the process that syncs the ring; dies with its holder and is recovered. */
  pthread_mutex_t lock;
  /* What the program last told, and the tail it was last shown. */
  uint32_t rhead, rcur, rtail;
  uint32_t slots;
  uint64_t ring_offset; /* in the region; 0: the ring does not exist */
  uint32_t region;
  uint32_t port;
  uint32_t peer; /* pipes: the ring at the other end */
  uint32_t holder; /* owner that buffers arriving here get */
  uint32_t users;
  uint32_t open; /* one that uses it: whom to wake if it is the only one */
  uint16_t ring_id;
  uint8_t direction;
  uint8_t exclusive;
  uint8_t host;
  uint8_t mutexes_ready;
  uint32_t receiver; /* interfaces: process that reads the socket for this ring */
  /* Written by the ring's own sync; hwcur also read by the other side. */
  _Alignas(64) uint32_t hwcur;
  uint32_t waiting; /* somebody sleeps until this ring moves */
  /* Written by the other side: VALE senders, under the producer's lock. */
  _Alignas(64) uint32_t hwtail;
  pthread_mutex_t producer_lock;
};

struct port {
  uint32_t kind;
  uint32_t generation;
  char name[NETMAP_NAME_SIZE];
  uint64_t network_namespace;
  uint32_t region;
  uint32_t opens;
  uint32_t references; /* pipes whose parent it is */
  uint32_t parent, peer;
  uint32_t switch_index, switch_port;
  uint32_t interface_index;
  uint32_t header_length; /* virtio-net header */
  uint32_t persistent;    /* made by VALE_NEWIF: stays without users */
  uint32_t master;        /* pipes */
  uint32_t slots[2];
  uint32_t rings[2];
  uint32_t host_rings[2];
  uint32_t kring[2]; /* first of rings + host_rings consecutive krings */
};

enum open_state { OPEN_FREE = 0, OPEN_UNBOUND, OPEN_BINDING, OPEN_BOUND };

/* One open of the device. It lives as long as the lock on its FIFO (descriptor.c). */
struct open_device {
  uint32_t state;
  uint32_t generation;
  int32_t pid; /* who opened it: a hint, the lock decides */
  uint32_t holder;
  uint32_t port;
  uint32_t mode_flags;
  uint32_t ring_first[2], ring_last[2];
  uint32_t region;
  uint64_t if_offset;
  uint32_t extra_buffers;
  uint32_t sleepers; /* threads of all processes that sleep on it */
};

struct region {
  uint32_t used;
  uint32_t generation;
  uint32_t id; /* nr_mem_id */
  uint32_t ports;
  uint32_t if_total, ring_total, buffer_total;
  uint32_t ring_size;
  uint64_t ring_start, buffer_start, size;
  uint32_t buffers_free;
};

struct vale_switch {
  char name[NETMAP_NAME_SIZE];
  uint32_t ports_used;
  uint32_t ports[SWITCH_PORTS_MAX];
  uint64_t macs[SWITCH_MACS_MAX]; /* address in the low 48 bits, port + 1 above */
};

struct control {
  uint64_t magic;
  uint32_t version, size;
  pthread_mutex_t lock; /* configuration and allocation; never taken per packet */
  uint32_t holder_next;
  uint32_t generation_next;
  uint32_t opens_top, ports_top, krings_top; /* highest index ever used */
  uint32_t region_id_next;
  uint64_t recoveries; /* deaths inside a call that were cleaned up after */
  struct region regions[REGIONS_MAX];
  struct vale_switch switches[SWITCHES_MAX];
  struct open_device opens[OPENS_MAX];
  struct port ports[PORTS_MAX];
  struct kring krings[KRINGS_MAX];
};

#define load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)

static inline uint32_t slot_next(uint32_t slot, uint32_t slots) {
  return slot + 1 == slots ? 0 : slot + 1;
}

static inline uint32_t slot_previous(uint32_t slot, uint32_t slots) {
  return slot == 0 ? slots - 1 : slot - 1;
}

/* Slots from `from` up to but not including `to`. */
static inline uint32_t slot_distance(uint32_t from, uint32_t to, uint32_t slots) {
  return to >= from ? to - from : to + slots - from;
}

#endif
