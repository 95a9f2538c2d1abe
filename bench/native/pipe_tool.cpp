// Programs at the other end of a pipe.
//
//   bench_pipe write --directory D --pipes NAME [--length 60]             as fast as there is room, until SIGTERM
//   bench_pipe read  --directory D --pipes NAME --packets N               counts packets and bytes, and looks at each one's first bytes
//   bench_pipe drain --directory D --pipes NAME,NAME...                   takes all that comes, and keeps account of the frames' numbers
//
// `drain` prints what it has seen at SIGUSR1, and begins anew; it ends at SIGTERM or with its pipes.
#include <csignal>

#include "pipe_ends.h"

extern "C" {
#include "peer.h"
#include "sequence.h"
#include "traffic.h"
}

namespace {

constexpr uint32_t kBatch = 256;
volatile std::sig_atomic_t stop, asked;

uint32_t Load32(const uint8_t* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

void OnSignal(int number) { (number == SIGUSR1 ? asked : stop) = 1; }

int Write(const std::string& directory, const std::string& name, uint32_t length) {
  const bench_traffic traffic = {"ipv4", length, 10000};
  static uint8_t packets[1024][2048];
  for (uint32_t k = 0; k < 1024; k++) bench_packet(packets[k], k, &traffic);
  const auto end = bench::OpenEnd(directory, name, bricks::PipeRole::kWriter);
  bricks::RingWriter writer;
  writer.Open(end->Ring()->mapping, end->Ring()->dataSize);
  std::puts("{\"ready\": true}");
  std::fflush(stdout);
  for (uint32_t number = 0; !stop;) {
    bool full = false;
    for (uint32_t k = 0; k < kBatch && !full; k++) {
      uint8_t* to = writer.Reserve(length, length, 1700000000, number, 1);
      full = to == nullptr;
      if (!full) bricks::CopyPacket(to, packets[number++ & 1023], length);
    }
    if (writer.Commit()) bricks::SignalEvent(end->Ring()->event.writable);
    if (full) bench::Pause(20);
  }
  bricks::ClosePipe(end->id);
  return 0;
}

int Read(const std::string& directory, const std::string& name, uint64_t wanted) {
  const auto end = bench::OpenEnd(directory, name, bricks::PipeRole::kReader);
  bricks::RingReader reader;
  reader.Open(end->Ring()->mapping, end->Ring()->dataSize);
  uint64_t packets = 0, bytes = 0;
  uint32_t first = 0;
  peer_time begin = peer_begin();
  while (packets < wanted && !stop) {
    if (reader.Begin() == 0) {
      if (reader.Ended()) break;
      bricks::DrainEvent(end->Ring()->event.readable);
      if (reader.Arm()) bench::WaitReadable(end->Ring()->event.readable, 1000);
      continue;
    }
    bricks::RingReader::Packet packet;
    uint32_t linkType = UINT32_MAX;
    for (uint32_t k = 0; k < kBatch; k++) {
      reader.FetchAhead();
      if (!reader.Next(&packet, linkType)) break;
      linkType = packet.linkType;
      packets++;
      bytes += packet.length;
      if (packet.length >= 4) first ^= Load32(packet.bytes);
    }
    reader.Release();
  }
  peer_report(begin, packets, bytes + (first & 1));
  bricks::ClosePipe(end->id);
  return 0;
}

struct Seen {
  uint64_t packets = 0;
  uint32_t least = UINT32_MAX, most = 0;
};

void Report(Seen* seen) {
  asked = 0;
  std::printf("{\"packets\": %llu, \"least\": %u, \"most\": %u}\n", static_cast<unsigned long long>(seen->packets), seen->least, seen->most);
  std::fflush(stdout);
  *seen = {};
}

int Drain(const std::string& directory, const std::vector<std::string>& names) {
  std::vector<std::shared_ptr<bricks::PipeHandle>> ends;
  std::vector<bricks::RingReader> readers(names.size());
  for (size_t k = 0; k < names.size(); k++) {
    ends.push_back(bench::OpenEnd(directory, names[k], bricks::PipeRole::kReader));
    readers[k].Open(ends[k]->Ring()->mapping, ends[k]->Ring()->dataSize);
  }
  std::puts("{\"ready\": true}");
  std::fflush(stdout);
  Seen seen;
  while (!stop) {
    size_t ended = 0;
    uint64_t taken = 0;
    for (bricks::RingReader& reader : readers) {
      bricks::RingReader::Packet packet;
      uint32_t number;
      if (reader.Begin() == 0 && reader.Ended()) ended++;
      while (reader.Next(&packet)) {
        taken++;
        if (!sequence_read(packet.bytes, packet.length, &number)) continue;
        seen.packets++;
        if (number < seen.least) seen.least = number;
        if (number > seen.most) seen.most = number;
      }
      reader.Release();
    }
    if (asked && taken == 0) Report(&seen);
    if (ended == readers.size()) break;
    bench::Pause(1000);
  }
  for (const auto& end : ends) bricks::ClosePipe(end->id);
  return 0;
}

}  // namespace

int main(int count, char** values) {
  std::signal(SIGTERM, OnSignal);
  std::signal(SIGUSR1, OnSignal);
  const std::string form = count > 1 ? values[1] : "", directory = peer_option(count, values, "--directory", "");
  const std::vector<std::string> names = bench::PipeNames(peer_option(count, values, "--pipes", ""));
  if (names.empty()) return std::fputs("--pipes is missing\n", stderr), 2;
  if (form == "write") return Write(directory, names[0], static_cast<uint32_t>(peer_number(count, values, "--length", 60)));
  if (form == "read") return Read(directory, names[0], peer_number(count, values, "--packets", 1000000));
  if (form == "drain") return Drain(directory, names);
  return std::fputs("bench_pipe write, read or drain\n", stderr), 2;
}
