// The shared memory of rules: src/rules/layout.ts in C.
#pragma once

#include <cstdint>

namespace bricks {
namespace rules {

constexpr uint32_t kClasses = 2;
constexpr uint32_t kKeyWords = 16;
constexpr uint32_t kKeyMeta = 0;
constexpr uint32_t kKeySource = 1;
constexpr uint32_t kKeyDestination = 5;
constexpr uint32_t kKeyPorts = 9;
constexpr uint32_t kKeyMacs = 10;
constexpr uint32_t kKeyFlags = 13;
constexpr uint32_t kTcpEnds = 7;
constexpr uint32_t kMetaPorts = 0x10;
constexpr uint32_t kMetaMacs = 0x20;
constexpr uint32_t kMetaProtocol = 0x40;
constexpr uint32_t kMetaUnread = 0x80;
constexpr uint32_t kMetaProtocolShift = 8;

constexpr uint32_t kRecordWords[kClasses] = {10, 20};
constexpr uint32_t kRecordAction[kClasses] = {3, 12};
constexpr uint32_t kRecordOrder[kClasses] = {4, 13};
constexpr uint32_t kRecordDeadline[kClasses] = {5, 14};
constexpr uint32_t kRecordBytes[kClasses] = {6, 16};
constexpr uint32_t kRecordPackets[kClasses] = {8, 18};
constexpr uint32_t kActionMask = 0xffff;
constexpr uint32_t kFlagsShift = 16;
constexpr uint64_t kBytesMask = (uint64_t{1} << 56) - 1;
constexpr uint64_t kPacketsMask = (uint64_t{1} << 48) - 1;
constexpr uint32_t kIndexMask = 0xffffff;
constexpr uint32_t kSetShift = 30;

constexpr uint32_t kLineWords = 16;

constexpr uint32_t kTuplesMaximum = 255;
constexpr uint32_t kTupleWords = 16;
constexpr uint32_t kTupleUsed = 13;
constexpr uint32_t kListWords = 256;
constexpr uint32_t kHowEitherAddress = 1;
constexpr uint32_t kHowConnection = 2;
constexpr uint32_t kHowEitherMac = 3;

constexpr uint32_t kActionWords = 16;
constexpr uint32_t kActionsMaximum = 65535;
constexpr uint32_t kActionShunt = 0x10;
constexpr uint32_t kActionOutputShift = 8;
constexpr uint32_t kTypeDrop = 0;
constexpr uint32_t kTypeWhitelist = 1;
constexpr uint32_t kTypeRedirect = 2;
constexpr uint32_t kTypeModify = 3;

constexpr uint32_t kControlReader = 0;
constexpr uint32_t kControlSets = 1;
constexpr uint32_t kControlSeed = 2;
constexpr uint32_t kControlLines = 3;
constexpr uint32_t kControlHints = 5;
constexpr uint32_t kControlTuples = 7;
constexpr uint32_t kControlTotals = 16;
constexpr uint32_t kControlWords = 64;

constexpr uint32_t kHintBegin[5] = {0, 0, 1u << 16, 2u << 16, (2u << 16) + (1u << 20)};
constexpr uint32_t kHintBits[5] = {0, 16, 16, 20, 20};
constexpr uint32_t kHintWords = 2 * ((1u << 16) + (1u << 20));
constexpr uint32_t kHintShortestWide = 32;

constexpr uint16_t kNextDrop = 0xffff;

}  // namespace rules
}  // namespace bricks
