// Linux: a packet socket with a ring of blocks (TPACKET_V3) that the kernel shares with us. libpcap makes the same one; but it
// hands out packets in its callback only, while rows point into the blocks here.
#include <net/if.h>
#include <pcap/pcap.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "capture_socket.h"
#include "link_type.h"
#include "long_frames.h"
#include "receive_ring.h"
#include "ring_blocks.h"
#include "wake_pause.h"

namespace bricks {

namespace {

// A block is used up when it is full, or after the latency if anything is in it. Blocks are as small as a ring needs to hold light traffic for so
// long, but not smaller than two frames of 1,500 bytes: the room behind the last one is lost.
constexpr uint64_t kHoldMilliseconds = 16'000;
constexpr uint32_t kLeastBlockBytes = 4 << 10;
constexpr uint32_t kMostBlockBytes = 256 << 10;
// What a block needs besides the bytes of the longest frame in it: its header, and a packet's headers and room for a tag.
constexpr uint32_t kBlockOverhead = sizeof(tpacket_block_desc) + 160;
constexpr uint32_t kDefaultBufferBytes = 2 << 20;
constexpr int kLongestSnapLength = 262144;

uint32_t BlockBytesFor(uint32_t bufferBytes, int latencyMilliseconds) {
  const uint64_t wanted = uint64_t{bufferBytes} * static_cast<uint64_t>(latencyMilliseconds) / kHoldMilliseconds;
  uint32_t bytes = kLeastBlockBytes;
  while (bytes < kMostBlockBytes && uint64_t{bytes} * 2 <= wanted) bytes *= 2;
  return bytes;
}

// What libpcap finds out about an interface and makes of a filter.
struct Findings {
  bool suitable = false;
  int snapLength = 0;
  std::vector<sock_filter> program;  // empty: all of everything
};

constexpr size_t kLengthInstructions = 3;

// A filter for an open interface is not the same as for a file: the kernel keeps VLAN tags apart.
bool CompileFor(pcap_t* handle, const std::string& expression, std::vector<sock_filter>* made) {
  bpf_program program;
  if (pcap_compile(handle, &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) return false;
  for (uint32_t k = 0; k < program.bf_len; k++) {
    const bpf_insn& instruction = program.bf_insns[k];
    made->push_back({instruction.code, instruction.jt, instruction.jf, instruction.k});
  }
  pcap_freecode(&program);
  return made->size() + kLengthInstructions <= BPF_MAXINSNS;
}

// Takes of what a program takes frames longer than `limit`, or the others.
std::vector<sock_filter> OfLength(const std::vector<sock_filter>& program, uint32_t limit, bool longer) {
  std::vector<sock_filter> made = {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
                                   BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, limit, uint8_t{longer}, uint8_t{!longer}),
                                   BPF_STMT(BPF_RET | BPF_K, 0)};
  made.insert(made.end(), program.begin(), program.end());
  if (program.empty()) made.push_back(BPF_STMT(BPF_RET | BPF_K, UINT32_MAX));
  return made;
}

// Opens the interface by libpcap for a moment, as small as can be: what libpcap takes for Ethernet, and without a word, is so.
Findings AskLibpcap(const CaptureSettings& settings) {
  Findings findings;
  char message[PCAP_ERRBUF_SIZE] = "";
  pcap_t* const handle = pcap_create(settings.device.c_str(), message);
  if (handle == nullptr) return findings;
  pcap_set_snaplen(handle, settings.snapLength);
  pcap_set_timeout(handle, settings.latencyMilliseconds);
  pcap_set_buffer_size(handle, static_cast<int>(kMostBlockBytes));
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

// The ring, and behind it memory of our own.
struct MappedRing final : CaptureMemory {
  MappedRing(int descriptor, size_t ringBytes, size_t ownBytes) {
    void* const reserved = mmap(nullptr, ringBytes + ownBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED) return;
    base = static_cast<uint8_t*>(reserved);
    bytes = ringBytes + ownBytes;
    mapped = mmap(base, ringBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0) != MAP_FAILED;
  }
  ~MappedRing() override {
    if (base != nullptr) munmap(base, bytes);
  }
  // The mapping keeps the socket, and the socket captures: put zeros in its place.
  void Leave() {
    if (base != nullptr) mmap(base, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  }
  bool mapped = false;
};

class ReceiveRing final : public Capture {
 public:
  ReceiveRing(const CaptureSettings& settings, const Findings& findings) : bufferBytes_(settings.bufferBytes > 0 ? static_cast<uint32_t>(settings.bufferBytes) : kDefaultBufferBytes), pause_(settings.latencyMilliseconds, bufferBytes_) {
    linkType_ = kLinkTypeEthernet;
    snapLength_ = findings.snapLength;
    nanoseconds_ = settings.nanoseconds;
    index_ = if_nametoindex(settings.device.c_str());
    try {
      opened_ = index_ != 0 && Open(settings, findings);
    } catch (...) {
      if (epoll_ >= 0) close(epoll_);
      throw;
    }
  }

  ~ReceiveRing() override {
    if (ring_) ring_->Leave();
    if (fanout_) {
      fanout_->Leave([this] {
        socket_.Close();
        long_->Socket().Close();
      });
    }
    if (epoll_ >= 0) close(epoll_);
  }

  bool Opened() const { return opened_; }
  std::shared_ptr<CaptureMemory> Memory() const override { return ring_; }
  std::string Error() override { return error_; }
  uint32_t PauseMicroseconds() const override { return pause_.Microseconds(); }

  int Fill(const CaptureRows& rows) override {
    const uint32_t count = FillRows(rows);
    filledBytes_ = blocks_->FilledBytes() + longBytes_;
    if (count > 0) {
      nothing_ = 0;
      return static_cast<int>(count);
    }
    if (blocks_->Broken()) {
      error_ = "a block of the kernel's ring is corrupt";
      return -1;
    }
    pause_.Rest(blocks_->TakeFull() * blockBytes_, long_ && long_->Next() != nullptr);
    // After packets there is mostly nothing, and no error either: that would have woken us again.
    return nothing_++ == 0 || TakeError() == 0 ? 0 : -1;
  }

  uint32_t TakeDrops() override { return socket_.TakeDrops() + (long_ ? long_->Socket().TakeDrops() : 0); }

 private:
  uint32_t FillRows(const CaptureRows& rows) {
    longBytes_ = 0;
    // Blocks without a wanted frame are of no use to anyone: go on with the next ones.
    for (;;) {
      blocks_->Begin();
      if (long_) long_->Begin();
      const bool anew = blocks_->Exhausted();
      const bool more = blocks_->Look();
      // After packets there is mostly nothing of either kind; if there is, it ends the wait at once.
      if (!more && nothing_ == 0 && !(long_ && long_->Next() != nullptr)) return 0;
      const uint32_t row = long_ ? FillBoth(rows, anew) : blocks_->Fill(rows, 0, nullptr);
      if (row > 0 || !more || blocks_->Broken()) return row;
    }
  }

  // Frames of both kinds in the order of their times. What came before a packet in a block is queued when the block is found, so
  // that nothing can come too late if the kernel is asked once after each look for blocks (`anew`: just now).
  uint32_t FillBoth(const CaptureRows& rows, bool anew) {
    if (anew || !long_->Complete()) long_->Read();
    uint32_t row = 0;
    while (row < rows.capacity && !blocks_->Broken()) {
      const CaptureTime* const next = long_->Next();
      // Others may be earlier than what is in the blocks.
      if (next == nullptr && !long_->Complete()) break;
      row = blocks_->Fill(rows, row, next);
      if (next == nullptr || row == rows.capacity) break;
      // A block that is still being filled may hold earlier ones: it is handed up soon.
      if (!blocks_->Stopped() && !(blocks_->Exhausted() && blocks_->NothingOpen())) break;
      longBytes_ += long_->Put(rows, row++);
    }
    return row;
  }

  // Binding comes last: no packet comes that the filter has not seen.
  bool Open(const CaptureSettings& settings, const Findings& findings) {
    if (!socket_.Open() || !socket_.Set(SOL_PACKET, PACKET_VERSION, int{TPACKET_V3}) || !socket_.Set(SOL_PACKET, PACKET_RESERVE, kFrameReserve)) return false;
    // The time at which a packet came in, not the one at which it is put into the ring.
    if (!socket_.Set(SOL_SOCKET, SO_TIMESTAMPNS, int{1})) return false;
    blockBytes_ = BlockBytesFor(bufferBytes_, settings.latencyMilliseconds);
    const uint32_t limit = blockBytes_ - kBlockOverhead;
    // All who share an interface have sockets of both kinds.
    const bool shared = !settings.fanout.mode.empty();
    const bool cut = !shared && static_cast<uint32_t>(snapLength_) <= limit;
    const std::vector<sock_filter> nothing = {BPF_STMT(BPF_RET | BPF_K, 0)};
    const std::vector<sock_filter> shorter = cut ? findings.program : OfLength(findings.program, limit, false);
    const std::vector<sock_filter> longer = OfLength(findings.program, limit, true);
    if (!socket_.Attach(shared ? nothing : shorter)) return false;
    tpacket_req3 request = {};
    request.tp_block_size = blockBytes_;
    request.tp_block_nr = (bufferBytes_ + blockBytes_ - 1) / blockBytes_;
    request.tp_frame_size = blockBytes_;
    request.tp_frame_nr = request.tp_block_nr;
    request.tp_retire_blk_tov = static_cast<unsigned>(settings.latencyMilliseconds);
    if (!socket_.Set(SOL_PACKET, PACKET_RX_RING, request)) return false;
    const uint32_t ringBytes = request.tp_block_nr * blockBytes_;
    ring_ = std::make_shared<MappedRing>(socket_.Descriptor(), ringBytes, cut ? 0 : LongFrames::MemoryBytes(static_cast<uint32_t>(snapLength_)));
    if (!ring_->mapped) return false;
    BlockSettings blocks;
    blocks.memory = ring_->base;
    blocks.blockBytes = blockBytes_;
    blocks.blocks = request.tp_block_nr;
    blocks.snapLength = static_cast<uint32_t>(snapLength_);
    blocks.nanoseconds = settings.nanoseconds;
    blocks.in = settings.direction != "out";
    // What goes out of the loopback interface comes in again.
    blocks.out = settings.direction != "in" && index_ != if_nametoindex("lo");
    blocks_ = std::make_unique<RingBlocks>(blocks);
    if (!cut && !OpenLong(blocks, shared ? nothing : longer, ringBytes)) return false;
    if (!socket_.Bind(index_, blocks.out)) return false;
    if (cut) descriptor_ = socket_.Descriptor();
    if (shared) {
      fanout_ = std::make_unique<FanoutMember>(settings.fanout, index_, linkType_, std::vector<int>{socket_.Descriptor(), long_->Socket().Descriptor()});
      warning_ = fanout_->Warning();
      if (!long_->Attach(longer) || !socket_.Attach(shorter)) return false;
    }
    packet_mreq membership = {};
    membership.mr_ifindex = static_cast<int>(index_);
    membership.mr_type = PACKET_MR_PROMISC;
    return !settings.promiscuous || socket_.Set(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership);
  }

  // Before the ring is bound: a long frame is never missed that came after a packet in the ring.
  bool OpenLong(const BlockSettings& blocks, std::vector<sock_filter> program, uint32_t offset) {
    LongFrameSettings settings;
    settings.index = index_;
    settings.snapLength = blocks.snapLength;
    settings.bufferBytes = bufferBytes_;
    settings.nanoseconds = blocks.nanoseconds;
    settings.in = blocks.in;
    settings.out = blocks.out;
    settings.program = std::move(program);
    long_ = std::make_unique<LongFrames>();
    if (!long_->Open(settings)) return false;
    long_->UseMemory(ring_->base + offset, offset);
    epoll_ = descriptor_ = epoll_create1(EPOLL_CLOEXEC);
    return epoll_ >= 0 && Watch(socket_) && Watch(long_->Socket());
  }

  bool Watch(const CaptureSocket& socket) {
    epoll_event event = {};
    event.events = EPOLLIN;
    return epoll_ctl(epoll_, EPOLL_CTL_ADD, socket.Descriptor(), &event) == 0;
  }

  int TakeError() {
    if (long_) long_->Socket().TakeError();  // the same
    const int number = socket_.TakeError();
    if (number == ENETDOWN && fanout_) fanout_->Reorder();
    error_ = number == 0 || number == ENETDOWN ? "" : std::strerror(number);
    return number;
  }

  const uint32_t bufferBytes_;
  CaptureSocket socket_;
  std::shared_ptr<MappedRing> ring_;
  std::unique_ptr<RingBlocks> blocks_;
  std::unique_ptr<LongFrames> long_;  // null where no frame is too long for a block
  std::unique_ptr<FanoutMember> fanout_;  // null where the interface is not shared
  WakePause pause_;
  std::string error_;
  uint32_t blockBytes_ = 0;
  uint32_t longBytes_ = 0;
  uint32_t nothing_ = 0;  // calls in a row that found nothing
  int epoll_ = -1;
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
