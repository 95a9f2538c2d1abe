/*
 * Memory regions: what programs map. A region is a file with three pools (interfaces, rings,
 * buffers), and a second file, for this library only, with the owner of each object and the
 * stack of free buffers. The owners are the truth; the stack is made from them when in doubt.
 * All calls but the two that give addresses want the control lock.
 */
#ifndef NETMAP_USERSPACE_MEMORY_H
#define NETMAP_USERSPACE_MEMORY_H

#include "shared.h"

enum { REGION_ID_INTERFACES = 1 };

/* The region with this id, or 0. */
uint32_t region_find(uint32_t id);
/* A new region: for a port that brings its own, with its rings and slots known, or that of interfaces (id 1) for NULL.
 * 0 or errno. */
int region_create(const struct port *port, uint32_t extra_buffers, uint32_t *region);
/* How many pipes a port may have. */
uint32_t pipes_of_port_max(void);
/* Forgets the region if no port uses it. */
void region_release_if_unused(uint32_t region);
/* Maps the region's file for a program. */
void *region_map_for_program(uint32_t region, void *address, size_t length, int protection, int flags,
                             int64_t offset);

/* Where this process has the region mapped; NULL if it can't be mapped. */
char *region_base(uint32_t region);
/* The owner of each buffer of the region, mapped with region_base. */
uint32_t *region_owners(uint32_t region);

/* Objects by their offset in the region; 0 if there is none left (offset 0 is never given). */
uint64_t region_if_allocate(uint32_t region, uint32_t open);
void region_if_free(uint32_t region, uint64_t offset);
uint64_t region_ring_allocate(uint32_t region, uint32_t kring);
void region_ring_free(uint32_t region, uint64_t offset);
uint32_t *region_if_owners(uint32_t region);
uint32_t *region_ring_owners(uint32_t region);

/* Takes up to `count` buffers for `owner`; returns how many. */
uint32_t region_buffers_take(uint32_t region, uint32_t count, uint32_t owner, uint32_t *indices);
void region_buffer_free(uint32_t region, uint32_t index);
/* Gives back all that `owner` still has. */
void region_free_owned(uint32_t region, uint32_t owner);
/* Makes the stack of free buffers anew from the owners. */
void region_rebuild_free(uint32_t region);

static inline bool region_index_valid(const struct region *region, uint32_t index) {
  return index - NETMAP_BUFFERS_RESERVED < region->buffer_total - NETMAP_BUFFERS_RESERVED;
}

void memory_fork_prepare(void);
void memory_fork_done(void);

#endif
