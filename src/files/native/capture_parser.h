// The fast parser of capture records: classic pcap, and the enhanced packets of pcapng. It works on
// the words that src/files/reader-state.ts describes and does what pcap.ts and pcapng.ts do, which
// are the definition; whatever is no plain packet it leaves to them. A test holds the two equal.
#pragma once

#include <cstdint>
#include <cstring>

#include "contract.h"
#include "flow_columns.h"

namespace bricks {

enum ReaderWord : uint32_t {
  kPosition, kEnd, kFormat, kSwapped, kSpanSeconds, kSpanNanoseconds, kStop, kRows, kBytes, kNextSeconds,
  kNextNanoseconds, kFloorSeconds, kLinkType, kUnits, kRecordHeader, kOldLengths, kInterfaces, kFlow, kDamage, kNotes, kSkip, kTooLong,
  kTable = 32,
};
enum ReaderStop : uint32_t { kStopFull, kStopMore, kStopTime, kStopLinkType, kStopOther, kStopDamaged, kStopSkipped };
enum ReaderDamage : uint32_t { kDamagePacketLength = 1, kDamageBlockLength, kDamageTrailer, kDamagePacketInBlock, kDamageInterface };

constexpr uint32_t kTableRow = 8;
constexpr uint32_t kTableRows = 64;
constexpr uint32_t kReaderWords = kTable + kTableRow * kTableRows;
constexpr uint32_t kMaximumPacket = 1u << 20;
constexpr uint32_t kLongestPacket = 1u << 27;
constexpr uint32_t kMaximumBlock = kMaximumPacket + (256u << 10);

struct ReaderColumns : PacketColumns {
  // Three columns of `capacity` (src/model/packet-notes.ts), or nullptr.
  uint32_t* notes = nullptr;
};

template <bool kSwap>
inline uint32_t Word(const uint8_t* at) {
  const uint32_t value = Load32(at);
  return kSwap ? __builtin_bswap32(value) : value;
}

// Whether the words can be what a reader left: then no access leaves the window or the columns.
inline bool IsSound(const uint32_t* state, size_t windowBytes, uint32_t capacity) {
  if (state[kEnd] > windowBytes || state[kPosition] > state[kEnd] || state[kRows] > capacity) return false;
  if (state[kFormat] != 0) return state[kInterfaces] <= kTableRows;
  // A record's header has 16 bytes or more; units divide a second into nanoseconds.
  return state[kUnits] > 0 && state[kUnits] <= 1000000000 && state[kRecordHeader] >= 16 && state[kRecordHeader] <= 64;
}

struct ReaderStep {
  uint32_t seconds;
  uint32_t nanoseconds;
  uint32_t length;
  uint32_t wireLength;
  uint32_t packet;  // where it starts in the window
  uint32_t next;    // where the next record starts
  uint32_t interface;
  uint32_t options;       // where a packet's options start, and how many bytes they have
  uint32_t optionsBytes;
};

inline bool Stopped(uint32_t* state, uint32_t stop) {
  state[kStop] = stop;
  return false;
}

inline bool Damaged(uint32_t* state, uint32_t damage) {
  state[kDamage] = damage;
  return Stopped(state, kStopDamaged);
}

template <bool kSwap>
inline bool NextPcapRecord(uint32_t* state, const uint8_t* window, uint32_t position, uint32_t end, uint32_t units,
                           uint32_t nanosecondsOfUnit, uint32_t header, bool oldLengths, ReaderStep* step) {
  if (end - position < header) return Stopped(state, kStopMore);
  const uint8_t* record = window + position;
  uint32_t seconds = Word<kSwap>(record);
  uint32_t fraction = Word<kSwap>(record + 4);
  uint32_t length = Word<kSwap>(record + 8);
  uint32_t wireLength = Word<kSwap>(record + 12);
  if (oldLengths && length > wireLength) {
    const uint32_t exchanged = length;
    length = wireLength;
    wireLength = exchanged;
  }
  if (__builtin_expect(length > kMaximumPacket, 0)) {
    if (length > kLongestPacket) return Damaged(state, kDamagePacketLength);
    // Skipped: the rest may lie behind the window.
    const uint32_t next = position + header + length;
    state[kTooLong]++;
    state[kSkip] = next > end ? next - end : 0;
    step->next = next > end ? end : next;
    return Stopped(state, kStopSkipped);
  }
  if (end - position - header < length) return Stopped(state, kStopMore);
  if (__builtin_expect(fraction >= units, 0)) {
    seconds += fraction / units;
    fraction %= units;
  }
  *step = {seconds, fraction * nanosecondsOfUnit, length, wireLength, position + header, position + header + length, 0, 0, 0};
  return true;
}

inline void InterfaceTime(const uint32_t* interface, uint64_t stamp, ReaderStep* step) {
  const uint64_t units = interface[1] | static_cast<uint64_t>(interface[2]) << 32;
  const uint64_t added = interface[3] | static_cast<uint64_t>(interface[4]) << 32;
  uint64_t seconds;
  uint64_t rest;
  // Division by a constant is a multiplication: the two usual resolutions have their own branch.
  if (units == 1000000) {
    seconds = stamp / 1000000;
    step->nanoseconds = static_cast<uint32_t>(stamp % 1000000) * 1000;
  } else if (units == 1000000000) {
    seconds = stamp / 1000000000;
    step->nanoseconds = static_cast<uint32_t>(stamp % 1000000000);
  } else {
    seconds = stamp / units;
    rest = stamp % units;
    step->nanoseconds = static_cast<uint32_t>(static_cast<unsigned __int128>(rest) * 1000000000u / units);
  }
  step->seconds = static_cast<uint32_t>(seconds + added);
}

// How many of `room` bytes are options that a copy may have as they are, or kRareOptions: TypeScript knows what to do with those.
constexpr uint32_t kRareOptions = 0xffffffff;

inline uint32_t PlainOptions(const uint8_t* options, uint32_t room) {
  uint32_t at = 0;
  while (room - at >= 4) {
    uint16_t code;
    uint16_t length;
    std::memcpy(&code, options + at, sizeof code);
    std::memcpy(&length, options + at + 2, sizeof length);
    if (code == 0) return length == 0 ? at + 4 : kRareOptions;
    const uint32_t padded = (length + 3u) & ~3u;
    // Two kinds of custom options are not to be copied.
    if (code == 19372 || code == 19373 || padded > room - at - 4) return kRareOptions;
    at += 4 + padded;
  }
  return at;
}

template <bool kSwap>
inline bool NextEnhancedPacket(uint32_t* state, const uint8_t* window, uint32_t position, uint32_t end, uint32_t row, ReaderStep* step) {
  if (end - position < 12) return Stopped(state, kStopMore);
  const uint8_t* block = window + position;
  if (Word<kSwap>(block) != 6) return Stopped(state, kStopOther);
  const uint32_t total = Word<kSwap>(block + 4);
  if (total < 32 || (total & 3) != 0) return Damaged(state, kDamageBlockLength);
  if (total > kMaximumBlock) return Stopped(state, kStopOther);
  if (total > end - position) return Stopped(state, kStopMore);
  if (Word<kSwap>(block + total - 4) != total) return Damaged(state, kDamageTrailer);
  const uint32_t index = Word<kSwap>(block + 8);
  if (index >= state[kInterfaces]) return Stopped(state, kStopOther);
  const uint32_t* interface = state + kTable + index * kTableRow;
  if ((interface[1] | interface[2]) == 0) return Stopped(state, kStopOther);
  const uint32_t length = Word<kSwap>(block + 20);
  if (length > kMaximumPacket) return Stopped(state, kStopOther);
  if (length > total - 32) return Damaged(state, kDamagePacketInBlock);
  const uint32_t padded = (length + 3) & ~3u;
  step->interface = index;
  step->options = position + 28 + padded;
  step->optionsBytes = 0;
  if (state[kNotes] != 0 && total - 32 > padded) {
    step->optionsBytes = kSwap ? kRareOptions : PlainOptions(block + 28 + padded, total - 32 - padded);
    if (step->optionsBytes == kRareOptions) return Stopped(state, kStopOther);
  }
  if (interface[0] != state[kLinkType]) {
    if (row > 0) return Stopped(state, kStopLinkType);
    state[kLinkType] = interface[0];
  }
  step->length = length;
  step->wireLength = Word<kSwap>(block + 24);
  step->packet = position + 28;
  step->next = position + total;
  InterfaceTime(interface, static_cast<uint64_t>(Word<kSwap>(block + 12)) << 32 | Word<kSwap>(block + 16), step);
  return true;
}

template <bool kSwap, bool kNextGeneration>
void ParseRecords(uint32_t* state, uint8_t* window, const ReaderColumns& columns) {
  const uint32_t end = state[kEnd];
  const uint32_t units = state[kUnits];
  const uint32_t nanosecondsOfUnit = kNextGeneration ? 0 : 1000000000u / units;
  const uint32_t header = state[kRecordHeader];
  const bool oldLengths = state[kOldLengths] != 0;
  const uint32_t floor = state[kFloorSeconds];
  const uint64_t span = static_cast<uint64_t>(state[kSpanSeconds]) << 32 | state[kSpanNanoseconds];
  const bool flow = state[kFlow] != 0;
  const bool notes = kNextGeneration && state[kNotes] != 0;
  uint32_t position = state[kPosition];
  uint32_t row = state[kRows];
  uint32_t bytes = state[kBytes];
  state[kStop] = kStopFull;
  while (row < columns.capacity) {
    ReaderStep step;
    const bool found = kNextGeneration
                           ? NextEnhancedPacket<kSwap>(state, window, position, end, row, &step)
                           : NextPcapRecord<kSwap>(state, window, position, end, units, nanosecondsOfUnit, header, oldLengths, &step);
    if (!found) {
      if (state[kStop] != kStopSkipped) break;
      state[kStop] = kStopFull;
      position = step.next;
      continue;
    }
    if (__builtin_expect((static_cast<uint64_t>(step.seconds - floor) << 32 | step.nanoseconds) >= span, 0)) {
      state[kNextSeconds] = step.seconds;
      state[kNextNanoseconds] = step.nanoseconds;
      state[kStop] = kStopTime;
      break;
    }
    // Packets start at multiples of 4: one that does not moves down over its own header.
    const uint32_t aligned = step.packet & ~3u;
    if (aligned != step.packet) std::memmove(window + aligned, window + step.packet, step.length);
    columns.seconds[row] = step.seconds;
    columns.nanoseconds[row] = step.nanoseconds;
    columns.length[row] = step.length;
    columns.wireLength[row] = step.wireLength < step.length ? step.length : step.wireLength;
    columns.offset[row] = aligned;
    columns.flowWord[row] = flow && state[kLinkType] == kLinkTypeEthernet
                                ? FlowColumns(window + aligned, step.length, &columns.flowAddresses[row], &columns.flowPorts[row])
                                : kFlowNotComputed;
    if (notes) {
      columns.notes[row] = step.interface;
      columns.notes[columns.capacity + row] = step.options;
      columns.notes[2 * columns.capacity + row] = step.optionsBytes;
    }
    bytes += step.length;
    position = step.next;
    row++;
  }
  state[kPosition] = position;
  state[kRows] = row;
  state[kBytes] = bytes;
}

inline void ParseRecords(uint32_t* state, uint8_t* window, const ReaderColumns& columns) {
  if (state[kFormat] == 0) {
    if (state[kSwapped]) ParseRecords<true, false>(state, window, columns);
    else ParseRecords<false, false>(state, window, columns);
  } else {
    if (state[kSwapped]) ParseRecords<true, true>(state, window, columns);
    else ParseRecords<false, true>(state, window, columns);
  }
}

}  // namespace bricks
