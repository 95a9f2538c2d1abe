#include "long_frames.h"

#include <linux/if_ether.h>
#include <time.h>

#include <algorithm>
#include <cstring>

#include "flow_columns.h"
#include "vlan_tag.h"

#ifndef SO_RCVBUFFORCE
#define SO_RCVBUFFORCE 33
#endif

namespace bricks {

namespace {

constexpr uint32_t kPageBytes = 4096;

// Room for a tag in front.
uint32_t SlotBytes(uint32_t snapLength) { return (snapLength + kVlanTagBytes + kPageBytes - 1) / kPageBytes * kPageBytes; }

}  // namespace

size_t LongFrames::MemoryBytes(uint32_t snapLength) { return size_t{kFrames} * SlotBytes(snapLength); }

bool LongFrames::Open(const LongFrameSettings& settings) {
  settings_ = settings;
  if (!socket_.Open() || !socket_.Set(SOL_PACKET, PACKET_AUXDATA, int{1}) || !socket_.Set(SOL_SOCKET, SO_TIMESTAMPNS, int{1})) return false;
  // The kernel counts what it needs besides the bytes too, and takes twice of what is said.
  const int bytes = static_cast<int>(std::min<uint32_t>(settings.bufferBytes, 1u << 30));
  if (!socket_.Set(SOL_SOCKET, SO_RCVBUFFORCE, bytes)) socket_.Set(SOL_SOCKET, SO_RCVBUF, bytes);
  return socket_.Attach(settings.program) && socket_.Bind(settings.index, settings.out);
}

void LongFrames::UseMemory(uint8_t* memory, uint32_t offset) {
  memory_ = memory;
  offset_ = offset;
  for (uint32_t slot = 0; slot < kFrames; slot++) {
    places_[slot] = {memory + size_t{slot} * SlotBytes(settings_.snapLength) + kVlanTagBytes, settings_.snapLength};
    messages_[slot] = {};
    messages_[slot].msg_hdr.msg_iov = &places_[slot];
    messages_[slot].msg_hdr.msg_iovlen = 1;
    messages_[slot].msg_hdr.msg_name = &addresses_[slot];
    messages_[slot].msg_hdr.msg_control = &controls_[slot];
  }
}

void LongFrames::Begin() {
  if (next_ == count_) next_ = count_ = 0;
}

void LongFrames::Read() {
  for (uint32_t slot = count_; slot < kFrames; slot++) {
    messages_[slot].msg_hdr.msg_namelen = sizeof addresses_[slot];
    messages_[slot].msg_hdr.msg_controllen = sizeof controls_[slot];
  }
  complete_ = false;
  if (count_ == kFrames) return;
  const int received = recvmmsg(socket_.Descriptor(), messages_ + count_, kFrames - count_, MSG_DONTWAIT, nullptr);
  complete_ = received < static_cast<int>(kFrames - count_);
  for (int k = 0; k < received; k++, count_++) Describe(count_, messages_[count_].msg_len);
}

void LongFrames::Describe(uint32_t slot, uint32_t received) {
  Frame& frame = frames_[slot];
  const bool outgoing = addresses_[slot].sll_pkttype == PACKET_OUTGOING;
  frame = {{0, 0}, static_cast<uint8_t*>(places_[slot].iov_base), received, received, outgoing ? settings_.out : settings_.in};
  msghdr& header = messages_[slot].msg_hdr;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
      timespec time;
      std::memcpy(&time, CMSG_DATA(part), sizeof time);
      frame.time = {static_cast<uint32_t>(time.tv_sec), static_cast<uint32_t>(time.tv_nsec)};
    } else if (part->cmsg_level == SOL_PACKET && part->cmsg_type == PACKET_AUXDATA) {
      tpacket_auxdata data;
      std::memcpy(&data, CMSG_DATA(part), sizeof data);
      frame.wireLength = std::max(frame.wireLength, data.tp_len);
      if (!HasVlanTag(data.tp_status, data.tp_vlan_tci) || received < kAddressBytes) continue;
      frame.begin = InsertVlanTag(frame.begin, data.tp_status, data.tp_vlan_tci, data.tp_vlan_tpid);
      frame.length = std::min(received + kVlanTagBytes, settings_.snapLength);
      frame.wireLength += kVlanTagBytes;
    }
  }
}

const CaptureTime* LongFrames::Next() {
  while (next_ < count_ && !frames_[next_].wanted) next_++;
  return next_ < count_ ? &frames_[next_].time : nullptr;
}

uint32_t LongFrames::Put(const CaptureRows& rows, uint32_t row) {
  const Frame& frame = frames_[next_++];
  rows.offset[row] = offset_ + static_cast<uint32_t>(frame.begin - memory_);
  rows.length[row] = frame.length;
  rows.wireLength[row] = frame.wireLength;
  rows.seconds[row] = frame.time.seconds;
  rows.nanoseconds[row] = settings_.nanoseconds ? frame.time.nanoseconds : frame.time.nanoseconds - frame.time.nanoseconds % 1000;
  rows.flowWord[row] = rows.flowColumns ? FlowColumns(frame.begin, frame.length, rows.flowAddresses + row, rows.flowPorts + row) : int32_t{kFlowNotComputed};
  return frame.length;
}

}  // namespace bricks
