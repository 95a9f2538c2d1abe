#include "ring_blocks.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <algorithm>
#include <cstring>

#include "flow_columns.h"
#include "vlan_tag.h"

namespace bricks {

namespace {

// Where the first byte of a frame may stand at the earliest, from its packet's begin on: it may be moved by a tag and up to 3 bytes.
constexpr uint32_t kLeastFrameOffset = sizeof(tpacket3_hdr) + kVlanTagBytes + 3;
constexpr uint32_t kAddressOffset = TPACKET_ALIGN(sizeof(tpacket3_hdr));
// Packets ahead of the one at hand that are fetched: the kernel wrote them on another CPU, mostly. Saves some 10 ns a packet of 60 bytes.
constexpr uint32_t kPacketsAhead = 14;

// Whether a packet may stand `offset` bytes behind another, or behind a block's begin, `room` being what is left of the block.
bool IsPacketOffset(uint32_t offset, uint32_t room) {
  return offset % alignof(tpacket3_hdr) == 0 && offset >= sizeof(tpacket_block_desc) && offset <= room - TPACKET3_HDRLEN;
}

tpacket_hdr_v1& HeaderOf(uint8_t* block) { return reinterpret_cast<tpacket_block_desc*>(block)->hdr.bh1; }

}  // namespace

RingBlocks::RingBlocks(const BlockSettings& settings)
    : settings_(settings), selective_(!settings.in || !settings.out), most_(std::max(1u, settings.blocks / 8)) {}

void RingBlocks::HandBack() {
  for (uint32_t index = next_ + settings_.blocks - read_; read_ > 0; index++, read_--) {
    tpacket_hdr_v1& header = HeaderOf(Block(index % settings_.blocks));
    header.num_pkts = 0;  // until the kernel opens it
    __atomic_store_n(&header.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
  }
}

bool RingBlocks::Look() {
  if (known_ > 0) return true;
  for (uint32_t index = next_; known_ + read_ < most_; known_++) {
    if ((__atomic_load_n(&HeaderOf(Block(index)).block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0) break;
    index = index + 1 < settings_.blocks ? index + 1 : 0;
  }
  return known_ > 0;
}

bool RingBlocks::NothingOpen() const { return __atomic_load_n(&HeaderOf(Block(next_)).num_pkts, __ATOMIC_ACQUIRE) == 0; }

uint32_t RingBlocks::TakeFull() {
  const uint32_t full = full_;
  full_ = 0;
  return full;
}

void RingBlocks::OpenBlock() {
  const tpacket_hdr_v1& header = HeaderOf(Block(next_));
  left_ = header.num_pkts;
  at_ = header.offset_to_first_pkt;
  broken_ = left_ > 0 && !IsPacketOffset(at_, settings_.blockBytes);
  if ((header.block_status & TP_STATUS_BLK_TMO) == 0) full_++;
}

void RingBlocks::Begin() {
  HandBack();
  filledBytes_ = 0;
}

uint32_t RingBlocks::Fill(const CaptureRows& rows, uint32_t first, const CaptureTime* until) {
  const bool careful = selective_ || until != nullptr;
  uint32_t row = first;
  stopped_ = false;
  while (row < rows.capacity && known_ > 0) {
    if (!opened_) OpenBlock();
    opened_ = true;
    if (broken_) break;
    if (rows.flowColumns) row = careful ? Take<true, true>(rows, row, until) : Take<true, false>(rows, row, until);
    else row = careful ? Take<false, true>(rows, row, until) : Take<false, false>(rows, row, until);
    if (left_ > 0) {
      if (stopped_ || broken_) break;
      continue;
    }
    opened_ = false;
    read_++;
    known_--;
    next_ = next_ + 1 < settings_.blocks ? next_ + 1 : 0;
  }
  return row;
}

// By the same rule as libpcap's.
bool RingBlocks::Wanted(const uint8_t* packet) const {
  const bool outgoing = reinterpret_cast<const sockaddr_ll*>(packet + kAddressOffset)->sll_pkttype == PACKET_OUTGOING;
  return outgoing ? settings_.out : settings_.in;
}

// As far as there is room for rows, or to the end of the block.
template <bool kFlowColumns, bool kCareful>
uint32_t RingBlocks::Take(const CaptureRows& rows, uint32_t row, const CaptureTime* until) {
  // In locals: stores to columns might change whatever is behind a pointer, as far as the compiler knows.
  const uint8_t* const memory = settings_.memory;
  uint8_t* const block = Block(next_);
  const uint32_t blockBytes = settings_.blockBytes;
  const uint32_t snapLength = settings_.snapLength;
  const bool microseconds = !settings_.nanoseconds;
  const uint32_t capacity = rows.capacity;
  uint32_t* const offsets = rows.offset;
  uint32_t* const lengths = rows.length;
  uint32_t* const wireLengths = rows.wireLength;
  uint32_t* const seconds = rows.seconds;
  uint32_t* const nanoseconds = rows.nanoseconds;
  int32_t* const flowWords = rows.flowWord;
  uint16_t* const addresses = rows.flowAddresses;
  uint32_t* const ports = rows.flowPorts;
  uint32_t at = at_;
  uint32_t left = left_;
  uint64_t bytes = 0;
  while (left > 0 && row < capacity) {
    uint8_t* const packet = block + at;
    const tpacket3_hdr& header = *reinterpret_cast<const tpacket3_hdr*>(packet);
    // As if all were as long as this one: header, addresses, and the headers of a short frame.
    const uint8_t* const ahead = packet + kPacketsAhead * header.tp_next_offset;
    __builtin_prefetch(ahead);
    __builtin_prefetch(ahead + 64);
    __builtin_prefetch(ahead + 128);
    const uint32_t room = blockBytes - at;
    const uint32_t step = header.tp_next_offset;
    const uint32_t mac = header.tp_mac;
    uint32_t length = header.tp_snaplen;
    if (__builtin_expect(mac < kLeastFrameOffset || mac > room || length > room - mac || (left > 1 && !IsPacketOffset(step, room)), 0)) {
      broken_ = true;
      break;
    }
    if (kCareful && until != nullptr && IsLater({header.tp_sec, header.tp_nsec}, *until)) {
      stopped_ = true;
      break;
    }
    uint8_t* frame = packet + mac;
    at += step;
    left--;
    if (kCareful && selective_ && !Wanted(packet)) continue;
    uint32_t wireLength = header.tp_len;
    const uint32_t second = header.tp_sec;
    const uint32_t nanosecond = header.tp_nsec;
    if (__builtin_expect(HasVlanTag(header.tp_status, header.hv1.tp_vlan_tci), 0) && length >= kAddressBytes) {
      frame = InsertVlanTag(frame, header.tp_status, header.hv1.tp_vlan_tci, header.hv1.tp_vlan_tpid);
      length += kVlanTagBytes;
      wireLength += kVlanTagBytes;
    }
    length = std::min(length, snapLength);
    // Where the network header is not where it should be, the kernel does not align it.
    const uint32_t odd = static_cast<uint32_t>(frame - memory) & 3;
    if (__builtin_expect(odd != 0, 0)) {
      std::memmove(frame - odd, frame, length);
      frame -= odd;
    }
    offsets[row] = static_cast<uint32_t>(frame - memory);
    lengths[row] = length;
    wireLengths[row] = std::max(wireLength, length);
    seconds[row] = second;
    nanoseconds[row] = microseconds ? nanosecond - nanosecond % 1000 : nanosecond;
    int32_t word = kFlowNotComputed;
    if (kFlowColumns && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
      word = FastPathFlow(frame, length, addresses + row, ports + row);
      if (__builtin_expect(word == kFlowNotComputed, 0)) word = ParsedFlow(frame, length, addresses + row, ports + row);
    }
    flowWords[row] = word;
    bytes += length;
    row++;
  }
  at_ = at;
  left_ = left;
  filledBytes_ += bytes;
  return row;
}

}  // namespace bricks
