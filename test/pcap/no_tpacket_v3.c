// A kernel that knows no TPACKET_V3, for those that are started with this in LD_PRELOAD.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

static int asks_for_v3(int level, int name, int wanted, const void *value, socklen_t length) {
  return level == SOL_PACKET && name == wanted && value && length >= sizeof(int) && *(const int *)value == TPACKET_V3;
}

int setsockopt(int descriptor, int level, int name, const void *value, socklen_t length) {
  if (asks_for_v3(level, name, PACKET_VERSION, value, length)) return errno = EINVAL, -1;
  int (*real)(int, int, int, const void *, socklen_t) = dlsym(RTLD_NEXT, "setsockopt");
  return real(descriptor, level, name, value, length);
}

int getsockopt(int descriptor, int level, int name, void *restrict value, socklen_t *restrict length) {
  if (asks_for_v3(level, name, PACKET_HDRLEN, value, *length)) return errno = EINVAL, -1;
  int (*real)(int, int, int, void *, socklen_t *) = dlsym(RTLD_NEXT, "getsockopt");
  return real(descriptor, level, name, value, length);
}
