// The kernel as a load balancer: AF_PACKET sockets in a fanout group by the flow, each with a ring of blocks (TPACKET_V3),
// read by one thread that makes the same checks and keeps the same counters as the others. The sockets are the outputs:
// nothing is copied on.
//
//   bench_fanout_peer --interface IFACE [--sockets 4]
//
// SIGUSR1 prints packets and CPU time so far, SIGTERM ends it.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "peer_flow.h"

enum { SOCKETS = 16, BLOCK_BYTES = 256 << 10, BLOCKS = 32, LATENCY_MILLISECONDS = 4 };

struct input {
  int descriptor;
  uint8_t *ring;
  uint32_t next;
  uint64_t packets, bytes, lost;
};

static volatile sig_atomic_t stop, asked;
static uint64_t uncommon, words;

static void on_signal(int number) {
  if (number == SIGUSR1) asked = 1;
  else stop = 1;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void input_open(struct input *input, const char *interface) {
  const int version = TPACKET_V3, group = PACKET_FANOUT_HASH << 16 | (getpid() & 0xffff);
  const struct tpacket_req3 request = {.tp_block_size = BLOCK_BYTES, .tp_block_nr = BLOCKS, .tp_frame_size = 2048,
                                       .tp_frame_nr = BLOCK_BYTES / 2048 * BLOCKS, .tp_retire_blk_tov = LATENCY_MILLISECONDS};
  input->descriptor = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  if (input->descriptor < 0 || setsockopt(input->descriptor, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0) fail("no socket");
  if (setsockopt(input->descriptor, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0) fail("no ring");
  input->ring = mmap(NULL, (size_t)BLOCK_BYTES * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, input->descriptor, 0);
  const struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(interface)};
  if (input->ring == MAP_FAILED || bind(input->descriptor, (const struct sockaddr *)&address, sizeof address) != 0) fail(interface);
  if (setsockopt(input->descriptor, SOL_PACKET, PACKET_FANOUT, &group, sizeof group) != 0) fail("no fanout group");
}

// One block, if the kernel has handed one up.
static int input_receive(struct input *input) {
  struct tpacket_block_desc *block = (struct tpacket_block_desc *)(input->ring + (size_t)input->next * BLOCK_BYTES);
  if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) return 0;
  const struct tpacket3_hdr *packet = (const struct tpacket3_hdr *)((const uint8_t *)block + block->hdr.bh1.offset_to_first_pkt);
  for (uint32_t k = 0; k < block->hdr.bh1.num_pkts; k++) {
    words += peer_flow_word((const uint8_t *)packet + packet->tp_mac, packet->tp_snaplen, 1, 1, &uncommon);
    input->packets++;
    input->bytes += packet->tp_snaplen;
    packet = (const struct tpacket3_hdr *)((const uint8_t *)packet + packet->tp_next_offset);
  }
  __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
  input->next = (input->next + 1) % BLOCKS;
  return 1;
}

static void report(struct input *inputs, uint32_t sockets) {
  uint64_t packets = 0, lost = 0;
  asked = 0;
  for (uint32_t k = 0; k < sockets; k++) {
    struct tpacket_stats_v3 statistics = {0};
    socklen_t size = sizeof statistics;
    // The kernel begins anew with each question.
    if (getsockopt(inputs[k].descriptor, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) == 0) inputs[k].lost += statistics.tp_drops;
    packets += inputs[k].packets;
    lost += inputs[k].lost;
  }
  printf("{\"received\": %llu, \"sent\": %llu, \"dropped\": 0, \"lost\": %llu, \"cpu\": %.0f, \"check\": %llu}\n", (unsigned long long)packets,
         (unsigned long long)packets, (unsigned long long)lost, peer_clock(CLOCK_PROCESS_CPUTIME_ID), (unsigned long long)words);
  fflush(stdout);
}

int main(int count, char **values) {
  static struct input inputs[SOCKETS];
  static struct pollfd polled[SOCKETS];
  const uint32_t sockets = (uint32_t)peer_number(count, values, "--sockets", 4);
  if (sockets == 0 || sockets > SOCKETS) return fprintf(stderr, "--sockets: 1 to %d\n", SOCKETS), 2;
  signal(SIGTERM, on_signal);
  signal(SIGUSR1, on_signal);
  for (uint32_t k = 0; k < sockets; k++) {
    input_open(&inputs[k], peer_option(count, values, "--interface", ""));
    polled[k] = (struct pollfd){inputs[k].descriptor, POLLIN, 0};
  }
  puts("{\"ready\": true}");
  fflush(stdout);
  while (!stop) {
    int taken = 0;
    for (uint32_t k = 0; k < sockets; k++) taken += input_receive(&inputs[k]);
    if (asked) report(inputs, sockets);
    if (taken == 0) poll(polled, sockets, 20);
  }
  return 0;
}
