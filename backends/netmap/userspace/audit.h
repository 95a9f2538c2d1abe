/* Accounts for every buffer of every region. */
#ifndef NETMAP_USERSPACE_AUDIT_H
#define NETMAP_USERSPACE_AUDIT_H

#include <stdio.h>

#include "shared.h"

struct audit {
  uint32_t regions, opens, ports;
  uint64_t buffers;  /* all but the reserved ones */
  uint64_t free;     /* in the pool */
  uint64_t in_rings; /* in exactly one slot of one ring */
  uint64_t in_lists; /* extra buffers, in the list of a descriptor */
  uint64_t held;     /* a living process has it, in no ring and no list */
  uint64_t doubled;  /* fault: in more than one place */
  uint64_t orphaned; /* fault: owner is dead, or a ring that does not have it */
  uint64_t unowned;  /* fault: in a ring or a list, and free */
  uint64_t stack;    /* fault: free buffers that the pool has lost or has twice */
  uint64_t recoveries;
};

/* Takes back what dead processes held, then counts. Ports should be at rest: a program that is
 * swapping buffers right now shows as doubled and held. Returns 0 or errno. */
int audit_run(struct audit *result);
void audit_print(FILE *out, const struct audit *result);
static inline bool audit_good(const struct audit *a) {
  return a->doubled + a->orphaned + a->unowned + a->stack == 0;
}

#endif
