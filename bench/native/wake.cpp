// How soon what waits is awake: puts one packet on a link after a pause, and looks for it in a pipe until it has come.
//
//   bench_wake (--interface IFACE | --into NAME) --directory D --pipes NAME --times N [--pause MILLISECONDS]
//
// Prints the microseconds of each, -1 for one that has not come within a second.
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pipe_ends.h"

extern "C" {
#include "peer.h"
#include "sequence.h"
#include "traffic.h"
}

namespace {

constexpr uint32_t kLength = 60;
constexpr double kLongest = 1e9;

int OpenInterface(const char* interface) {
  const int descriptor = socket(AF_PACKET, SOCK_RAW, 0);
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  if (descriptor < 0 || address.sll_ifindex == 0 || bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::perror(interface);
    std::exit(1);
  }
  const int on = 1;
  setsockopt(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
  return descriptor;
}

// Whether the packet of this number was among what waits.
bool Arrived(bricks::RingReader* reader, uint32_t wanted) {
  bool found = false;
  bricks::RingReader::Packet packet;
  reader->Begin();
  while (reader->Next(&packet)) {
    uint32_t number;
    found = found || (sequence_read(packet.bytes, packet.length, &number) && number == wanted);
  }
  reader->Release();
  return found;
}

}  // namespace

int main(int count, char** values) {
  const char* interface = peer_option(count, values, "--interface", nullptr);
  const char* into = peer_option(count, values, "--into", "");
  const std::string directory = peer_option(count, values, "--directory", "");
  const uint64_t times = peer_number(count, values, "--times", 100);
  const long pause = static_cast<long>(peer_number(count, values, "--pause", 25)) * 1000;
  const int descriptor = interface == nullptr ? -1 : OpenInterface(interface);
  bricks::RingWriter writer;
  std::shared_ptr<bricks::PipeHandle> source;
  if (interface == nullptr) {
    source = bench::OpenEnd(directory, into, bricks::PipeRole::kWriter);
    writer.Open(source->Ring()->mapping, source->Ring()->dataSize);
  }
  const auto target = bench::OpenEnd(directory, peer_option(count, values, "--pipes", ""), bricks::PipeRole::kReader);
  bricks::RingReader reader;
  reader.Open(target->Ring()->mapping, target->Ring()->dataSize);
  const bench_traffic traffic = {"ipv4", kLength, 1};
  uint8_t frame[2048];
  bench_packet(frame, 0, &traffic);
  std::printf("{\"microseconds\": [");
  for (uint32_t number = 1; number <= times; number++) {
    bench::Pause(pause);
    sequence_write(frame, number);
    const double begin = peer_clock(CLOCK_MONOTONIC);
    if (descriptor >= 0) {
      if (send(descriptor, frame, kLength, 0) < 0) return std::perror("not sent"), 1;
    } else {
      bricks::CopyPacket(writer.Reserve(kLength, kLength, 0, 0, 1), frame, kLength);
      if (writer.Commit()) bricks::SignalEvent(source->Ring()->event.writable);
    }
    double now = begin;
    bool arrived = false;
    while (!arrived && now - begin < kLongest) {
      arrived = Arrived(&reader, number);
      now = peer_clock(CLOCK_MONOTONIC);
    }
    std::printf("%s%.1f", number > 1 ? ", " : "", arrived ? (now - begin) / 1000 : -1);
  }
  std::puts("]}");
  if (source) bricks::ClosePipe(source->id);
  bricks::ClosePipe(target->id);
  return 0;
}
