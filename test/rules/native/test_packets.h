// Packets for tests of the native reader of rules: what is in them is known beforehand, and not a byte behind what was captured of one can be read.
#pragma once

#include <sanitizer/asan_interface.h>

#include <cstring>
#include <random>
#include <vector>

#include "rule_layout.h"

namespace bricks {
namespace rules {

using Random = std::mt19937;
inline uint32_t Below(Random& random, uint32_t end) { return static_cast<uint32_t>(random() % end); }

constexpr uint32_t kStride = 128;

// What a packet is, as far as it was captured.
struct Facts {
  uint32_t version = 0;
  uint32_t source[4] = {}, destination[4] = {};
  uint32_t protocol = 0;
  bool ports = false, macs = false, readable = false;
  uint32_t sourcePort = 0, destinationPort = 0, flags = 0;
  // The last byte of its hardware addresses.
  uint32_t sourceMac = 0, destinationMac = 0;
  uint32_t wireLength = 0;
};

// Few, and some of them often, so that rules and packets meet.
inline uint32_t AnyAddress(Random& random) {
  if (Below(random, 2) == 0) return 0x0a000000u | Below(random, 4);
  return Below(random, 8) == 0 ? static_cast<uint32_t>(random()) : 0x0a000000u | Below(random, 3) << 16 | Below(random, 24);
}

class Packets {
 public:
  explicit Packets(uint32_t rows) : bytes_(size_t{rows} * kStride), offset(rows), length(rows), wireLength(rows), rows_(rows) { __asan_poison_memory_region(bytes_.data(), bytes_.size()); }
  ~Packets() { __asan_unpoison_memory_region(bytes_.data(), bytes_.size()); }
  Packets(const Packets&) = delete;
  Packets& operator=(const Packets&) = delete;

  const uint8_t* Memory() const { return bytes_.data(); }
  size_t Bytes() const { return bytes_.size(); }

  Facts Make(uint32_t row, Random& random) {
    uint8_t frame[kStride] = {};
    Facts facts;
    facts.sourceMac = Below(random, 12);
    facts.destinationMac = Below(random, 12);
    frame[0] = frame[6] = 2;
    frame[5] = static_cast<uint8_t>(facts.destinationMac);
    frame[11] = static_cast<uint8_t>(facts.sourceMac);
    uint32_t at = 14;
    if (Below(random, 4) == 0) {
      Put16(frame + 12, 0x8100);
      at = 18;
    }
    facts.version = Below(random, 3) == 0 ? 6 : 4;
    facts.protocol = Below(random, 5) == 0 ? 1 : Below(random, 2) == 0 ? 6 : 17;
    facts.sourcePort = Below(random, 4);
    facts.destinationPort = Below(random, 4);
    const uint32_t flags = 1u << Below(random, 6);
    Put16(frame + at - 2, facts.version == 4 ? 0x0800 : 0x86dd);
    uint8_t* const packet = frame + at;
    for (uint32_t word = 0; word < (facts.version == 4 ? 1u : 4u); word++) {
      facts.source[word] = AnyAddress(random);
      facts.destination[word] = AnyAddress(random);
      const uint32_t from = facts.version == 4 ? 12 : 8 + 4 * word, to = facts.version == 4 ? 16 : 24 + 4 * word;
      Put32(packet + from, facts.source[word]);
      Put32(packet + to, facts.destination[word]);
    }
    packet[0] = facts.version == 4 ? 0x45 : 0x60;
    packet[facts.version == 4 ? 9 : 6] = static_cast<uint8_t>(facts.protocol);
    const bool fragment = facts.version == 4 && Below(random, 100) == 0;
    if (fragment) Put16(packet + 6, 0x2000);
    const uint32_t transport = at + (facts.version == 4 ? 20 : 40);
    Put16(frame + transport, static_cast<uint16_t>(facts.sourcePort));
    Put16(frame + transport + 2, static_cast<uint16_t>(facts.destinationPort));
    frame[transport + 13] = static_cast<uint8_t>(flags);
    facts.wireLength = transport + 20;
    const uint32_t captured = Below(random, 40) == 0 ? Below(random, facts.wireLength + 1) : facts.wireLength;
    facts.readable = !fragment && captured >= transport;
    facts.macs = facts.readable;
    facts.ports = facts.readable && facts.protocol != 1 && captured >= transport + 4;
    facts.flags = facts.readable && facts.protocol == 6 && captured >= transport + 14 ? flags : 0;
    Write(row, frame, captured, facts.wireLength);
    return facts;
  }

  // Rubbish, which often begins as packets do.
  void MakeAny(uint32_t row, Random& random) {
    constexpr uint16_t types[] = {0x0800, 0x86dd, 0x8100, 0x0806};
    uint8_t frame[kStride];
    for (uint8_t& byte : frame) byte = static_cast<uint8_t>(random());
    Put16(frame + 12, types[Below(random, 4)]);
    if (Below(random, 2) == 0) Put16(frame + 16, types[Below(random, 2)]);
    if (Below(random, 2) == 0) frame[14] = 0x45;
    if (Below(random, 2) == 0) frame[18] = static_cast<uint8_t>(Below(random, 2) == 0 ? 0x45 : 0x60);
    if (Below(random, 2) == 0) frame[20] = frame[21] = 0;
    Write(row, frame, Below(random, 90), kStride);
  }

 private:
  static void Put16(uint8_t* at, uint16_t value) {
    at[0] = static_cast<uint8_t>(value >> 8);
    at[1] = static_cast<uint8_t>(value);
  }
  static void Put32(uint8_t* at, uint32_t value) {
    Put16(at, static_cast<uint16_t>(value >> 16));
    Put16(at + 2, static_cast<uint16_t>(value));
  }

  void Write(uint32_t row, const uint8_t* frame, uint32_t captured, uint32_t wire) {
    // In another order than the rows, so that none lies behind the one before it.
    uint8_t* const place = bytes_.data() + size_t{(rows_ - 1 - row)} * kStride;
    __asan_poison_memory_region(place, kStride);
    __asan_unpoison_memory_region(place, captured);
    if (captured > 0) std::memcpy(place, frame, captured);
    offset[row] = (rows_ - 1 - row) * kStride;
    length[row] = captured;
    wireLength[row] = wire;
  }

  std::vector<uint8_t> bytes_;

 public:
  std::vector<uint32_t> offset, length, wireLength;

 private:
  const uint32_t rows_;
};

}  // namespace rules
}  // namespace bricks
