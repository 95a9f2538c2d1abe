// The flow columns of an Ethernet frame: what src/flow/flow-columns.ts computes, exactly; a test holds the two equal. Where the flow depends
// on a brick's options (fragments, what may hold a packet by its protocol), or needs counting, that is left to the brick (0).
// Cost: about 3 ns a packet once its first cache line is there.
#pragma once

#include <cstdint>

#include "flow_parser.h"
#include "flow_word.h"

namespace bricks {

// What most packets are: IP without options or extension headers, whole, TCP or UDP, with one tag of 802.1Q or none.
// A few wide loads and comparisons: 2.5 ns a packet less than field by field. Without `kFields` the word alone is
// answered, for graphs that read nothing else.
template <bool kFields = true>
inline __attribute__((always_inline)) int32_t FastPathFlow(const uint8_t* at, uint32_t length, uint16_t* addresses, uint32_t* ports) {
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
  if (__builtin_expect((type & 0xffffff) == 0x450008, 1)) {
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

// The flow columns of one packet: what most packets are by a few loads, all others parsed. Bytes [packet, packet + length) are read, never more.
template <bool kFields = true>
inline __attribute__((always_inline)) int32_t FlowColumns(const uint8_t* packet, uint32_t length, uint16_t* addresses, uint32_t* ports) {
  // The loads are meant for little-endian machines; src/flow does all on others.
  if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__) return kFlowNotComputed;
  const int32_t word = FastPathFlow<kFields>(packet, length, addresses, ports);
  return __builtin_expect(word != kFlowNotComputed, 1) ? word : ParsedFlow(packet, length, addresses, ports);
}

}  // namespace bricks
