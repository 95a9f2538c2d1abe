/*
 * netmap's kernel interface, as Packet Bricks uses it: own declarations of what programs and
 * kernel exchange on Linux, x86-64 (little-endian), API 14. Every size and offset is asserted
 * below, so that a slip is a compile error and not a lost packet. For C11 and C++17.
 */
#ifndef PACKET_BRICKS_NETMAP_ABI_H
#define PACKET_BRICKS_NETMAP_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

#ifdef __cplusplus
#define NETMAP_ASSERT(what) static_assert(what, #what)
extern "C" {
#else
#define NETMAP_ASSERT(what) _Static_assert(what, #what)
#endif

/* Version: NIOCCTRL takes 14 and 15; NIOCREGIF and NIOCGINFO refuse everything below 14. */
#define NETMAP_API 14
#define NETMAP_API_LOWEST 14
#define NETMAP_API_HIGHEST 15

#define NETMAP_DEVICE "/dev/netmap"

/* The calls of ioctl(2) on an open NETMAP_DEVICE. */
#define NIOCCTRL 0xc0586997UL   /* struct nmreq_header */
#define NIOCTXSYNC 0x6994UL     /* no argument */
#define NIOCRXSYNC 0x6995UL     /* no argument */
#define NIOCGINFO 0xc03c6991UL  /* struct nmreq, the older interface */
#define NIOCREGIF 0xc03c6992UL  /* struct nmreq, the older interface */

/* Names hold 63 characters and a terminator in NIOCCTRL, 15 and one in the older calls. */
#define NETMAP_NAME_SIZE 64
#define NETMAP_LEGACY_NAME_SIZE 16

/* nr_reqtype */
enum netmap_request {
  NETMAP_REQ_REGISTER = 1,
  NETMAP_REQ_PORT_INFO_GET = 2,
  NETMAP_REQ_VALE_ATTACH = 3,
  NETMAP_REQ_VALE_DETACH = 4,
  NETMAP_REQ_VALE_LIST = 5,
  NETMAP_REQ_PORT_HDR_SET = 6,
  NETMAP_REQ_PORT_HDR_GET = 7,
  NETMAP_REQ_VALE_NEWIF = 8,
  NETMAP_REQ_VALE_DELIF = 9,
  NETMAP_REQ_VALE_POLLING_ENABLE = 10,
  NETMAP_REQ_VALE_POLLING_DISABLE = 11,
  NETMAP_REQ_POOLS_INFO_GET = 12,
  NETMAP_REQ_SYNC_KLOOP_START = 13,
  NETMAP_REQ_SYNC_KLOOP_STOP = 14,
  NETMAP_REQ_CSB_ENABLE = 15
};

/* nro_reqtype */
enum netmap_option {
  NETMAP_REQ_OPT_EXTMEM = 1,
  NETMAP_REQ_OPT_SYNC_KLOOP_EVENTFDS = 2,
  NETMAP_REQ_OPT_CSB = 3,
  NETMAP_REQ_OPT_SYNC_KLOOP_MODE = 4,
  NETMAP_REQ_OPT_OFFSETS = 5
};

/* nr_mode: which rings of the port a descriptor binds. */
enum netmap_mode {
  NR_REG_DEFAULT = 0,     /* EINVAL in NIOCCTRL; "see nr_ringid" in the older calls */
  NR_REG_ALL_NIC = 1,     /* all hardware rings */
  NR_REG_SW = 2,          /* all host rings */
  NR_REG_NIC_SW = 3,      /* both */
  NR_REG_ONE_NIC = 4,     /* the hardware ring nr_ringid */
  NR_REG_PIPE_MASTER = 5, /* older calls only */
  NR_REG_PIPE_SLAVE = 6,  /* older calls only */
  NR_REG_NULL = 7,        /* memory, but no packets */
  NR_REG_ONE_SW = 8       /* the host ring nr_ringid */
};

/* nr_flags */
#define NR_MONITOR_TX 0x100u
#define NR_MONITOR_RX 0x200u
#define NR_ZCOPY_MON 0x400u
#define NR_EXCLUSIVE 0x800u
#define NR_RX_RINGS_ONLY 0x2000u
#define NR_TX_RINGS_ONLY 0x4000u
#define NR_ACCEPT_VNET_HDR 0x8000u
#define NR_DO_RX_POLL 0x10000u
#define NR_NO_TX_POLL 0x20000u

/* nr_ringid of the older calls */
#define NETMAP_RING_MASK 0x0fffu
#define NETMAP_NO_TX_POLL 0x1000u
#define NETMAP_SW_RING 0x2000u
#define NETMAP_HW_RING 0x4000u
#define NETMAP_DO_RX_POLL 0x8000u
/* nr_flags of the older calls: the mode is in the low bits */
#define NR_REG_MASK 0xfu

struct nmreq_header {
  uint16_t nr_version;
  uint16_t nr_reqtype;
  uint32_t nr_reserved;
  char nr_name[NETMAP_NAME_SIZE];
  uint64_t nr_options; /* address of a list of struct nmreq_option, or 0 */
  uint64_t nr_body;    /* address of the request's own structure, or 0 */
};

struct nmreq_option {
  uint64_t nro_next;
  uint32_t nro_reqtype;
  uint32_t nro_status; /* out: 0, or why not (errno) */
  uint64_t nro_size;
};

struct nmreq_register {
  uint64_t nr_offset; /* out: of the netmap_if in the mapping */
  uint64_t nr_memsize;
  uint32_t nr_tx_slots;
  uint32_t nr_rx_slots;
  uint16_t nr_tx_rings;
  uint16_t nr_rx_rings;
  uint16_t nr_host_tx_rings;
  uint16_t nr_host_rx_rings;
  uint16_t nr_mem_id;
  uint16_t nr_ringid;
  uint32_t nr_mode;
  uint32_t nr_extra_bufs;
  uint64_t nr_flags;
};

struct nmreq_port_info_get {
  uint64_t nr_memsize;
  uint32_t nr_tx_slots;
  uint32_t nr_rx_slots;
  uint16_t nr_tx_rings;
  uint16_t nr_rx_rings;
  uint16_t nr_host_tx_rings;
  uint16_t nr_host_rx_rings;
  uint16_t nr_mem_id;
  uint16_t nr_pad[3];
};

struct nmreq_vale_attach {
  struct nmreq_register reg;
  uint32_t port_index;
  uint32_t pad;
};

struct nmreq_vale_detach {
  uint32_t port_index;
  uint32_t pad;
};

struct nmreq_vale_list {
  uint16_t nr_bridge_idx;
  uint16_t pad;
  uint32_t nr_port_idx;
};

struct nmreq_port_hdr {
  uint32_t nr_hdr_len;
  uint32_t pad;
};

struct nmreq_vale_newif {
  uint32_t nr_tx_slots;
  uint32_t nr_rx_slots;
  uint16_t nr_tx_rings;
  uint16_t nr_rx_rings;
  uint16_t nr_mem_id;
  uint16_t pad;
};

struct nmreq_pools_info {
  uint64_t nr_memsize;
  uint16_t nr_mem_id;
  uint16_t pad[3];
  uint64_t nr_if_pool_offset;
  uint32_t nr_if_pool_objtotal;
  uint32_t nr_if_pool_objsize;
  uint64_t nr_ring_pool_offset;
  uint32_t nr_ring_pool_objtotal;
  uint32_t nr_ring_pool_objsize;
  uint64_t nr_buf_pool_offset;
  uint32_t nr_buf_pool_objtotal;
  uint32_t nr_buf_pool_objsize;
};

/* The older request, for NIOCREGIF and NIOCGINFO. */
struct nmreq {
  char nr_name[NETMAP_LEGACY_NAME_SIZE];
  uint32_t nr_version;
  uint32_t nr_offset;
  uint32_t nr_memsize;
  uint32_t nr_tx_slots;
  uint32_t nr_rx_slots;
  uint16_t nr_tx_rings;
  uint16_t nr_rx_rings;
  uint16_t nr_ringid;
  uint16_t nr_cmd;
  uint16_t nr_arg1;
  uint16_t nr_arg2; /* memory id */
  uint32_t nr_arg3; /* extra buffers */
  uint32_t nr_flags;
  uint32_t spare;
};

/* Slot flags. On VALE receive rings the high eight bits hold the number of fragments. */
#define NS_BUF_CHANGED 0x0001u
#define NS_REPORT 0x0002u
#define NS_FORWARD 0x0004u
#define NS_NO_LEARN 0x0008u
#define NS_INDIRECT 0x0010u
#define NS_MOREFRAG 0x0020u
#define NS_TXMON 0x0040u
#define NETMAP_FRAGMENTS_MAX 64

struct netmap_slot {
  uint32_t buf_idx;
  uint16_t len;
  uint16_t flags;
  uint64_t ptr;
};

/* Ring flags. */
#define NR_TIMESTAMP 0x2u
#define NR_FORWARD 0x4u

struct netmap_ring {
  int64_t buf_ofs; /* from this ring to buffer 0 */
  uint32_t num_slots;
  uint32_t nr_buf_size;
  uint16_t ringid;
  uint16_t dir; /* 0 transmit, 1 receive */
  uint32_t head;
  uint32_t cur;
  uint32_t tail;
  uint32_t flags;
  struct timeval ts;
  uint64_t offset_mask;
  uint64_t buf_align;
  uint8_t pad[56];
  uint8_t sem[128];
#ifndef __cplusplus
  struct netmap_slot slot[];
#endif
};

/* ni_flags */
#define NI_PRIV_MEM 0x1u

struct netmap_if {
  char ni_name[NETMAP_LEGACY_NAME_SIZE];
  uint32_t ni_version;
  uint32_t ni_flags;
  uint32_t ni_tx_rings;
  uint32_t ni_rx_rings;
  uint32_t ni_bufs_head;
  uint32_t ni_host_tx_rings;
  uint32_t ni_host_rx_rings;
  uint32_t ni_pad[3];
#ifndef __cplusplus
  int64_t ring_ofs[]; /* from this structure: tx, host tx, rx, host rx rings */
#endif
};

/* Buffers that may never carry a packet: indices 0 and 1. */
#define NETMAP_BUFFERS_RESERVED 2u

#define NETMAP_FIELD(type, field, offset, size)                                      \
  NETMAP_ASSERT(offsetof(struct type, field) == (offset)); \
  NETMAP_ASSERT(sizeof(((struct type *)0)->field) == (size))

NETMAP_ASSERT(sizeof(struct nmreq_header) == 88);
NETMAP_FIELD(nmreq_header, nr_version, 0, 2);
NETMAP_FIELD(nmreq_header, nr_reqtype, 2, 2);
NETMAP_FIELD(nmreq_header, nr_reserved, 4, 4);
NETMAP_FIELD(nmreq_header, nr_name, 8, 64);
NETMAP_FIELD(nmreq_header, nr_options, 72, 8);
NETMAP_FIELD(nmreq_header, nr_body, 80, 8);

NETMAP_ASSERT(sizeof(struct nmreq_option) == 24);
NETMAP_FIELD(nmreq_option, nro_next, 0, 8);
NETMAP_FIELD(nmreq_option, nro_reqtype, 8, 4);
NETMAP_FIELD(nmreq_option, nro_status, 12, 4);
NETMAP_FIELD(nmreq_option, nro_size, 16, 8);

NETMAP_ASSERT(sizeof(struct nmreq_register) == 56);
NETMAP_FIELD(nmreq_register, nr_offset, 0, 8);
NETMAP_FIELD(nmreq_register, nr_memsize, 8, 8);
NETMAP_FIELD(nmreq_register, nr_tx_slots, 16, 4);
NETMAP_FIELD(nmreq_register, nr_rx_slots, 20, 4);
NETMAP_FIELD(nmreq_register, nr_tx_rings, 24, 2);
NETMAP_FIELD(nmreq_register, nr_rx_rings, 26, 2);
NETMAP_FIELD(nmreq_register, nr_host_tx_rings, 28, 2);
NETMAP_FIELD(nmreq_register, nr_host_rx_rings, 30, 2);
NETMAP_FIELD(nmreq_register, nr_mem_id, 32, 2);
NETMAP_FIELD(nmreq_register, nr_ringid, 34, 2);
NETMAP_FIELD(nmreq_register, nr_mode, 36, 4);
NETMAP_FIELD(nmreq_register, nr_extra_bufs, 40, 4);
NETMAP_FIELD(nmreq_register, nr_flags, 48, 8);

NETMAP_ASSERT(sizeof(struct nmreq_port_info_get) == 32);
NETMAP_FIELD(nmreq_port_info_get, nr_memsize, 0, 8);
NETMAP_FIELD(nmreq_port_info_get, nr_tx_slots, 8, 4);
NETMAP_FIELD(nmreq_port_info_get, nr_rx_slots, 12, 4);
NETMAP_FIELD(nmreq_port_info_get, nr_tx_rings, 16, 2);
NETMAP_FIELD(nmreq_port_info_get, nr_rx_rings, 18, 2);
NETMAP_FIELD(nmreq_port_info_get, nr_host_tx_rings, 20, 2);
NETMAP_FIELD(nmreq_port_info_get, nr_host_rx_rings, 22, 2);
NETMAP_FIELD(nmreq_port_info_get, nr_mem_id, 24, 2);

NETMAP_ASSERT(sizeof(struct nmreq_vale_attach) == 64);
NETMAP_ASSERT(sizeof(struct nmreq_vale_detach) == 8);
NETMAP_ASSERT(sizeof(struct nmreq_vale_list) == 8);
NETMAP_FIELD(nmreq_vale_list, nr_port_idx, 4, 4);
NETMAP_ASSERT(sizeof(struct nmreq_port_hdr) == 8);
NETMAP_ASSERT(sizeof(struct nmreq_vale_newif) == 16);
NETMAP_FIELD(nmreq_vale_newif, nr_mem_id, 12, 2);
NETMAP_ASSERT(sizeof(struct nmreq_pools_info) == 64);
NETMAP_FIELD(nmreq_pools_info, nr_buf_pool_objsize, 60, 4);

NETMAP_ASSERT(sizeof(struct nmreq) == 60);
NETMAP_FIELD(nmreq, nr_name, 0, 16);
NETMAP_FIELD(nmreq, nr_version, 16, 4);
NETMAP_FIELD(nmreq, nr_offset, 20, 4);
NETMAP_FIELD(nmreq, nr_memsize, 24, 4);
NETMAP_FIELD(nmreq, nr_tx_slots, 28, 4);
NETMAP_FIELD(nmreq, nr_rx_slots, 32, 4);
NETMAP_FIELD(nmreq, nr_tx_rings, 36, 2);
NETMAP_FIELD(nmreq, nr_rx_rings, 38, 2);
NETMAP_FIELD(nmreq, nr_ringid, 40, 2);
NETMAP_FIELD(nmreq, nr_cmd, 42, 2);
NETMAP_FIELD(nmreq, nr_arg1, 44, 2);
NETMAP_FIELD(nmreq, nr_arg2, 46, 2);
NETMAP_FIELD(nmreq, nr_arg3, 48, 4);
NETMAP_FIELD(nmreq, nr_flags, 52, 4);
NETMAP_FIELD(nmreq, spare, 56, 4);

NETMAP_ASSERT(sizeof(struct netmap_slot) == 16);
NETMAP_FIELD(netmap_slot, buf_idx, 0, 4);
NETMAP_FIELD(netmap_slot, len, 4, 2);
NETMAP_FIELD(netmap_slot, flags, 6, 2);
NETMAP_FIELD(netmap_slot, ptr, 8, 8);

NETMAP_ASSERT(sizeof(struct netmap_ring) == 256);
NETMAP_FIELD(netmap_ring, buf_ofs, 0, 8);
NETMAP_FIELD(netmap_ring, num_slots, 8, 4);
NETMAP_FIELD(netmap_ring, nr_buf_size, 12, 4);
NETMAP_FIELD(netmap_ring, ringid, 16, 2);
NETMAP_FIELD(netmap_ring, dir, 18, 2);
NETMAP_FIELD(netmap_ring, head, 20, 4);
NETMAP_FIELD(netmap_ring, cur, 24, 4);
NETMAP_FIELD(netmap_ring, tail, 28, 4);
NETMAP_FIELD(netmap_ring, flags, 32, 4);
NETMAP_FIELD(netmap_ring, ts, 40, 16);
NETMAP_FIELD(netmap_ring, offset_mask, 56, 8);
NETMAP_FIELD(netmap_ring, buf_align, 64, 8);
NETMAP_FIELD(netmap_ring, sem, 128, 128);

NETMAP_ASSERT(sizeof(struct netmap_if) == 56);
NETMAP_FIELD(netmap_if, ni_name, 0, 16);
NETMAP_FIELD(netmap_if, ni_version, 16, 4);
NETMAP_FIELD(netmap_if, ni_flags, 20, 4);
NETMAP_FIELD(netmap_if, ni_tx_rings, 24, 4);
NETMAP_FIELD(netmap_if, ni_rx_rings, 28, 4);
NETMAP_FIELD(netmap_if, ni_bufs_head, 32, 4);
NETMAP_FIELD(netmap_if, ni_host_tx_rings, 36, 4);
NETMAP_FIELD(netmap_if, ni_host_rx_rings, 40, 4);

/* Where the slots of a ring and the ring offsets of an interface start. */
static inline struct netmap_slot *netmap_ring_slots(const struct netmap_ring *ring) {
  return (struct netmap_slot *)((uintptr_t)ring + sizeof(struct netmap_ring));
}

static inline int64_t *netmap_if_ring_offsets(const struct netmap_if *interface_) {
  return (int64_t *)((uintptr_t)interface_ + sizeof(struct netmap_if));
}

/* The address of a buffer, from the ring whose slot names it. */
static inline char *netmap_buffer(const struct netmap_ring *ring, uint32_t index) {
  return (char *)((uintptr_t)ring + (uintptr_t)ring->buf_ofs + (uintptr_t)index * ring->nr_buf_size);
}

/* The ring `position` of the table behind a netmap_if. */
static inline struct netmap_ring *netmap_if_ring(const struct netmap_if *interface_, uint32_t position) {
  return (struct netmap_ring *)((uintptr_t)interface_ +
                                (uintptr_t)netmap_if_ring_offsets(interface_)[position]);
}

#ifdef __cplusplus
}
#endif
#endif
