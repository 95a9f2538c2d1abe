// Part of flow_program.cpp: writes the instructions of the program.
#pragma once

#include <linux/bpf.h>
#include <linux/if_packet.h>

#include <cstddef>
#include <cstdint>

#include "bpf_assembler.h"
#include "flow_program.h"

namespace bricks {

// What the map of places holds: how many shares, how many are there, the place of each share, the places of those that are there.
constexpr uint32_t kShares = 0, kPresent = 1, kFirstShare = 2, kFirstPresent = kFirstShare + FlowProgram::kSharesMaximum;
constexpr uint32_t kPlaces = kFirstPresent + FlowProgram::kSharesMaximum;
// Datagrams whose first fragment has passed; as many as a load balancer remembers.
constexpr uint32_t kFragments = 16'384;
// As src/net has them: the hash's key, which repeats every 16 bits, and the word of the ports of a packet that has none.
constexpr uint32_t kHashKey = 0x506d;
constexpr int32_t kNoPorts = 0x0100;
// As deep as is looked; the verifier allows no loops in older kernels.
constexpr int kTags = 8, kLabels = 8, kExtensionHeaders = 8, kNestedHeaders = 3;

constexpr int r0 = 0, r1 = 1, r2 = 2, r3 = 3, r4 = 4, r5 = 5, frame = 10;
constexpr int kPacket = 6;    // the context
constexpr int kPosition = 7;  // of the next header, as bpf_skb_load_bytes counts
constexpr int kWord = 8;      // the flow word
constexpr int kType = 9;      // what the next header is
// On the stack: bytes of a header; the identity of a datagram, as a key; numbers.
constexpr int16_t kBytes = -40, kKey = -80, kKeyBytes = 40, kNumber = -88, kFirst = -96;

class FlowProgramWriter {
 public:
  FlowProgramWriter(int places, int fragments) : places_(places), fragments_(fragments) {}

  int Write(bool ethernet) {
    a_.Move(kPacket, r1);
    a_.Set(r1, 0);
    for (int16_t at = kFirst; at < kBytes; at = static_cast<int16_t>(at + 8)) a_.Store(BPF_DW, frame, at, r1);
    a_.Set(kPosition, 0);
    if (ethernet) Ethernet();
    else ByVersion(none_);
    Ipv4();
    Ipv6();
    a_.Place(hardware_);
    if (ethernet) Hardware();
    else a_.Jump(none_);
    a_.Place(word_);
    Hash();
    Choose();
    a_.Place(none_);
    a_.Set(r0, 0);
    a_.Exit();
    return a_.LoadSocketFilter();
  }

 private:
  using Label = BpfAssembler::Label;

  // Bytes of the packet at kPosition + `offset`, to kBytes.
  void Read(int32_t offset, int32_t bytes, Label otherwise) {
    a_.Move(r1, kPacket);
    a_.Move(r2, kPosition);
    if (offset != 0) a_.Compute(BPF_ADD, r2, offset);
    ReadTo(bytes, BPF_FUNC_skb_load_bytes, otherwise);
  }
  void ReadTo(int32_t bytes, int helper, Label otherwise) {
    a_.Move(r3, frame);
    a_.Compute(BPF_ADD, r3, kBytes);
    a_.Set(r4, bytes);
    a_.Call(helper);
    a_.JumpIf(BPF_JNE, r0, 0, otherwise);
  }
  // From the hardware header, which need not be where kPosition counts from.
  void ReadHardware(int32_t offset, int32_t bytes, Label otherwise) {
    a_.Move(r1, kPacket);
    a_.Set(r2, offset);
    a_.Set(r5, BPF_HDR_START_MAC);
    ReadTo(bytes, BPF_FUNC_skb_load_bytes_relative, otherwise);
  }
  void Byte(int to, int16_t at) { a_.Load(BPF_B, to, frame, static_cast<int16_t>(kBytes + at)); }
  void Network16(int to, int16_t at) {
    a_.Load(BPF_H, to, frame, static_cast<int16_t>(kBytes + at));
    a_.FromNetwork(to, 16);
  }

  void Ethernet() {
    // What comes in begins behind the hardware header, what goes out with it.
    const Label in = a_.NewLabel(), type = a_.NewLabel(), labels = a_.NewLabel(), known = a_.NewLabel();
    a_.Load(BPF_W, r1, kPacket, offsetof(__sk_buff, pkt_type));
    a_.JumpIf(BPF_JNE, r1, PACKET_OUTGOING, in);
    a_.Set(kPosition, 14);
    a_.Place(in);
    ReadHardware(12, 2, hardware_);
    Network16(kType, 0);
    a_.JumpIf(BPF_JGT, kType, 1500, type);
    // LLC and SNAP carry a type.
    Read(0, 8, hardware_);
    a_.Load(BPF_W, r1, frame, kBytes);
    a_.FromNetwork(r1, 32);
    a_.Compute(BPF_RSH, r1, 8);
    a_.JumpIf(BPF_JNE, r1, 0xaaaa03, hardware_);
    Byte(r1, 3);
    a_.JumpIf(BPF_JNE, r1, 0, hardware_);
    Network16(r1, 4);
    a_.JumpIf(BPF_JNE, r1, 0, hardware_);
    Network16(kType, 6);
    a_.Compute(BPF_ADD, kPosition, 8);
    a_.Place(type);
    for (int tag = 0; tag < kTags; tag++) {
      const Label isTag = a_.NewLabel();
      for (const int32_t each : {0x8100, 0x88a8, 0x9100}) a_.JumpIf(BPF_JEQ, kType, each, isTag);
      a_.Jump(known);
      a_.Place(isTag);
      Read(0, 4, hardware_);
      Network16(kType, 2);
      a_.Compute(BPF_ADD, kPosition, 4);
    }
    a_.Place(known);
    a_.JumpIf(BPF_JEQ, kType, 0x0800, ipv4_);
    a_.JumpIf(BPF_JEQ, kType, 0x86dd, ipv6_);
    a_.JumpIf(BPF_JEQ, kType, 0x8847, labels);
    a_.JumpIf(BPF_JEQ, kType, 0x8848, labels);
    a_.JumpIf(BPF_JNE, kType, 0x8864, hardware_);
    // PPPoE, a session; then PPP.
    Read(0, 8, hardware_);
    Network16(r1, 0);
    a_.JumpIf(BPF_JNE, r1, 0x1100, hardware_);
    Network16(r1, 6);
    a_.Compute(BPF_ADD, kPosition, 8);
    a_.JumpIf(BPF_JEQ, r1, 0x0021, ipv4_);
    a_.JumpIf(BPF_JEQ, r1, 0x0057, ipv6_);
    a_.Jump(hardware_);
    a_.Place(labels);
    const Label last = a_.NewLabel();
    for (int label = 0; label < kLabels; label++) {
      Read(0, 8, hardware_);
      a_.Compute(BPF_ADD, kPosition, 4);
      Byte(r1, 2);
      a_.Compute(BPF_AND, r1, 1);
      a_.JumpIf(BPF_JNE, r1, 0, last);
    }
    a_.Jump(hardware_);
    a_.Place(last);
    ByVersion(hardware_);
  }

  void ByVersion(Label otherwise) {
    Read(0, 1, otherwise);
    Byte(r1, 0);
    a_.Compute(BPF_RSH, r1, 4);
    a_.JumpIf(BPF_JEQ, r1, 4, ipv4_);
    a_.JumpIf(BPF_JEQ, r1, 6, ipv6_);
    a_.Jump(otherwise);
  }

  // The XOR of the 16-bit words of kBytes, as a number, to kWord.
  void Fold(int16_t from, int16_t to) {
    a_.Load(BPF_W, kWord, frame, static_cast<int16_t>(kBytes + from));
    for (int16_t at = static_cast<int16_t>(from + 4); at < to; at = static_cast<int16_t>(at + 4)) {
      a_.Load(BPF_W, r1, frame, static_cast<int16_t>(kBytes + at));
      a_.ComputeWith(BPF_XOR, kWord, r1);
    }
    a_.Move(r1, kWord);
    a_.Compute(BPF_RSH, r1, 16);
    a_.ComputeWith(BPF_XOR, kWord, r1);
    a_.FromNetwork(kWord, 16);
  }

  // kType is the protocol, and kPosition stands behind the IP header. Completes the word; a first fragment's is remembered.
  void Ports() {
    const Label with = a_.NewLabel(), without = a_.NewLabel(), done = a_.NewLabel();
    a_.JumpIf(BPF_JEQ, kType, 6, with);
    a_.JumpIf(BPF_JNE, kType, 17, without);
    a_.Place(with);
    Read(0, 4, without);
    for (const int16_t at : {0, 2}) {
      Network16(r1, at);
      a_.Compute(BPF_ADD, r1, 1);
      a_.ComputeWith(BPF_XOR, kWord, r1);
    }
    a_.Jump(done);
    a_.Place(without);
    a_.Compute(BPF_XOR, kWord, kNoPorts);
    a_.Place(done);
    a_.Load(BPF_DW, r1, frame, kFirst);
    a_.JumpIf(BPF_JEQ, r1, 0, word_);
    a_.Store(BPF_DW, frame, kNumber, kWord);
    a_.LoadMap(r1, fragments_);
    a_.Move(r2, frame);
    a_.Compute(BPF_ADD, r2, kKey);
    a_.Move(r3, frame);
    a_.Compute(BPF_ADD, r3, kNumber);
    a_.Set(r4, BPF_ANY);
    a_.Call(BPF_FUNC_map_update_elem);
    a_.Jump(word_);
  }

  // Another fragment goes where its first went, or by its addresses.
  void Later() {
    const Label found = a_.NewLabel();
    a_.LoadMap(r1, fragments_);
    a_.Move(r2, frame);
    a_.Compute(BPF_ADD, r2, kKey);
    a_.Call(BPF_FUNC_map_lookup_elem);
    a_.JumpIf(BPF_JNE, r0, 0, found);
    a_.Compute(BPF_XOR, kWord, kNoPorts);
    a_.Jump(word_);
    a_.Place(found);
    a_.Load(BPF_DW, kWord, r0, 0);
    a_.Jump(word_);
  }
  void KeepInKey(int16_t from, int16_t to, uint8_t size) {
    a_.Load(size, r1, frame, static_cast<int16_t>(kBytes + from));
    a_.Store(size, frame, static_cast<int16_t>(kKey + to), r1);
  }

  void Ipv4() {
    Label here = ipv4_;
    for (int header = 0; header < kNestedHeaders; header++) {
      // What can't be read inside of another leaves that one's flow.
      const Label unreadable = header == 0 ? hardware_ : addresses_;
      const Label whole = a_.NewLabel(), later = a_.NewLabel(), inner = a_.NewLabel(), ports = a_.NewLabel();
      a_.Place(here);
      Read(0, 20, unreadable);
      Byte(r1, 0);
      a_.Move(r2, r1);
      a_.Compute(BPF_RSH, r2, 4);
      a_.JumpIf(BPF_JNE, r2, 4, unreadable);
      a_.Compute(BPF_AND, r1, 15);
      a_.JumpIf(BPF_JLT, r1, 5, unreadable);
      a_.Compute(BPF_LSH, r1, 2);
      a_.ComputeWith(BPF_ADD, kPosition, r1);
      Byte(kType, 9);
      Fold(12, 20);
      Network16(r2, 6);
      a_.Compute(BPF_AND, r2, 0x3fff);
      a_.JumpIf(BPF_JEQ, r2, 0, whole);
      a_.Store(BPF_DW, frame, kNumber, r2);
      KeepInKey(12, 0, BPF_W);
      KeepInKey(16, 4, BPF_W);
      KeepInKey(4, 8, BPF_H);
      KeepInKey(9, 10, BPF_B);
      a_.Load(BPF_DW, r2, frame, kNumber);
      a_.Compute(BPF_AND, r2, 0x1fff);
      a_.JumpIf(BPF_JNE, r2, 0, later);
      a_.Set(r1, 1);
      a_.Store(BPF_DW, frame, kFirst, r1);
      a_.Jump(ports);
      a_.Place(later);
      Later();
      a_.Place(whole);
      if (header + 1 < kNestedHeaders) a_.JumpIf(BPF_JEQ, kType, 4, inner);
      a_.Place(ports);
      Ports();
      a_.Place(inner);
      here = inner;
    }
    a_.Place(addresses_);
    a_.Compute(BPF_XOR, kWord, kNoPorts);
    a_.Jump(word_);
  }

  void Ipv6() {
    a_.Place(ipv6_);
    Read(0, 40, hardware_);
    Byte(r1, 0);
    a_.Compute(BPF_RSH, r1, 4);
    a_.JumpIf(BPF_JNE, r1, 6, hardware_);
    Byte(kType, 6);
    Fold(8, 40);
    for (int16_t at = 0; at < 32; at = static_cast<int16_t>(at + 8)) KeepInKey(static_cast<int16_t>(8 + at), at, BPF_DW);
    // Unlike that of IPv4.
    a_.Set(r1, 6);
    a_.Store(BPF_B, frame, kKey + 36, r1);
    a_.Compute(BPF_ADD, kPosition, 40);
    const Label ports = a_.NewLabel(), cut = a_.NewLabel(), later = a_.NewLabel();
    for (int header = 0; header < kExtensionHeaders; header++) {
      const Label extension = a_.NewLabel(), authentication = a_.NewLabel(), part = a_.NewLabel(), next = a_.NewLabel();
      for (const int32_t each : {0, 43, 60, 135, 139, 140}) a_.JumpIf(BPF_JEQ, kType, each, extension);
      a_.JumpIf(BPF_JEQ, kType, 51, authentication);
      a_.JumpIf(BPF_JEQ, kType, 44, part);
      a_.Jump(ports);
      a_.Place(part);
      a_.Load(BPF_DW, r1, frame, kFirst);
      a_.JumpIf(BPF_JNE, r1, 0, cut);
      Read(0, 8, cut);
      KeepInKey(4, 32, BPF_W);
      Byte(kType, 0);
      Network16(r1, 2);
      a_.Move(r2, r1);
      a_.Compute(BPF_RSH, r2, 3);
      a_.JumpIf(BPF_JNE, r2, 0, later);
      a_.Compute(BPF_AND, r1, 1);
      a_.Store(BPF_DW, frame, kFirst, r1);
      a_.Compute(BPF_ADD, kPosition, 8);
      a_.Jump(next);
      a_.Place(authentication);
      Read(0, 8, cut);
      Byte(r1, 1);
      a_.Compute(BPF_LSH, r1, 2);
      Skip();
      a_.Jump(next);
      a_.Place(extension);
      Read(0, 8, cut);
      Byte(r1, 1);
      a_.Compute(BPF_LSH, r1, 3);
      Skip();
      a_.Place(next);
    }
    a_.Place(cut);
    a_.Set(kType, 59);
    a_.Place(ports);
    Ports();
    a_.Place(later);
    Later();
  }
  void Skip() {
    a_.ComputeWith(BPF_ADD, kPosition, r1);
    a_.Compute(BPF_ADD, kPosition, 8);
    Byte(kType, 0);
  }

  // By bytes 2 to 5 of both addresses, from the last to the first.
  void Hardware() {
    ReadHardware(0, 12, none_);
    a_.Set(kWord, kNoPorts);
    for (const int16_t at : {2, 4, 8, 10}) {
      Byte(r1, at);
      Byte(r2, static_cast<int16_t>(at + 1));
      a_.Compute(BPF_LSH, r2, 8);
      a_.ComputeWith(BPF_OR, r1, r2);
      a_.ComputeWith(BPF_XOR, kWord, r1);
    }
  }

  // The Toeplitz hash of the word, to kType: both halves are the same.
  void Hash() {
    a_.Set(kType, 0);
    for (int bit = 0; bit < 16; bit++) {
      const uint32_t rotated = ((kHashKey << bit) | (kHashKey >> (16 - bit))) & 0xffff;
      a_.Move(r1, kWord);
      a_.Compute(BPF_RSH, r1, 15 - bit);
      a_.Compute(BPF_AND, r1, 1);
      a_.Compute(BPF_MUL, r1, static_cast<int32_t>(rotated));
      a_.ComputeWith(BPF_XOR, kType, r1);
    }
    a_.Move(r1, kType);
    a_.Compute(BPF_LSH, r1, 16);
    a_.ComputeWith(BPF_OR, kType, r1);
  }

  // The number in the map of places at r2, to r0.
  void Place() {
    a_.Store(BPF_W, frame, kNumber, r2);
    a_.LoadMap(r1, places_);
    a_.Move(r2, frame);
    a_.Compute(BPF_ADD, r2, kNumber);
    a_.Call(BPF_FUNC_map_lookup_elem);
    a_.JumpIf(BPF_JEQ, r0, 0, none_);
    a_.Load(BPF_W, r0, r0, 0);
  }

  void Choose() {
    const Label others = a_.NewLabel();
    a_.Set(r2, kShares);
    Place();
    a_.JumpIf(BPF_JEQ, r0, 0, none_);
    a_.Move(kWord, kType);
    a_.ComputeWith(BPF_DIV, kWord, r0);
    a_.Move(r2, kType);
    a_.ComputeWith(BPF_MOD, r2, r0);
    a_.Compute(BPF_ADD, r2, kFirstShare);
    Place();
    a_.Set(r1, 1);
    a_.Compute(BPF_LSH, r1, 31);
    a_.ComputeWith(BPF_AND, r1, r0);
    a_.JumpIf(BPF_JNE, r1, 0, others);
    a_.Exit();
    a_.Place(others);
    a_.Set(r2, kPresent);
    Place();
    a_.JumpIf(BPF_JEQ, r0, 0, none_);
    a_.ComputeWith(BPF_MOD, kWord, r0);
    a_.Move(r2, kWord);
    a_.Compute(BPF_ADD, r2, kFirstPresent);
    Place();
    a_.Exit();
  }

  BpfAssembler a_;
  const int places_, fragments_;
  const Label ipv4_ = a_.NewLabel(), ipv6_ = a_.NewLabel(), hardware_ = a_.NewLabel(), addresses_ = a_.NewLabel(), word_ = a_.NewLabel(),
              none_ = a_.NewLabel();
};

}  // namespace bricks
