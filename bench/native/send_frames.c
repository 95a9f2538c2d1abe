// Sends frames out of an interface at a rate, or as fast as it goes. Each has its number behind its headers, so
// that a reader can tell how many it has missed.
//
//   bench_send_frames --interface IFACE [--rate PACKETS_A_SECOND] [--milliseconds M] [--length 60] [--flows 10000] [--prepared 4096]
//
// SIGTERM ends it before its time. Prints one line of JSON.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "peer.h"
#include "sequence.h"
#include "traffic.h"

enum { BURST = 64, MOST_PREPARED = 1 << 20, LONGEST = 2048 };

static volatile sig_atomic_t stop;

static void on_signal(int number) {
  (void)number;
  stop = 1;
}

static int open_socket(const char *interface) {
  const int descriptor = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface)};
  if (descriptor < 0 || address.sll_ifindex == 0 || bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0) {
    perror(interface);
    exit(1);
  }
  const int on = 1;
  setsockopt(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
  return descriptor;
}

int main(int count, char **values) {
  const struct bench_traffic traffic = {"ipv4", (uint32_t)peer_number(count, values, "--length", 60),
                                        (uint32_t)peer_number(count, values, "--flows", 10000)};
  const double rate = (double)peer_number(count, values, "--rate", 0);
  const double duration = (double)peer_number(count, values, "--milliseconds", 1000) * 1e6;
  if (traffic.length < SEQUENCE_END || traffic.length > LONGEST) return fprintf(stderr, "--length: %d to %d\n", SEQUENCE_END, LONGEST), 1;
  const int descriptor = open_socket(peer_option(count, values, "--interface", ""));
  signal(SIGTERM, on_signal);
  // Sleeps end when they are over, not 50 microseconds later.
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);

  const uint64_t prepared = peer_number(count, values, "--prepared", 4096);
  if (prepared == 0 || prepared > MOST_PREPARED) return fprintf(stderr, "--prepared: 1 to %d\n", MOST_PREPARED), 1;
  // Whole cache lines.
  const size_t stride = (traffic.length + 63) & ~(size_t)63;
  uint8_t *const frames = (uint8_t *)aligned_alloc(64, prepared * stride);
  if (frames == NULL) return perror("no memory"), 1;
  static uint8_t frame_made[LONGEST];
  for (uint32_t k = 0; k < prepared; k++) {
    bench_packet(frame_made, k, &traffic);
    memcpy(frames + k * stride, frame_made, traffic.length);
  }
  static struct mmsghdr messages[BURST];
  static struct iovec parts[BURST];
  for (uint32_t k = 0; k < BURST; k++) messages[k].msg_hdr = (struct msghdr){.msg_iov = &parts[k], .msg_iovlen = 1};

  uint64_t sent = 0, refused = 0;
  const struct peer_time begin = peer_begin();
  for (double now = begin.wall; !stop && now - begin.wall < duration; now = peer_clock(CLOCK_MONOTONIC)) {
    uint64_t wanted = BURST;
    if (rate > 0) {
      const double due = (now - begin.wall) / 1e9 * rate - (double)sent;
      if (due < 1) {
        const struct timespec pause = {0, 20000};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        continue;
      }
      if (due < BURST) wanted = (uint64_t)due;
    }
    for (uint64_t k = 0; k < wanted; k++) {
      uint8_t *frame = frames + (sent + k) % prepared * stride;
      sequence_write(frame, (uint32_t)(sent + k));
      parts[k] = (struct iovec){frame, traffic.length};
    }
    const int taken = sendmmsg(descriptor, messages, (unsigned)wanted, 0);
    if (taken > 0) sent += (uint64_t)taken;
    else if (errno == ENOBUFS || errno == EAGAIN || errno == EINTR) refused++;
    else return perror("not sent"), 1;
  }
  peer_report(begin, sent, refused);
  return 0;
}
