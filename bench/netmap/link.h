/* A link of netmap, opened by NIOCCTRL and mapped. */
#ifndef NETMAP_BENCH_LINK_H
#define NETMAP_BENCH_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "../../backends/netmap/native/netmap_abi.h"

struct link {
  int fd;
  char *memory;
  struct netmap_if *interface;
  struct nmreq_register request;
  uint32_t transmit_first, transmit_end; /* bound rings, as places behind the netmap_if */
  uint32_t receive_first, receive_end;
};

enum link_use { LINK_TRANSMIT, LINK_RECEIVE };

/*
 * Opens `eth3`, `eth3-2`, `eth3^`, `eth3*`, `eth3{0`, `eth3}0`, `vale0:a`, each with or without
 * `netmap:` in front, and with `/x` (exclusive) and `@k` (memory id) behind. `slots`: wanted, or 0.
 * Says what is wrong and exits if it can't.
 */
void link_open(struct link *link, const char *name, enum link_use use, uint32_t slots);
void link_close(struct link *link);

static inline struct netmap_ring *link_ring(const struct link *link, uint32_t place) {
  return netmap_if_ring(link->interface, place);
}

static inline uint32_t ring_available(const struct netmap_ring *ring) {
  uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
  return tail >= ring->cur ? tail - ring->cur : tail + ring->num_slots - ring->cur;
}

uint64_t clock_ns(void);
/* A whole number of an option, or exits. */
uint64_t number_option(const char *option, const char *text);

#endif
