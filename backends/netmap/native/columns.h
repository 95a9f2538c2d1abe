// What a receiver fills of a batch's columns, and the slots of rings.
#pragma once

#include <cstdint>

#include "contract.h"

namespace bricks::netmap {

// Which of the flow columns are filled: none, the word alone, or all.
enum class FlowNeed { kNone, kWord, kAll };

// What of the columns anybody reads; the others are left as they are.
struct ColumnNeeds {
  FlowNeed flow = FlowNeed::kAll;
  // Time and length on the wire.
  bool arrival = true;
};

// In the column `slot`, which tells where a packet's slot lies in the region: its sender must copy it. No slot lies at the start of a region: the pool of
// interfaces is there.
constexpr uint32_t kNoSlot = 0;

inline uint32_t NextSlot(uint32_t slot, uint32_t slots) { return slot + 1 == slots ? 0 : slot + 1; }
// Slots from `from` up to but not including `to`.
inline uint32_t SlotsBetween(uint32_t from, uint32_t to, uint32_t slots) { return to >= from ? to - from : to + slots - from; }

}  // namespace bricks::netmap
