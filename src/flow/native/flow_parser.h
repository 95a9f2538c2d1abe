// The way from an Ethernet frame's first byte to its flow: src/flow/link-layer.ts and headers.ts in C, for the outermost IP header.
// No byte from `length` on is read, and any bytes at all give an answer.
#pragma once

#include <cstdint>

#include "flow_word.h"

namespace bricks {

// What a walk stands at.
enum class Header : uint8_t {
  kUnknown,
  kType,  // what the Ethernet type `type` announces
  kEthernet,
  kGuessedEthernet,  // in all likelihood
  kPpp,
  kMpls,
  kNsh,        // a network service header
  kByVersion,  // IPv4 or IPv6, as the first four bits say
  kIpv4,
  kIpv6,
};

class FlowWalk {
 public:
  FlowWalk(const uint8_t* packet, uint32_t length) : packet_(packet), length_(length) {}

  int32_t Flow(uint16_t* addresses, uint32_t* ports) {
    Header header = Header::kEthernet;
    while (header != Header::kUnknown && header != Header::kIpv4 && header != Header::kIpv6) header = Next(header);
    if (header == Header::kIpv4 ? !ReadIpv4() : header == Header::kUnknown || !ReadIpv6()) return HardwareFlow(addresses, ports);
    if (isFragment_ || MayHoldPacket(protocol_)) return kFlowNotComputed;
    *addresses = addresses_;
    const bool withPorts = HasPorts(protocol_) && Has(4);
    *ports = withPorts ? __builtin_bswap32(Load32(packet_ + position_)) : kConstantPorts;
    return FlowWord(withPorts ? kFlowWithPorts : kFlowWithoutPorts, *addresses, *ports);
  }

 private:
  // What no protocol is.
  static constexpr uint8_t kNoProtocol = 255;
  static constexpr uint16_t kLongestLength = 1500;
  static constexpr uint32_t kNowhere = UINT32_MAX;

  bool Has(uint32_t bytes) const { return uint64_t{position_} + bytes <= length_; }
  uint8_t Byte(uint32_t at) const { return packet_[position_ + at]; }
  uint16_t Word(uint32_t at) const { return __builtin_bswap16(Load16(packet_ + position_ + at)); }

  // IP in IP, 6in4, GRE, PIM.
  static bool MayHoldPacket(uint8_t protocol) { return protocol == 4 || protocol == 41 || protocol == 47 || protocol == 103; }

  Header Unknown() {
    unknown_ = true;
    return Header::kUnknown;
  }

  Header Next(Header header) {
    switch (header) {
      case Header::kEthernet:
        return ReadEthernet();
      case Header::kType:
        return ReadType();
      case Header::kGuessedEthernet: {
        const uint32_t hardware = hardware_;
        const Header next = ReadEthernet();
        hardware_ = hardware;
        return next;
      }
      case Header::kPpp:
        return ReadPpp();
      case Header::kMpls:
        return ReadMpls();
      case Header::kNsh:
        return ReadNsh();
      default:
        return ReadVersion();
    }
  }

  Header ReadEthernet() {
    if (!Has(14)) return Header::kUnknown;
    hardware_ = position_;
    type_ = Word(12);
    position_ += 14;
    return Header::kType;
  }

  Header ReadType() {
    if (type_ <= kLongestLength) return ReadSnap();
    switch (type_) {
      case 0x0800:
        return Header::kIpv4;
      case 0x86dd:
        return Header::kIpv6;
      case 0x8100:  // VLAN tags
      case 0x88a8:
      case 0x9100:
        return SkipTag(2);
      case 0x8926:  // VN-Tag
      case 0x892f:  // HSR
        return SkipTag(4);
      case 0x893f:  // E-Tag
        return SkipTag(6);
      case 0x8909:  // Cisco metadata; its length counts 8 bytes, those of both types included
        return !Has(2) || Byte(1) == 0 ? Header::kUnknown : SkipTag(Byte(1) * 8u - 2);
      case 0x8903:  // FabricPath
        position_ += 2;
        return Header::kEthernet;
      case 0x88e7:  // provider backbone bridging
        position_ += 4;
        return Header::kEthernet;
      case 0x22f3:  // TRILL
        if (!Has(2)) return Header::kUnknown;
        position_ += 6u + ((Word(0) >> 4) & 0x7cu);
        return Header::kEthernet;
      case 0x894f:
        return Header::kNsh;
      case 0x8847:
      case 0x8848:
        return Header::kMpls;
      case 0x8864:  // a PPPoE session
        if (!Has(6) || Word(0) != 0x1100) return Header::kUnknown;
        position_ += 6;
        return Header::kPpp;
      default:
        return IsWithoutIp(type_) ? Header::kUnknown : Unknown();
    }
  }

  // A tag of this many bytes, and the type of what is behind it.
  Header SkipTag(uint32_t size) {
    if (!Has(size + 2)) return Header::kUnknown;
    type_ = Word(size);
    position_ += size + 2;
    return Header::kType;
  }

  // ARP, reverse ARP, pause frames, slow protocols, PPPoE discovery, 802.1X, LLDP, MVRP, MMRP, PTP, HSR and PRP supervision, CFM, loop test.
  static bool IsWithoutIp(uint16_t type) {
    switch (type) {
      case 0x0806: case 0x8035: case 0x8808: case 0x8809: case 0x8863: case 0x888e: case 0x88cc:
      case 0x88f5: case 0x88f6: case 0x88f7: case 0x88fb: case 0x8902: case 0x9000:
        return true;
      default:
        return false;
    }
  }

  Header ReadSnap() {
    if (!Has(8) || Word(0) != 0xaaaa || Word(2) != 0x0300 || Word(4) != 0 || Word(6) <= kLongestLength) return Header::kUnknown;
    type_ = Word(6);
    position_ += 8;
    return Header::kType;
  }

  Header ReadMpls() {
    bool bottom = false;
    while (!bottom) {
      if (!Has(4)) return Header::kUnknown;
      bottom = (Byte(2) & 1) != 0;
      position_ += 4;
    }
    if (!Has(4)) return Header::kUnknown;
    if (Byte(0) >> 4 != 0) return Header::kByVersion;
    position_ += 4;
    return Header::kGuessedEthernet;
  }

  Header ReadNsh() {
    if (!Has(8)) return Header::kUnknown;
    const uint32_t size = (Byte(1) & 0x3fu) << 2;
    if (Byte(0) >> 6 != 0 || size < 8) return Unknown();
    const uint8_t next = Byte(3);
    position_ += size;
    switch (next) {
      case 1: return Header::kIpv4;
      case 2: return Header::kIpv6;
      case 3: return Header::kEthernet;
      case 4: return Header::kNsh;
      case 5: return Header::kMpls;
      default: return Unknown();
    }
  }

  Header ReadPpp() {
    if (!Has(2)) return Header::kUnknown;
    if (Word(0) == 0xff03) position_ += 2;
    if (!Has(2)) return Header::kUnknown;
    const bool compressed = (Byte(0) & 1) != 0;
    const uint16_t protocol = compressed ? Byte(0) : Word(0);
    position_ += compressed ? 1 : 2;
    switch (protocol) {
      case 0x0021: return Header::kIpv4;
      case 0x0057: return Header::kIpv6;
      case 0x0281: case 0x0283: return Header::kMpls;
      default: return protocol < 0x8000 ? Unknown() : Header::kUnknown;
    }
  }

  Header ReadVersion() {
    if (!Has(1)) return Header::kUnknown;
    const uint8_t version = Byte(0) >> 4;
    return version == 4 ? Header::kIpv4 : version == 6 ? Header::kIpv6 : Unknown();
  }

  bool ReadIpv4() {
    if (!Has(20)) return false;
    const uint8_t first = Byte(0);
    if (first >> 4 != 4 || (first & 15) < 5) return false;
    isFragment_ = (Word(6) & 0x3fff) != 0;
    protocol_ = Byte(9);
    addresses_ = Fold64(Load64(packet_ + position_ + 12));
    position_ += (first & 15u) << 2;
    return true;
  }

  bool ReadIpv6() {
    if (!Has(40) || Byte(0) >> 4 != 6) return false;
    const uint8_t* ends = packet_ + position_ + 8;
    addresses_ = Fold64(Load64(ends) ^ Load64(ends + 8) ^ Load64(ends + 16) ^ Load64(ends + 24));
    uint8_t protocol = Byte(6);
    position_ += 40;
    // Extension headers, up to one that was not captured.
    for (;;) {
      uint32_t unit = 0;
      switch (protocol) {
        case 0: case 43: case 60: case 135: case 139: case 140:
          unit = 8;
          break;
        case 51:
          unit = 4;
          break;
        case 44:
          break;
        default:
          protocol_ = protocol;
          return true;
      }
      if (!Has(8)) {
        protocol_ = kNoProtocol;
        return true;
      }
      // A fragment header without an offset and without more of them is that of a whole packet.
      if (protocol == 44 && (Word(2) & 0xfff9) != 0) {
        isFragment_ = true;
        return true;
      }
      protocol = Byte(0);
      position_ += 8 + unit * Byte(1);
    }
  }

  // By bytes 2 to 5 of both hardware addresses.
  int32_t HardwareFlow(uint16_t* addresses, uint32_t* ports) const {
    if (unknown_ || (hardware_ == kNowhere && length_ < 12)) return kFlowNotComputed;
    const uint8_t* frame = packet_ + (hardware_ == kNowhere ? 0 : hardware_);
    const uint32_t folded = Load32(frame + 2) ^ Load32(frame + 8);
    *addresses = static_cast<uint16_t>(folded ^ (folded >> 16));
    *ports = kConstantPorts;
    return FlowWord(kFlowWithoutPorts, *addresses, kConstantPorts);
  }

  const uint8_t* packet_;
  uint32_t length_;
  uint32_t position_ = 0;
  uint32_t hardware_ = kNowhere;  // where the last Ethernet header starts that was not merely guessed
  uint16_t type_ = 0;
  bool unknown_ = false;  // whether it ended at a protocol that nothing here reads
  bool isFragment_ = false;
  uint8_t protocol_ = kNoProtocol;
  uint16_t addresses_ = 0;
};

// Apart, so that the loops around FastPathFlow stay small.
inline __attribute__((noinline)) int32_t ParsedFlow(const uint8_t* packet, uint32_t length, uint16_t* addresses, uint32_t* ports) {
  return FlowWalk(packet, length).Flow(addresses, ports);
}

}  // namespace bricks
