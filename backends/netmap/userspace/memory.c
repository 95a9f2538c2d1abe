#define _GNU_SOURCE
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control.h"
#include "system.h"

/* As the kernel's module has them unless told otherwise. What would not fit there shall not fit here,
 * although shared memory is sparse: pages cost nothing until an object in them is handed out. */
enum {
  INTERFACES_IF_NUM = 100,
  INTERFACES_RING_NUM = 200,
  INTERFACES_BUF_NUM = 163840,
  INTERFACES_RING_SIZE = 36864,
  /* A port's own memory is made for two pipes, with as much again in reserve. */
  OWN_PIPES = 2,
  OWN_BUF_NUM_LEAST = 4098,
  OWN_RING_SIZE_LEAST = 20480,
  IFS_IN_PAGE = 4
};

struct mapping {
  uint32_t generation;
  char *base;
  uint32_t *owners;
  size_t size, owners_size;
};

static struct mapping mappings[REGIONS_MAX];
static pthread_mutex_t mapping_lock = PTHREAD_MUTEX_INITIALIZER;

void memory_fork_prepare(void) { pthread_mutex_lock(&mapping_lock); }
void memory_fork_done(void) { pthread_mutex_unlock(&mapping_lock); }

static uint32_t setting(const char *name, uint32_t otherwise, uint32_t lowest, uint32_t highest) {
  const char *text = getenv(name);
  if (text == NULL || text[0] == '\0') return otherwise;
  unsigned long value = strtoul(text, NULL, 10);
  return value < lowest ? lowest : value > highest ? highest : (uint32_t)value;
}

/* The owners' file: one word for each buffer, ring and interface, then the free stack. */
static size_t owners_size(const struct region *r) {
  return sizeof(uint32_t) * (2 * (size_t)r->buffer_total + r->ring_total + r->if_total);
}

uint32_t *region_owners(uint32_t region) { return region_base(region) ? mappings[region].owners : NULL; }

uint32_t *region_ring_owners(uint32_t region) {
  return region_owners(region) + control->regions[region].buffer_total;
}

uint32_t *region_if_owners(uint32_t region) {
  return region_ring_owners(region) + control->regions[region].ring_total;
}

static uint32_t *region_free_stack(uint32_t region) {
  return region_if_owners(region) + control->regions[region].if_total;
}

static int region_file_open(const char *kind, uint32_t generation, int flags) {
  char path[PATH_SIZE];
  control_path(path, sizeof path, kind, generation);
  return system_open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
}

static void region_files_unlink(uint32_t generation) {
  char path[PATH_SIZE];
  control_path(path, sizeof path, "memory", generation);
  unlink(path);
  control_path(path, sizeof path, "owners", generation);
  unlink(path);
}

static void *map_file(const char *kind, uint32_t generation, size_t size) {
  int fd = region_file_open(kind, generation, 0);
  if (fd < 0) return NULL;
  void *base = system_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  system_close(fd);
  return base == MAP_FAILED ? NULL : base;
}

static char *region_map(uint32_t region) {
  struct mapping *m = &mappings[region];
  const struct region *r = &control->regions[region];
  pthread_mutex_lock(&mapping_lock);
  uint32_t generation = load_acquire(&r->generation);
  if (m->generation != generation || m->base == NULL) {
    /* An older region stood in this place: no port of this process can be in it any more. */
    store_release(&m->generation, 0);
    if (m->base != NULL) {
      munmap(m->base, m->size);
      munmap(m->owners, m->owners_size);
      m->base = NULL;
    }
    char *base = map_file("memory", generation, r->size);
    uint32_t *owners = base == NULL ? NULL : map_file("owners", generation, owners_size(r));
    if (owners == NULL) {
      if (base != NULL) munmap(base, r->size);
    } else {
      m->size = r->size;
      m->owners_size = owners_size(r);
      m->owners = owners;
      m->base = base;
      store_release(&m->generation, generation);
    }
  }
  char *base = m->base;
  pthread_mutex_unlock(&mapping_lock);
  return base;
}

char *region_base(uint32_t region) {
  struct mapping *m = &mappings[region];
  if (__builtin_expect(load_acquire(&m->generation) == load_relaxed(&control->regions[region].generation), 1) &&
      m->base != NULL) {
    return m->base;
  }
  return region_map(region);
}

void *region_map_for_program(uint32_t region, void *address, size_t length, int protection, int flags,
                             int64_t offset) {
  const struct region *r = &control->regions[region];
  if (offset < 0 || length == 0 || (uint64_t)offset + length > ((r->size + 4095) & ~4095ULL)) {
    errno = EINVAL;
    return MAP_FAILED;
  }
  int fd = region_file_open("memory", r->generation, 0);
  if (fd < 0) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  void *base = system_mmap(address, length, protection, flags, fd, offset);
  int error = errno;
  system_close(fd);
  errno = error;
  return base;
}

uint32_t region_find(uint32_t id) {
  for (uint32_t i = 1; i < REGIONS_MAX; i++) {
    if (control->regions[i].used && control->regions[i].id == id) return i;
  }
  return 0;
}

static int region_files_create(const struct region *r) {
  int memory = region_file_open("memory", r->generation, O_CREAT | O_EXCL);
  if (memory < 0) return errno;
  int owners = region_file_open("owners", r->generation, O_CREAT | O_EXCL);
  int error = 0;
  if (owners < 0) {
    error = errno;
  } else if (ftruncate(memory, (off_t)r->size) != 0 || ftruncate(owners, (off_t)owners_size(r)) != 0) {
    error = errno;
  } else if (fallocate(owners, 0, 0, (off_t)owners_size(r)) != 0 && errno != EOPNOTSUPP) {
    error = ENOMEM;
  }
  system_close(memory);
  if (owners >= 0) system_close(owners);
  return error;
}

/* What the kernel takes for a port with memory of its own, by the port's shape. */
static void own_pools(struct region *r, const struct port *port, uint32_t extra_buffers) {
  uint32_t transmit = port->rings[TRANSMIT] + 1, receive = port->rings[RECEIVE] + 1; /* host rings, if there were any */
  uint32_t slots = port->slots[TRANSMIT] > port->slots[RECEIVE] ? port->slots[TRANSMIT] : port->slots[RECEIVE];
  uint32_t ring_size = (uint32_t)(sizeof(struct netmap_ring) + slots * sizeof(struct netmap_slot));
  r->if_total = 2 + 4 * OWN_PIPES;
  r->ring_total = transmit + receive + 8 * OWN_PIPES;
  r->buffer_total = (4 * OWN_PIPES + receive) * port->slots[RECEIVE] + (4 * OWN_PIPES + transmit) * port->slots[TRANSMIT] +
                    NETMAP_BUFFERS_RESERVED + extra_buffers;
  if (r->buffer_total < OWN_BUF_NUM_LEAST) r->buffer_total = OWN_BUF_NUM_LEAST;
  r->ring_size = ring_size > OWN_RING_SIZE_LEAST ? ring_size : OWN_RING_SIZE_LEAST;
}

static void pools_set(struct region *r, const struct port *port, uint32_t extra_buffers) {
  r->if_total = INTERFACES_IF_NUM;
  r->ring_total = INTERFACES_RING_NUM;
  r->buffer_total = INTERFACES_BUF_NUM;
  r->ring_size = INTERFACES_RING_SIZE;
  if (port != NULL) own_pools(r, port, extra_buffers);
  /* Whole pages of them, and one that is never given: offset 0 means none. */
  uint32_t ifs = (r->if_total + IFS_IN_PAGE - 1) / IFS_IN_PAGE * IFS_IN_PAGE + 1;
  r->if_total = setting("NETMAP_USERSPACE_IF_NUM", ifs, 1, 65536);
  r->ring_total = setting("NETMAP_USERSPACE_RING_NUM", r->ring_total, 2, 65536);
  r->buffer_total = setting("NETMAP_USERSPACE_BUF_NUM", r->buffer_total, 4, 8388608);
  r->ring_size = (setting("NETMAP_USERSPACE_RING_SIZE", r->ring_size, 4096, 1 << 20) + 4095u) & ~4095u;
}

uint32_t pipes_of_port_max(void) { return setting("NETMAP_USERSPACE_MAX_PIPES", PIPES_OF_PORT_MAX, 1, PORTS_MAX); }

int region_create(const struct port *port, uint32_t extra_buffers, uint32_t *region) {
  uint32_t index = 1;
  while (index < REGIONS_MAX && control->regions[index].used) index++;
  if (index == REGIONS_MAX) return ENOMEM;
  struct region *r = &control->regions[index];
  uint32_t id = REGION_ID_INTERFACES;
  if (port != NULL) {
    do {
      id = control->region_id_next++ & 0xffff;
    } while (id <= REGION_ID_INTERFACES || region_find(id) != 0);
  }
  r->id = id;
  r->ports = 0;
  pools_set(r, port, extra_buffers);
  r->ring_start = ((uint64_t)r->if_total * IF_SIZE + 4095) & ~4095ULL;
  r->buffer_start = r->ring_start + (uint64_t)r->ring_total * r->ring_size;
  r->size = (r->buffer_start + (uint64_t)r->buffer_total * BUFFER_SIZE + 4095) & ~4095ULL;
  uint32_t generation = control->generation_next++;
  store_release(&r->generation, generation);
  int error = region_files_create(r);
  if (error == 0 && region_base(index) == NULL) error = ENOMEM;
  if (error != 0) {
    region_files_unlink(generation);
    return error;
  }
  r->used = 1;
  region_rebuild_free(index);
  *region = index;
  return 0;
}

void region_release_if_unused(uint32_t region) {
  struct region *r = &control->regions[region];
  if (!r->used || r->ports != 0) return;
  r->used = 0;
  region_files_unlink(r->generation);
}

/* Takes the pages now, so that a full file system is ENOMEM here and not SIGBUS later. */
static bool region_commit(uint32_t region, uint64_t start, uint64_t length) {
  int fd = region_file_open("memory", control->regions[region].generation, 0);
  if (fd < 0) return false;
  int result = fallocate(fd, 0, (off_t)start, (off_t)length);
  bool done = result == 0 || errno == EOPNOTSUPP;
  system_close(fd);
  return done;
}

static uint32_t table_take(uint32_t *owners, uint32_t total, uint32_t owner) {
  for (uint32_t i = 0; i < total; i++) {
    if (owners[i] == 0) {
      owners[i] = owner;
      return i;
    }
  }
  return total;
}

uint64_t region_if_allocate(uint32_t region, uint32_t open) {
  struct region *r = &control->regions[region];
  /* Object 0 stays unused: offset 0 means none. */
  uint32_t *owners = region_if_owners(region);
  uint32_t index = 1 + table_take(owners + 1, r->if_total - 1, open);
  if (index >= r->if_total) return 0;
  uint64_t offset = (uint64_t)index * IF_SIZE;
  if (!region_commit(region, offset, IF_SIZE)) {
    owners[index] = 0;
    return 0;
  }
  memset(region_base(region) + offset, 0, IF_SIZE);
  return offset;
}

void region_if_free(uint32_t region, uint64_t offset) {
  if (offset != 0) region_if_owners(region)[offset / IF_SIZE] = 0;
}

uint64_t region_ring_allocate(uint32_t region, uint32_t kring) {
  struct region *r = &control->regions[region];
  uint32_t *owners = region_ring_owners(region);
  uint32_t index = table_take(owners, r->ring_total, kring);
  if (index == r->ring_total) return 0;
  uint64_t offset = r->ring_start + (uint64_t)index * r->ring_size;
  uint64_t used = sizeof(struct netmap_ring) + (uint64_t)control->krings[kring].slots * sizeof(struct netmap_slot);
  if (used > r->ring_size || !region_commit(region, offset, used)) {
    owners[index] = 0;
    return 0;
  }
  memset(region_base(region) + offset, 0, used);
  return offset;
}

void region_ring_free(uint32_t region, uint64_t offset) {
  const struct region *r = &control->regions[region];
  if (offset != 0) region_ring_owners(region)[(offset - r->ring_start) / r->ring_size] = 0;
}

uint32_t region_buffers_take(uint32_t region, uint32_t count, uint32_t owner, uint32_t *indices) {
  struct region *r = &control->regions[region];
  uint32_t *stack = region_free_stack(region);
  uint32_t *owners = region_owners(region);
  uint32_t taken = 0;
  while (taken < count && r->buffers_free > 0) {
    /* A run of neighbours at a time, so that one call commits their pages. */
    uint32_t first = stack[r->buffers_free - 1], run = 1;
    while (taken + run < count && run < r->buffers_free && stack[r->buffers_free - 1 - run] == first + run) run++;
    if (!region_commit(region, r->buffer_start + (uint64_t)first * BUFFER_SIZE, (uint64_t)run * BUFFER_SIZE)) break;
    for (uint32_t i = 0; i < run; i++) {
      owners[first + i] = owner;
      indices[taken++] = first + i;
    }
    r->buffers_free -= run;
  }
  return taken;
}

void region_buffer_free(uint32_t region, uint32_t index) {
  struct region *r = &control->regions[region];
  uint32_t *owners = region_owners(region);
  if (!region_index_valid(r, index) || owners[index] == OWNER_FREE) return;
  owners[index] = OWNER_FREE;
  region_free_stack(region)[r->buffers_free++] = index;
}

void region_free_owned(uint32_t region, uint32_t owner) {
  const struct region *r = &control->regions[region];
  const uint32_t *owners = region_owners(region);
  if (owners == NULL) return;
  for (uint32_t i = r->buffer_total; i-- > NETMAP_BUFFERS_RESERVED;) {
    if (owners[i] == owner) region_buffer_free(region, i);
  }
}

void region_rebuild_free(uint32_t region) {
  struct region *r = &control->regions[region];
  const uint32_t *owners = region_owners(region);
  uint32_t *stack = region_free_stack(region);
  if (owners == NULL) return;
  uint32_t count = 0;
  for (uint32_t i = r->buffer_total; i-- > NETMAP_BUFFERS_RESERVED;) {
    if (owners[i] == OWNER_FREE) stack[count++] = i;
  }
  r->buffers_free = count;
}
