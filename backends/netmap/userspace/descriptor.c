#define _GNU_SOURCE
#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binding.h"
#include "control.h"
#include "interface.h"
#include "system.h"
#include "waiting.h"

enum { DESCRIPTORS_MAX = 1 << 20 };

/* Generation and number of the open behind each descriptor; untouched pages cost nothing. */
static uint64_t table[DESCRIPTORS_MAX];
/* Read with acquire: who finds nobody left may use the open anew, after all that they did with it. */
static uint32_t local_count[OPENS_MAX];
static int highest = -1;
static uint32_t count;
static uint32_t holder;
static pid_t process; /* whose table this is: between vfork and exec a child runs in it */

bool descriptors_ours(void) {
  pid_t ours = load_relaxed(&process);
  return ours == 0 || ours == getpid();
}

static void table_set(int fd, uint32_t open) {
  uint64_t entry = (uint64_t)control->opens[open].generation << 32 | open;
  store_release(&table[fd], entry);
  __atomic_fetch_add(&local_count[open], 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&count, 1, __ATOMIC_RELEASE);
  int seen = load_relaxed(&highest);
  while (fd > seen && !__atomic_compare_exchange_n(&highest, &seen, fd, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
  }
}

bool descriptors_any(void) { return load_acquire(&count) != 0; }

int descriptors_highest(void) { return load_acquire(&highest); }

uint32_t descriptor_find(int fd) {
  if ((unsigned)fd >= DESCRIPTORS_MAX || load_relaxed(&count) == 0) return 0;
  uint64_t entry = load_acquire(&table[fd]);
  if (entry == 0) return 0;
  uint32_t open = (uint32_t)entry;
  return control->opens[open].generation == entry >> 32 ? open : 0;
}

static int fifo_open(uint32_t open, int flags) {
  char path[PATH_SIZE];
  control_path(path, sizeof path, "open", open);
  return system_open(path, flags | O_NONBLOCK | O_NOFOLLOW, 0);
}

uint32_t descriptor_find_inherited(int fd) {
  uint32_t known = descriptor_find(fd);
  struct stat status, candidate;
  if (known != 0 || (unsigned)fd >= DESCRIPTORS_MAX) return known;
  if (fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode) || control_open() != 0) return 0;
  control_lock();
  for (uint32_t i = 1; i <= control->opens_top && known == 0; i++) {
    char path[PATH_SIZE];
    if (control->opens[i].state == OPEN_FREE) continue;
    control_path(path, sizeof path, "open", i);
    if (stat(path, &candidate) != 0 || candidate.st_ino != status.st_ino || candidate.st_dev != status.st_dev) continue;
    known = i;
  }
  if (known != 0) {
    table_set(fd, known);
    interface_open(known);
  }
  control_unlock();
  return known;
}

static bool lock_ask(int fd, int command, short *type) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (system_fcntl(fd, command, &lock) != 0) return false;
  *type = lock.l_type;
  return true;
}

static bool open_alive(uint32_t open) {
  int fd = fifo_open(open, O_RDWR | O_CLOEXEC);
  if (fd < 0) return errno != ENOENT;
  short type = F_WRLCK;
  bool alive = !lock_ask(fd, F_OFD_GETLK, &type) || type != F_UNLCK;
  system_close(fd);
  return alive;
}

static int open_make(uint32_t open, int flags) {
  char path[PATH_SIZE];
  control_path(path, sizeof path, "open", open);
  unlink(path);
  if (mkfifo(path, 0600) != 0) return -1;
  int fd = fifo_open(open, O_RDWR | (flags & O_CLOEXEC));
  short type;
  if (fd >= 0 && fd < DESCRIPTORS_MAX && lock_ask(fd, F_OFD_SETLK, &type)) return fd;
  int error = fd >= 0 ? EMFILE : errno;
  if (fd >= 0) system_close(fd);
  unlink(path);
  errno = error;
  return -1;
}

static uint32_t open_unused(void) {
  for (uint32_t i = 1; i < OPENS_MAX; i++) {
    if (control->opens[i].state == OPEN_FREE) return i;
  }
  return 0;
}

int descriptor_open(int flags) {
  int error = control_open();
  if (error != 0) {
    errno = error;
    return -1;
  }
  if ((flags & O_ACCMODE) != O_RDWR) {
    errno = EACCES;
    return -1;
  }
  store_relaxed(&process, getpid());
  control_lock();
  uint32_t open = open_unused();
  if (open == 0) {
    opens_sweep(true);
    open = open_unused();
  }
  int fd = -1;
  errno = ENFILE;
  if (open != 0 && (fd = open_make(open, flags)) >= 0) {
    struct open_device *o = &control->opens[open];
    if (holder == 0) holder = control->holder_next++ & ~OWNER_OF_KRING;
    memset(o, 0, sizeof *o);
    o->generation = control->generation_next++;
    o->pid = (int32_t)getpid();
    o->holder = holder;
    if (open > control->opens_top) store_relaxed(&control->opens_top, open);
    table_set(fd, open);
    store_release(&o->state, OPEN_UNBOUND);
  }
  error = errno;
  control_unlock();
  errno = error;
  return fd;
}

void descriptor_copied(int from, int to) {
  uint32_t open = descriptor_find(from);
  if (open != 0 && (unsigned)to < DESCRIPTORS_MAX && descriptors_ours()) table_set(to, open);
}

uint32_t descriptor_forget(int fd) {
  uint32_t open = descriptor_find(fd);
  if (open == 0 || !descriptors_ours()) return 0;
  waiting_forget(fd);
  store_release(&table[fd], 0);
  __atomic_fetch_sub(&count, 1, __ATOMIC_RELEASE);
  return open;
}

void descriptor_forgotten(uint32_t open) {
  if (open == 0 || __atomic_sub_fetch(&local_count[open], 1, __ATOMIC_ACQ_REL) != 0) return;
  int error = errno;
  control_lock();
  /* Another thread may have swept it up meanwhile, and the next one opened another in its place. */
  if (load_acquire(&local_count[open]) == 0) {
    if (control->opens[open].state == OPEN_BOUND) interface_close(open);
    if (control->opens[open].state != OPEN_FREE && !open_alive(open)) binding_release(&open, 1);
  }
  control_unlock();
  errno = error;
}

int descriptor_close(int fd) {
  uint32_t open = descriptor_forget(fd);
  int result = system_close(fd);
  descriptor_forgotten(open);
  return result;
}

void descriptors_after_fork(void) {
  /* What the child opens from now on is its own; what it inherited it shares with the parent. */
  holder = 0;
  store_relaxed(&process, getpid());
}

void descriptors_at_exit(void) {
  if (load_acquire(&control) == NULL) return;
  for (int fd = 0; fd <= load_acquire(&highest); fd++) {
    if (descriptor_find(fd) != 0) descriptor_close(fd);
  }
}

void open_wake(uint32_t open) {
  /* A byte for each sleeper: who wakes takes one only, so that none takes another's. */
  static const char bytes[16];
  int error = errno;
  uint32_t sleepers = load_relaxed(&control->opens[open].sleepers);
  int fd = fifo_open(open, O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    ssize_t written = write(fd, bytes, sleepers < 1 ? 1 : sleepers > sizeof bytes ? sizeof bytes : sleepers);
    (void)written; /* a full FIFO wakes as well */
    system_close(fd);
  }
  errno = error;
}

void open_sleep_begins(uint32_t open) { __atomic_fetch_add(&control->opens[open].sleepers, 1, __ATOMIC_SEQ_CST); }

void open_sleep_ends(uint32_t open, int fd, bool readable) {
  char bytes[64];
  bool others = __atomic_fetch_sub(&control->opens[open].sleepers, 1, __ATOMIC_SEQ_CST) > 1;
  if (!readable) return;
  int error = errno;
  ssize_t taken = read(fd, bytes, others ? 1 : sizeof bytes);
  (void)taken;
  errno = error;
}

/* Whether the process that opened it has certainly gone, as far as can be told cheaply. */
static bool process_gone(int32_t pid, int32_t *alive_before) {
  if (pid == *alive_before) return false;
  if (kill(pid, 0) != 0 && errno == ESRCH) return true;
  *alive_before = pid;
  return false;
}

static void sweep(bool thorough, uint32_t port) {
  uint32_t dead[OPENS_MAX], dead_count = 0;
  int32_t alive_before = 0;
  int error = errno;
  for (uint32_t i = 1; i <= control->opens_top; i++) {
    const struct open_device *o = &control->opens[i];
    if (o->state == OPEN_FREE || load_acquire(&local_count[i]) != 0 || (port != 0 && o->port != port)) continue;
    if (!thorough && !process_gone(o->pid, &alive_before)) continue;
    if (!open_alive(i)) dead[dead_count++] = i;
  }
  if (dead_count != 0) binding_release(dead, dead_count);
  errno = error;
}

void opens_sweep(bool thorough) { sweep(thorough, 0); }

void opens_sweep_port(uint32_t port) { sweep(true, port); }
