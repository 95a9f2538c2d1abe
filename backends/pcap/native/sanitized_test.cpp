// Runs the parts that know nothing of Node under the sanitizers:
//     bricks_pcap_test                 filters and list checks over random bytes
//     bricks_pcap_test SENDER CAPTOR   and frames from one interface to another (a veth pair with an MTU of 9000, as root)
// Ends with 0 and a line for each part, or with what went wrong.
#include <poll.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "capture.h"
#include "filter_program.h"
#include "list_sender.h"
#ifdef __linux__
#include "ring_blocks_test.h"
#include "test_columns.h"
#endif

namespace {

using namespace bricks;

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "failed: %s\n", what);
  std::exit(1);
}

// Packets in blocks of exactly their length, so that a read behind the end is seen.
void FilterRandomBytes(std::mt19937& random) {
  const char* expressions[] = {"tcp port 80", "ip6 and udp", "vlan and ip", "mpls or pppoes and tcp", "ether[100] = 3",
                               "ip[ip[0] & 15] = 7", "len > 60", "tcp[tcpflags] & tcp-syn != 0", "ip6 protochain 6"};
  const uint32_t linkTypes[] = {1, 101, 113, 127};
  uint64_t matches = 0;
  for (const uint32_t linkType : linkTypes) {
    for (const char* expression : expressions) {
      FilterRules rules;
      try {
        rules.expression.Compile(expression, linkType, 262144);
        rules.accept.Compile("len = 33", linkType, 262144);
      } catch (const std::runtime_error&) {
        continue;  // not every expression exists for every link type
      }
      for (int i = 0; i < 2000; i++) {
        const uint32_t length = random() % 120;
        std::vector<uint8_t> packet(length);
        for (uint8_t& byte : packet) byte = static_cast<uint8_t>(random());
        if (length > 14 && (i & 1)) std::memcpy(&packet[12], i & 2 ? "\x08\x00" : "\x81\x00", 2);
        matches += rules.Passes(packet.data(), length, length + random() % 10);
      }
    }
  }
  bool refused = false;
  try {
    FilterProgram().Compile("tcp prot 80", 1, 100);
  } catch (const std::runtime_error& error) {
    refused = std::strstr(error.what(), "syntax error") != nullptr;
  }
  Require(refused, "a wrong expression is refused");
  std::printf("filters: %llu matches\n", static_cast<unsigned long long>(matches));
}

// Takes what it is told to take, and refuses the rest as it is told to.
class Scripted final : public InterfaceSender {
 public:
  explicit Scripted(std::mt19937& random) : random_(random) {}
  uint32_t Send(struct iovec*, uint32_t count, int* error) override {
    const int errors[] = {EMSGSIZE, EINVAL, ENOBUFS, EAGAIN, ENETDOWN, ENXIO, EIO};
    const uint32_t taken = random_() % (count + 1);
    *error = errors[random_() % 7];
    return taken;
  }
  uint32_t LinkType() const override { return kLinkTypeEthernet; }
  bool Revive() override { return true; }

 private:
  std::mt19937& random_;
};

void ConserveRandomLists(std::mt19937& random) {
  uint64_t record[kLinkRecord] = {0};
  ListSender sender(std::make_unique<Scripted>(random), record);
  const TestColumns columns(64);
  std::vector<uint8_t> memory(4096);
  uint64_t given = 0;
  for (int round = 0; round < 20000; round++) {
    for (uint32_t row = 0; row < 64; row++) {
      columns.offset[row] = random() % 4200;  // some lie outside
      columns.length[row] = random() % 200;
    }
    SentBatch batch = {columns, memory.data(), memory.size(), random() % 20 == 0 ? kLinkTypeRaw : kLinkTypeEthernet};
    uint32_t count = random() % 64;
    const uint32_t step = random() % 3;
    std::vector<uint16_t> places(size_t{count} << step);
    const ListRows rows = {places.data(), step};
    for (uint32_t k = 0; k < count; k++) rows[k] = static_cast<uint16_t>(random() % 66);
    given += count;
    const bool wait = random() % 2 == 0;
    sender.Send(batch, rows, &count, wait);
    if (wait && count > 0) sender.Send(batch, rows, &count, false);
    Require(count == 0, "a list that may not wait is empty afterwards");
  }
  uint64_t counted = 0;
  for (uint32_t slot = 0; slot < kLinkRecord; slot++) counted += slot == kLinkBytes ? 0 : record[slot];
  Require(counted == given, "every row is counted once");
  std::printf("lists: %llu rows\n", static_cast<unsigned long long>(given));
}

void SendAndCapture(std::mt19937& random, const char* from, const char* to, bool receiveRing) {
  constexpr uint32_t kRows = 128;
  CaptureSettings settings;
  settings.device = to;
  settings.bufferBytes = 8 << 20;
  settings.latencyMilliseconds = 1;
  settings.direction = "in";
  settings.filter = "ether proto 0x88b5";  // for local experiments: whatever else the system sends is left out
  settings.receiveRing = receiveRing;
  const std::unique_ptr<Capture> opened = OpenCapture(settings);
  Capture& capture = *opened;
  const std::shared_ptr<CaptureMemory> own = capture.Memory();
  Require((own != nullptr) == receiveRing, "the capture that was asked for");
  const TestColumns columns(kRows);
  std::vector<uint8_t> area(own ? 0 : static_cast<size_t>(capture.SnapLength()) + 8192);
  uint8_t* const memory = own ? own->base : area.data();
  const size_t memoryBytes = own ? own->bytes : area.size();
  const CaptureRows rows = {columns, memory, static_cast<uint32_t>(memoryBytes), true};
  SenderSettings sending;
  sending.device = from;
  uint64_t record[kLinkRecord] = {0};
  ListSender sender(OpenSender(sending), record);
  std::multiset<std::string> sent;
  uint64_t captured = 0;
  for (int round = 0; round < 50; round++) {
    const TestColumns toSend(100);
    std::vector<uint8_t> bytesToSend;
    std::vector<uint16_t> list;
    for (uint16_t row = 0; row < 100; row++) {
      const uint32_t bytes = row == 50 ? 10000 : row % 10 == 3 ? 4000 + random() % 5000 : 14 + random() % 1500;  // one too long in the middle
      toSend.offset[row] = static_cast<uint32_t>(bytesToSend.size());
      toSend.length[row] = bytes;
      std::string frame(bytes, '\0');
      for (char& byte : frame) byte = static_cast<char>(random());
      frame.replace(0, 6, "\xff\xff\xff\xff\xff\xff");
      frame.replace(12, 2, "\x88\xb5");
      bytesToSend.insert(bytesToSend.end(), frame.begin(), frame.end());
      if (row != 50) sent.insert(frame);
      list.push_back(row);
    }
    const SentBatch batch = {toSend, bytesToSend.data(), bytesToSend.size(), kLinkTypeEthernet};
    uint32_t count = 100;
    sender.Send(batch, {list.data()}, &count, false);
    struct pollfd ready = {capture.Descriptor(), POLLIN, 0};
    for (int idle = 0; idle < 3;) {
      const int filled = capture.Fill(rows);
      Require(filled >= 0, capture.Error().c_str());
      for (int row = 0; row < filled; row++) {
        const std::string frame(reinterpret_cast<char*>(memory + columns.offset[row]), columns.length[row]);
        const auto found = sent.find(frame);
        Require(found != sent.end(), "what is captured was sent");
        sent.erase(found);
        captured++;
      }
      if (filled == 0 && poll(&ready, 1, 5) == 0) idle++;
    }
  }
  Require(record[kLinkPackets] == 4950 && record[kDropTooLong] == 50, "sent and too long are counted");
  Require(captured == 4950 && sent.empty(), "everything sent is captured");
  std::printf("frames: %llu, lost by the kernel: %u\n", static_cast<unsigned long long>(captured), capture.TakeDrops());
}

}  // namespace

int main(int argc, char** argv) {
  std::mt19937 random(1);
  FilterRandomBytes(random);
  ConserveRandomLists(random);
#ifdef __linux__
  ReadRandomBlocks(random);
#endif
  if (argc > 2) {
    SendAndCapture(random, argv[1], argv[2], false);
    SendAndCapture(random, argv[1], argv[2], true);
  }
  return 0;
}
