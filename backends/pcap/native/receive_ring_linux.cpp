// Linux: a packet socket with a ring of blocks (TPACKET_V3) that the kernel shares with us. libpcap makes the same one; but it
// hands out packets in its callback only, while rows point into the blocks here.
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "link_type.h"
#include "receive_ring.h"
#include "ring_blocks.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

namespace bricks {

namespace {

// As libpcap has it: a frame of any length fits into a block.
constexpr uint32_t kBlockBytes = 256 << 10;
constexpr uint32_t kDefaultBufferBytes = 2 << 20;
constexpr int kLongestSnapLength = 262144;

// What libpcap finds out about an interface and makes of a filter.
struct Findings {
  bool suitable = false;
  int snapLength = 0;
  std::vector<sock_filter> program;  // empty: all of everything
};

// A filter for an open interface is not the same as for a file: the kernel keeps VLAN tags apart.
bool CompileFor(pcap_t* handle, const std::string& expression, std::vector<sock_filter>* made) {
  bpf_program program;
  if (pcap_compile(handle, &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) return false;
  for (uint32_t k = 0; k < program.bf_len; k++) {
    const bpf_insn& instruction = program.bf_insns[k];
    made->push_back({instruction.code, instruction.jt, instruction.jf, instruction.k});
  }
  pcap_freecode(&program);
  return made->size() <= BPF_MAXINSNS;
}

// Opens the interface by libpcap for a moment, as small as can be: what libpcap takes for Ethernet, and without a word, is so.
Findings AskLibpcap(const CaptureSettings& settings) {
  Findings findings;
  char message[PCAP_ERRBUF_SIZE] = "";
  pcap_t* const handle = pcap_create(settings.device.c_str(), message);
  if (handle == nullptr) return findings;
  pcap_set_snaplen(handle, settings.snapLength);
  pcap_set_timeout(handle, settings.latencyMilliseconds);
  pcap_set_buffer_size(handle, static_cast<int>(kBlockBytes));
  if (pcap_activate(handle) == 0 && LinkTypeOf(pcap_datalink(handle)) == kLinkTypeEthernet) {
    findings.snapLength = pcap_snapshot(handle);
    if (!settings.filter.empty()) {
      findings.suitable = CompileFor(handle, settings.filter, &findings.program);
    } else {
      if (findings.snapLength < kLongestSnapLength) findings.program.push_back(BPF_STMT(BPF_RET | BPF_K, static_cast<uint32_t>(findings.snapLength)));
      findings.suitable = true;
    }
  }
  pcap_close(handle);
  return findings;
}

struct MappedRing final : CaptureMemory {
  MappedRing(int descriptor, size_t size) {
    void* const mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED) return;
    base = static_cast<uint8_t*>(mapped);
    bytes = size;
  }
  ~MappedRing() override {
    if (base != nullptr) munmap(base, bytes);
  }
  // The mapping keeps the socket, and the socket captures: put zeros in its place.
  void Leave() {
    if (base != nullptr) mmap(base, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  }
};

class ReceiveRing final : public Capture {
 public:
  ReceiveRing(const CaptureSettings& settings, const Findings& findings) {
    linkType_ = kLinkTypeEthernet;
    snapLength_ = findings.snapLength;
    nanoseconds_ = settings.nanoseconds;
    index_ = if_nametoindex(settings.device.c_str());
    opened_ = index_ != 0 && Open(settings, findings);
  }

  ~ReceiveRing() override {
    if (ring_) ring_->Leave();
    if (descriptor_ >= 0) close(descriptor_);
  }

  bool Opened() const { return opened_; }
  std::shared_ptr<CaptureMemory> Memory() const override { return ring_; }
  std::string Error() override { return error_; }

  int Fill(const CaptureRows& rows) override {
    const uint32_t count = blocks_->Fill(rows);
    filledBytes_ = blocks_->FilledBytes();
    if (count > 0) {
      nothing_ = 0;
      return static_cast<int>(count);
    }
    if (blocks_->Broken()) {
      error_ = "a block of the kernel's ring makes no sense";
      return -1;
    }
    // After packets there is mostly nothing, and no error either: that would have woken us again.
    return nothing_++ == 0 || TakeError() == 0 ? 0 : -1;
  }

  uint32_t TakeDrops() override {
    tpacket_stats_v3 statistics = {};
    socklen_t size = sizeof statistics;
    // The kernel begins anew with each question.
    return getsockopt(descriptor_, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) == 0 ? statistics.tp_drops : 0;
  }

 private:
  template <typename Value>
  bool Set(int level, int name, const Value& value) {
    return setsockopt(descriptor_, level, name, &value, sizeof value) == 0;
  }

  // Binding comes last: no packet comes that the filter has not seen.
  bool Open(const CaptureSettings& settings, const Findings& findings) {
    descriptor_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (descriptor_ < 0 || !Set(SOL_PACKET, PACKET_VERSION, int{TPACKET_V3}) || !Set(SOL_PACKET, PACKET_RESERVE, kFrameReserve)) return false;
    // The time at which a packet came in, not the one at which it is put into the ring.
    if (settings.nanoseconds && !Set(SOL_SOCKET, SO_TIMESTAMPNS, int{1})) return false;
    if (!Attach(findings.program)) return false;
    const uint32_t bufferBytes = settings.bufferBytes > 0 ? static_cast<uint32_t>(settings.bufferBytes) : kDefaultBufferBytes;
    tpacket_req3 request = {};
    request.tp_block_size = kBlockBytes;
    request.tp_block_nr = (bufferBytes + kBlockBytes - 1) / kBlockBytes;
    request.tp_frame_size = kBlockBytes;
    request.tp_frame_nr = request.tp_block_nr;
    request.tp_retire_blk_tov = static_cast<unsigned>(settings.latencyMilliseconds);
    if (!Set(SOL_PACKET, PACKET_RX_RING, request)) return false;
    ring_ = std::make_shared<MappedRing>(descriptor_, size_t{request.tp_block_nr} * kBlockBytes);
    if (ring_->base == nullptr) return false;
    BlockSettings blocks;
    blocks.memory = ring_->base;
    blocks.blockBytes = kBlockBytes;
    blocks.blocks = request.tp_block_nr;
    blocks.snapLength = static_cast<uint32_t>(snapLength_);
    blocks.nanoseconds = settings.nanoseconds;
    blocks.in = settings.direction != "out";
    // What goes out of the loopback interface comes in again.
    blocks.out = settings.direction != "in" && index_ != if_nametoindex("lo");
    blocks_ = std::make_unique<RingBlocks>(blocks);
    // Kernels that do not know it leave the choice to us.
    if (!blocks.out) Set(SOL_PACKET, PACKET_IGNORE_OUTGOING, int{1});
    sockaddr_ll address = {};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(index_);
    if (bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || TakeError() != 0) return false;
    packet_mreq membership = {};
    membership.mr_ifindex = static_cast<int>(index_);
    membership.mr_type = PACKET_MR_PROMISC;
    return !settings.promiscuous || Set(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership);
  }

  bool Attach(const std::vector<sock_filter>& program) {
    if (program.empty()) return true;
    std::vector<sock_filter> copy = program;
    return Set(SOL_SOCKET, SO_ATTACH_FILTER, sock_fprog{static_cast<unsigned short>(copy.size()), copy.data()});
  }

  // Asking takes it away: as long as it is there, waiting ends at once.
  int TakeError() {
    int number = 0;
    socklen_t size = sizeof number;
    if (getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &number, &size) != 0) number = errno;
    error_ = number == 0 || number == ENETDOWN ? "" : std::strerror(number);
    return number;
  }

  std::shared_ptr<MappedRing> ring_;
  std::unique_ptr<RingBlocks> blocks_;
  std::string error_;
  uint32_t nothing_ = 0;  // calls in a row that found nothing
  bool opened_ = false;
};

}  // namespace

std::unique_ptr<Capture> OpenReceiveRing(const CaptureSettings& settings) {
  const bool hostTime = settings.timestampSource.empty() || settings.timestampSource == "host";
  // The kernel hands up blocks, not packets at once.
  if (!settings.receiveRing || settings.latencyMilliseconds == 0 || !hostTime) return nullptr;
  const Findings findings = AskLibpcap(settings);
  if (!findings.suitable) return nullptr;
  auto ring = std::make_unique<ReceiveRing>(settings, findings);
  if (!ring->Opened()) return nullptr;
  return ring;
}

}  // namespace bricks
