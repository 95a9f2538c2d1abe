// Part of sanitized_test.cpp: blocks as a kernel writes them, and blocks as none does.
#pragma once

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "ring_blocks.h"
#include "test_columns.h"

namespace bricks {

class RandomBlocks {
 public:
  static constexpr uint32_t kBlockBytes = 8192, kBlocks = 5, kRows = 16, kSnapLength = 600;

  explicit RandomBlocks(std::mt19937& random) : random_(random), memory_(kBlockBytes * kBlocks) {}

  // Hands up as many blocks as were given back. Returns false once the reader has found something that makes no sense.
  bool Round(bool spoil) {
    for (uint32_t k = 0; k < kBlocks; k++) {
      uint8_t* const block = memory_.data() + fill_ * kBlockBytes;
      if (HeaderOf(block).block_status != TP_STATUS_KERNEL) break;
      Write(block);
      if (spoil && random_() % 4 == 0) Spoil(block);
      fill_ = (fill_ + 1) % kBlocks;
    }
    for (uint32_t calls = random_() % 12; calls > 0; calls--) {
      const CaptureRows rows = {columns_, memory_.data(), kBlockBytes * kBlocks, true};
      reader_.Begin();
      reader_.Look();
      const uint32_t count = reader_.Fill(rows, 0, nullptr);
      for (uint32_t row = 0; row < count; row++) Check(row, spoil);
      if (reader_.Broken()) return false;
    }
    return true;
  }

  uint64_t checked = 0;

 private:
  static tpacket_hdr_v1& HeaderOf(uint8_t* block) { return reinterpret_cast<tpacket_block_desc*>(block)->hdr.bh1; }

  [[noreturn]] static void Fail(const char* what) {
    std::fprintf(stderr, "failed: %s\n", what);
    std::exit(1);
  }

  void Write(uint8_t* block) {
    uint32_t at = sizeof(tpacket_block_desc), packets = 0;
    tpacket3_hdr* last = nullptr;
    uint32_t lastAt = 0;
    for (;;) {
      const uint32_t length = random_() % 900;
      const bool tagged = random_() % 3 == 0, outgoing = random_() % 2 == 0;
      // Mostly as Ethernet has it, sometimes anything.
      const uint32_t mac = TPACKET_ALIGN(TPACKET3_HDRLEN + 16) + kFrameReserve - (random_() % 5 == 0 ? random_() % 24 : 14);
      if (at + mac + length > kBlockBytes) break;
      if (last != nullptr) last->tp_next_offset = at - lastAt;
      auto* const header = reinterpret_cast<tpacket3_hdr*>(block + at);
      *header = {};
      header->tp_snaplen = length;
      header->tp_len = length + random_() % 50;
      header->tp_mac = static_cast<uint16_t>(mac);
      header->tp_nsec = static_cast<uint32_t>(random_() % 1'000'000'000);
      header->tp_sec = static_cast<uint32_t>(random_());
      std::string frame(length, '\0');
      for (char& byte : frame) byte = static_cast<char>(random_());
      std::memcpy(block + at + mac, frame.data(), length);
      if (tagged) {
        header->tp_status = TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID;
        header->hv1.tp_vlan_tci = random_() & 0xfff;
        header->hv1.tp_vlan_tpid = ETH_P_8021AD;
        if (length >= 12) frame.insert(12, {'\x88', '\xa8', static_cast<char>(header->hv1.tp_vlan_tci >> 8), static_cast<char>(header->hv1.tp_vlan_tci)});
      }
      reinterpret_cast<sockaddr_ll*>(block + at + TPACKET_ALIGN(sizeof(tpacket3_hdr)))->sll_pkttype = outgoing ? PACKET_OUTGOING : PACKET_HOST;
      if (!outgoing) expected_.push_back(frame.substr(0, kSnapLength));
      last = header;
      lastAt = at;
      packets++;
      at = (at + mac + length + 7) & ~7u;
      if (random_() % 20 == 0 || at + 200 > kBlockBytes) break;
    }
    HeaderOf(block).num_pkts = packets;
    HeaderOf(block).offset_to_first_pkt = sizeof(tpacket_block_desc);
    HeaderOf(block).block_status = TP_STATUS_USER;
  }

  void Spoil(uint8_t* block) {
    const uint32_t status = HeaderOf(block).block_status;
    for (uint32_t k = random_() % 8; k > 0; k--) block[random_() % 400] = static_cast<uint8_t>(random_());
    HeaderOf(block).block_status = status;
  }

  void Check(uint32_t row, bool spoilt) {
    const uint64_t end = uint64_t{columns_.offset[row]} + columns_.length[row];
    if (columns_.offset[row] % 4 != 0 || end > memory_.size()) Fail("rows lie in the ring, at multiples of 4");
    if (columns_.length[row] > 0 && columns_.offset[row] / kBlockBytes != (end - 1) / kBlockBytes) Fail("a row lies in one block");
    if (columns_.length[row] > kSnapLength || columns_.wireLength[row] < columns_.length[row]) Fail("lengths fit each other");
    checked++;
    if (spoilt) return;
    const std::string frame(reinterpret_cast<char*>(memory_.data()) + columns_.offset[row], columns_.length[row]);
    if (next_ >= expected_.size() || expected_[next_++] != frame) Fail("every frame that comes in is read once, whole, with its tag");
  }

  std::mt19937& random_;
  std::vector<uint8_t> memory_;
  RingBlocks reader_{BlockSettings{memory_.data(), kBlockBytes, kBlocks, kSnapLength, true, true, false}};
  uint32_t fill_ = 0;
  std::vector<std::string> expected_;
  size_t next_ = 0;
  const TestColumns columns_{kRows};
};

inline void ReadRandomBlocks(std::mt19937& random) {
  RandomBlocks good(random);
  for (int round = 0; round < 3000; round++) {
    if (!good.Round(false)) {
      std::fprintf(stderr, "failed: what a kernel writes makes sense\n");
      std::exit(1);
    }
  }
  uint64_t spoilt = 0;
  for (int ring = 0; ring < 2000; ring++) {
    RandomBlocks bad(random);
    for (int round = 0; round < 20 && bad.Round(true); round++) continue;
    spoilt += bad.checked;
  }
  std::printf("blocks: %llu rows, %llu of spoilt ones\n", static_cast<unsigned long long>(good.checked), static_cast<unsigned long long>(spoilt));
}

}  // namespace bricks
