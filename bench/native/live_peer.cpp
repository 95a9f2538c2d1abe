// The peer of live capture: libpcap, one reader, split by the flow to four pipes that are the engine's own kind, with the
// same checks and counters. What a C programmer writes around pcap_dispatch, no more.
//
//   bench_live_peer --interface IFACE --directory D --pipes NAME,NAME... [--latency 4] [--snap 262144]
//
// SIGUSR1 prints packets and CPU time so far, SIGTERM ends it.
#include <pcap/pcap.h>

#include <csignal>

#include "pipe_ends.h"

extern "C" {
#include "peer.h"
#include "peer_flow.h"
}

namespace {

constexpr int kBatch = 256;
volatile std::sig_atomic_t stop, asked;

void OnSignal(int number) { (number == SIGUSR1 ? asked : stop) = 1; }

struct Output {
  bricks::RingWriter writer;
  std::shared_ptr<bricks::PipeHandle> end;
  uint64_t packets = 0, bytes = 0, full = 0, noReader = 0;
};

struct Split {
  std::vector<Output> outputs;
  uint16_t table[65536];
  uint64_t packets = 0, bytes = 0, uncommon = 0;
};

void Take(u_char* self, const pcap_pkthdr* header, const u_char* packet) {
  Split& split = *reinterpret_cast<Split*>(self);
  split.packets++;
  split.bytes += header->caplen;
  Output& output = split.outputs[split.table[peer_flow_word(packet, header->caplen, 1, 1, &split.uncommon)]];
  uint8_t* to = output.writer.Reserve(header->caplen, header->len, static_cast<uint32_t>(header->ts.tv_sec), static_cast<uint32_t>(header->ts.tv_usec), 1);
  if (to == nullptr) {
    (output.writer.Reader() == 0 ? output.noReader : output.full)++;
    return;
  }
  bricks::CopyPacket(to, packet, header->caplen);
  output.packets++;
  output.bytes += header->caplen;
}

void Report(pcap_t* capture, const Split& split) {
  asked = 0;
  pcap_stat statistics = {};
  pcap_stats(capture, &statistics);
  uint64_t sent = 0, dropped = 0;
  for (const Output& output : split.outputs) {
    sent += output.packets;
    dropped += output.full + output.noReader;
  }
  std::printf("{\"received\": %llu, \"sent\": %llu, \"dropped\": %llu, \"lost\": %u, \"cpu\": %.0f}\n", static_cast<unsigned long long>(split.packets),
              static_cast<unsigned long long>(sent), static_cast<unsigned long long>(dropped), statistics.ps_drop, peer_clock(CLOCK_PROCESS_CPUTIME_ID));
  std::fflush(stdout);
}

pcap_t* Open(const char* interface, int snapLength, int latency) {
  char message[PCAP_ERRBUF_SIZE] = "";
  pcap_t* capture = pcap_create(interface, message);
  if (capture == nullptr) return std::fprintf(stderr, "%s\n", message), nullptr;
  pcap_set_snaplen(capture, snapLength);
  pcap_set_promisc(capture, 1);
  pcap_set_timeout(capture, latency > 0 ? latency : 1);
  pcap_set_immediate_mode(capture, latency == 0);
  pcap_set_buffer_size(capture, 32 << 20);
  pcap_set_tstamp_precision(capture, PCAP_TSTAMP_PRECISION_NANO);
  if (pcap_activate(capture) < 0 || pcap_setnonblock(capture, 1, message) != 0) return pcap_perror(capture, interface), nullptr;
  return capture;
}

}  // namespace

int main(int count, char** values) {
  std::signal(SIGTERM, OnSignal);
  std::signal(SIGUSR1, OnSignal);
  static Split split;
  for (const std::string& name : bench::PipeNames(peer_option(count, values, "--pipes", ""))) {
    split.outputs.emplace_back();
    Output& output = split.outputs.back();
    output.end = bench::OpenEnd(peer_option(count, values, "--directory", ""), name, bricks::PipeRole::kWriter);
    output.writer.Open(output.end->Ring()->mapping, output.end->Ring()->dataSize);
  }
  if (split.outputs.empty()) return std::fputs("--pipes is missing\n", stderr), 2;
  peer_hash hash;
  peer_hash_create(&hash);
  for (uint32_t word = 0; word < 65536; word++) split.table[word] = static_cast<uint16_t>((hash.high[word >> 8] ^ hash.low[word & 255]) % split.outputs.size());
  pcap_t* capture = Open(peer_option(count, values, "--interface", ""), static_cast<int>(peer_number(count, values, "--snap", 262144)),
                         static_cast<int>(peer_number(count, values, "--latency", 4)));
  if (capture == nullptr) return 1;
  std::puts("{\"ready\": true}");
  std::fflush(stdout);
  while (!stop) {
    const int taken = pcap_dispatch(capture, kBatch, Take, reinterpret_cast<u_char*>(&split));
    if (taken < 0) return pcap_perror(capture, "no longer"), 1;
    for (Output& output : split.outputs) {
      if (output.writer.Commit()) bricks::SignalEvent(output.end->Ring()->event.writable);
    }
    if (asked) Report(capture, split);
    if (taken == 0) bench::WaitReadable(pcap_get_selectable_fd(capture), 20);
  }
  pcap_close(capture);
  for (Output& output : split.outputs) bricks::ClosePipe(output.end->id);
  return 0;
}
