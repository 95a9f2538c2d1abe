// A batch's columns as plain pointers (src/model/packet-batch.ts); what knows nothing of Node uses these.
#pragma once

#include <cstdint>

namespace bricks::netmap {

struct Columns {
  uint32_t capacity = 0;
  uint32_t* offset = nullptr;
  uint32_t* length = nullptr;
  uint32_t* wireLength = nullptr;
  uint32_t* seconds = nullptr;
  uint32_t* nanoseconds = nullptr;
  // Where the packet's slot lies in the region, or kNoSlot: its sender must copy it.
  uint32_t* slot = nullptr;
  uint32_t* flowPorts = nullptr;
  uint16_t* flowAddresses = nullptr;
  int32_t* flowWord = nullptr;
};

// Which of the flow columns are filled: none, the word alone, or all.
enum class FlowNeed { kNone, kWord, kAll };

// What of the columns anybody reads; the others are left as they are.
struct ColumnNeeds {
  FlowNeed flow = FlowNeed::kAll;
  // Time and length on the wire.
  bool arrival = true;
};

// No slot lies at the start of a region: the pool of interfaces is there.
constexpr uint32_t kNoSlot = 0;

// Positions in a link's counter record (src/model/counters.ts, drop-reasons.ts), told by TypeScript.
struct LinkSlots {
  uint32_t noReader = 2;
  uint32_t ringFull = 3;
  uint32_t tooLong = 4;
  uint32_t interfaceBusy = 5;
  uint32_t interfaceDown = 6;
  uint32_t linkType = 9;
  uint32_t malformed = 11;
  uint32_t backendError = 13;
};
constexpr uint32_t kPackets = 0;
constexpr uint32_t kBytes = 1;

inline uint32_t NextSlot(uint32_t slot, uint32_t slots) { return slot + 1 == slots ? 0 : slot + 1; }
// Slots from `from` up to but not including `to`.
inline uint32_t SlotsBetween(uint32_t from, uint32_t to, uint32_t slots) { return to >= from ? to - from : to + slots - from; }

}  // namespace bricks::netmap
