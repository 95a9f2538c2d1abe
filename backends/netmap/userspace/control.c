#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recovery.h"
#include "system.h"

struct control *control;

static char directory[PATH_SIZE - 64];
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static __thread int cancel_state;
static __thread sigset_t signals_before;

/* The directory is this user's alone: what stands in it is trusted. */
static int directory_open(void) {
  const char *asked = getenv("NETMAP_USERSPACE_DIR");
  int length;
  if (asked != NULL && asked[0] != '\0') {
    length = snprintf(directory, sizeof directory, "%s", asked);
  } else {
    length = snprintf(directory, sizeof directory, "/dev/shm/netmap-userspace-%u", (unsigned)geteuid());
  }
  if (length < 0 || (size_t)length >= sizeof directory) return ENAMETOOLONG;
  if (mkdir(directory, 0700) != 0 && errno != EEXIST) return errno;
  struct stat status;
  if (lstat(directory, &status) != 0) return errno;
  if (!S_ISDIR(status.st_mode)) return ENOTDIR;
  if (status.st_uid != geteuid() || (status.st_mode & 077) != 0) return EACCES;
  return 0;
}

void control_path(char *path, size_t size, const char *kind, uint32_t number) {
  snprintf(path, size, "%s/%s-%u", directory, kind, number);
}

void shared_mutex_initialise(pthread_mutex_t *mutex) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
}

static int control_map(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) return errno;
  if (status.st_uid != geteuid() || !S_ISREG(status.st_mode)) return EACCES;
  if ((size_t)status.st_size < sizeof(struct control) && ftruncate(fd, sizeof(struct control)) != 0) return errno;
  struct control *mapped =
      system_mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (mapped == MAP_FAILED) return errno;
  if (mapped->magic != CONTROL_MAGIC) {
    /* New, or its maker died before it was ready: nobody can have used it. */
    memset(mapped, 0, offsetof(struct control, regions));
    shared_mutex_initialise(&mapped->lock);
    mapped->version = CONTROL_VERSION;
    mapped->size = sizeof(struct control);
    mapped->holder_next = mapped->generation_next = 1;
    mapped->region_id_next = 2; /* 1 is that of interfaces */
    store_release(&mapped->magic, CONTROL_MAGIC);
  } else if (mapped->version != CONTROL_VERSION || mapped->size != sizeof(struct control)) {
    munmap(mapped, sizeof(struct control));
    return EPROTO;
  }
  store_release(&control, mapped);
  return 0;
}

int control_open(void) {
  if (load_acquire(&control) != NULL) return 0;
  pthread_mutex_lock(&open_lock);
  int error = 0;
  if (control == NULL && (error = directory_open()) == 0) {
    char path[PATH_SIZE];
    control_path(path, sizeof path, "control", CONTROL_VERSION);
    int fd = system_open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
      error = errno;
    } else {
      while (flock(fd, LOCK_EX) != 0 && errno == EINTR) {
      }
      error = control_map(fd);
      flock(fd, LOCK_UN); /* the mapping would keep it */
      system_close(fd);
    }
  }
  pthread_mutex_unlock(&open_lock);
  return error;
}

void control_fork_prepare(void) { pthread_mutex_lock(&open_lock); }
void control_fork_done(void) { pthread_mutex_unlock(&open_lock); }

bool shared_lock(pthread_mutex_t *mutex, bool *mine) {
  int result = pthread_mutex_lock(mutex);
  *mine = result == 0 || result == EOWNERDEAD;
  if (result == EOWNERDEAD) {
    pthread_mutex_consistent(mutex);
    __atomic_fetch_add(&control->recoveries, 1, __ATOMIC_RELAXED);
    return true;
  }
  return false;
}

void control_lock(void) {
  /* Neither a cancelled thread nor a signal handler that opens or closes ports, or ends the
   * process, may find this half done. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
  bool mine;
  if (shared_lock(&control->lock, &mine)) recovery_recompute();
  if (!mine) abort(); /* it is never taken twice */
  signals_before = before;
}

void control_unlock(void) {
  sigset_t before = signals_before;
  pthread_mutex_unlock(&control->lock);
  pthread_setcancelstate(cancel_state, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}
