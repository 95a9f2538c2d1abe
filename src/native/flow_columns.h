// The flow columns of a packet, for the plain cases only: Ethernet, up to two VLAN tags, IPv4 or
// IPv6 without extension headers, no fragment, no encapsulation. Everything else is left to
// src/net/flow.ts (0), which is the definition; a test holds the two equal.
// Cost: about 3 ns a packet once its first cache line is there.
#pragma once

#include <cstdint>
#include <cstring>

namespace bricks {

// What the column flowWord holds of a packet: 0 where it was not computed, else its kind in the high half
// and, in the low half, the flow word by addresses and ports of a load balancer at the first level.
enum FlowKind : int32_t {
  kFlowNotComputed = 0,
  kFlowWithPorts = 2,
  kFlowWithoutPorts = 3,
};

// What stands in for ports where a packet has none (source << 16 | destination).
constexpr uint32_t kConstantPorts = 0xFDFFFEFFu;

inline uint16_t Load16(const uint8_t* at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline uint32_t Load32(const uint8_t* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline uint64_t Load64(const uint8_t* at) {
  uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline uint16_t Fold64(uint64_t value) {
  const uint32_t half = static_cast<uint32_t>(value) ^ static_cast<uint32_t>(value >> 32);
  return __builtin_bswap16(static_cast<uint16_t>(half ^ (half >> 16)));
}

inline bool IsVlanTag(uint16_t typeAsRead) {
  return typeAsRead == 0x0081 || typeAsRead == 0xa888 || typeAsRead == 0x0091;
}

// TCP or UDP, in one step: which of the two a packet is no processor can guess, and a wrong guess costs 5 ns.
inline bool HasPorts(uint8_t protocol) { return ((0x20040u >> (protocol & 31)) & (protocol < 32 ? 1u : 0u)) != 0; }

inline int32_t FlowWord(FlowKind kind, uint16_t addresses, uint32_t ports) {
  return (kind << 16) | static_cast<uint16_t>(addresses ^ ((ports >> 16) + 1) ^ (ports + 1));
}

// What most packets are: IP without options or extension headers, whole, TCP or UDP, with one tag of 802.1Q or none.
// A few wide loads and comparisons: 2.5 ns a packet less than field by field. Without `kFields` the word alone is
// answered, for graphs that read nothing else.
template <bool kFields = true>
inline __attribute__((always_inline)) int32_t CommonFlow(const uint8_t* at, uint32_t length, uint16_t* addresses, uint32_t* ports) {
  if (length < 38) return kFlowNotComputed;
  uint64_t type = Load64(at + 12);  // of the frame, or of its tag, and what follows
  // A branch, as `expect` asks for: without one, all loads below would wait for this.
  if (__builtin_expect(static_cast<uint16_t>(type) == 0x0081, 0)) {
    type >>= 32;
    at += 4;
    length -= 4;
    if (length < 38) return kFlowNotComputed;
  }
  uint64_t folded;
  uint32_t bothPorts;
  if ((type & 0xffffff) == 0x450008) {
    const uint64_t flagsToSource = Load64(at + 20);  // flags and offset, time to live, protocol, checksum, half an address
    if ((flagsToSource & 0xff3f) != 0 || !HasPorts(static_cast<uint8_t>(flagsToSource >> 24))) return kFlowNotComputed;
    folded = Load64(at + 26);
    bothPorts = Load32(at + 34);
  } else if ((type & 0xf0ffff) == 0x60dd86 && length >= 58) {
    if (!HasPorts(at[20])) return kFlowNotComputed;
    folded = Load64(at + 22) ^ Load64(at + 30) ^ Load64(at + 38) ^ Load64(at + 46);
    bothPorts = Load32(at + 54);
  } else {
    return kFlowNotComputed;
  }
  const uint16_t addressWord = Fold64(folded);
  bothPorts = __builtin_bswap32(bothPorts);
  if (kFields) {
    *addresses = addressWord;
    *ports = bothPorts;
  }
  return FlowWord(kFlowWithPorts, addressWord, bothPorts);
}

// Bytes [packet, packet + length) are read, never more.
template <bool kFields = true>
inline __attribute__((always_inline)) int32_t FlowColumns(const uint8_t* packet, uint32_t length, uint16_t* addresses, uint32_t* ports) {
  // The loads below are meant for little-endian machines; src/net does all on others.
  if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__) return kFlowNotComputed;
  const int32_t word = CommonFlow<kFields>(packet, length, addresses, ports);
  if (word != kFlowNotComputed) return word;
  uint32_t network = 14;
  if (length < 34) return kFlowNotComputed;
  uint16_t type = Load16(packet + 12);
  if (IsVlanTag(type)) {
    type = Load16(packet + 16);
    network = 18;
    if (IsVlanTag(type)) {
      type = Load16(packet + 20);
      network = 22;
    }
  }
  uint8_t protocol;
  uint32_t transport;
  uint64_t folded;
  if (type == 0x0008) {
    if (length < network + 20) return kFlowNotComputed;
    const uint8_t* ip = packet + network;
    const uint8_t first = ip[0];
    if ((first >> 4) != 4 || (first & 15) < 5) return kFlowNotComputed;
    if (Load16(ip + 6) & 0xff3f) return kFlowNotComputed;  // more fragments, or an offset
    protocol = ip[9];
    transport = network + ((first & 15u) << 2);
    folded = Load64(ip + 12);
  } else if (type == 0xdd86) {
    if (length < network + 40) return kFlowNotComputed;
    const uint8_t* ip = packet + network;
    if ((ip[0] >> 4) != 6) return kFlowNotComputed;
    protocol = ip[6];
    transport = network + 40;
    folded = Load64(ip + 8) ^ Load64(ip + 16) ^ Load64(ip + 24) ^ Load64(ip + 32);
    switch (protocol) {
      case 0: case 43: case 44: case 51: case 60: case 135: case 139: case 140:
        return kFlowNotComputed;
      default:
        break;
    }
  } else {
    return kFlowNotComputed;
  }
  const uint16_t addressWord = Fold64(folded);
  *addresses = addressWord;
  if (HasPorts(protocol)) {
    if (length < transport + 4) return kFlowNotComputed;
    const uint32_t bothPorts = __builtin_bswap32(Load32(packet + transport));
    *ports = bothPorts;
    return FlowWord(kFlowWithPorts, addressWord, bothPorts);
  }
  if (protocol == 4 || protocol == 41 || protocol == 47 || protocol == 103) return kFlowNotComputed;
  *ports = kConstantPorts;
  return FlowWord(kFlowWithoutPorts, addressWord, kConstantPorts);
}

}  // namespace bricks
