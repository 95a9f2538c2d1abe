// What a packet's rule says is done and counted: one function, which is inlined where rules are found.
#pragma once

#include <cstring>

#include "rule_table.h"

namespace bricks {
namespace rules {

// A record's number of bytes, and of packets, without the time of the last hit above it.
constexpr uint64_t kBytesMask = (uint64_t{1} << kBytesBits) - 1;
constexpr uint64_t kPacketsMask = (uint64_t{1} << kPacketsBits) - 1;
static_assert(kRecordPackets[0] == kRecordBytes[0] + 2 && kRecordPackets[1] == kRecordBytes[1] + 2, "packets are counted behind bytes");

// What is the same for the rows at work, and what is counted of DROP rules, which most are: in registers.
struct RuleTable::Decision {
  const uint32_t* actions;
  uint64_t bytesSecond;
  uint64_t packetsSecond;
  bool counts;
  uint64_t dropPackets = 0;
  uint64_t dropBytes = 0;
};

// A rule that applies, and what of its record is read and written here.
struct RuleTable::Found {
  uint32_t number;
  uint32_t* noted;
  uint32_t* counters;
};

// Returns where the packet goes.
BRICKS_INLINE uint16_t RuleTable::Apply(Decision& decision, const Found& found, uint32_t flags, uint32_t size) {
  const uint32_t action = *found.noted;
  const uint32_t what = decision.actions[size_t{action & kActionMask} * kActionWords + kActionWhat];
  uint16_t next = kNextDrop;
  if (__builtin_expect((what & (kActionShunt | 15)) != kTypeDrop, 0)) next = ApplyOther(found, what, flags, size, decision.counts);
  if (!decision.counts) return next;
  uint64_t count[2];
  std::memcpy(count, found.counters, sizeof count);
  count[0] = ((count[0] + size) & kBytesMask) | decision.bytesSecond;
  count[1] = ((count[1] + 1) & kPacketsMask) | decision.packetsSecond;
  std::memcpy(found.counters, count, sizeof count);
  if ((flags << kFlagsShift & ~action) != 0) *found.noted = action | flags << kFlagsShift;
  const uint64_t drops = (what & 15) == kTypeDrop ? 1 : 0;
  decision.dropPackets += drops;
  decision.dropBytes += size & (0 - drops);
  return next;
}

}  // namespace rules
}  // namespace bricks
