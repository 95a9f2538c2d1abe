// Made by tools/native-contract.cjs from src/rules/layout.ts, where all of it is declared and explained. Change it there; the set-up, or
// node tools/native-contract.cjs, writes it anew.
#ifndef BRICKS_RULE_LAYOUT_H
#define BRICKS_RULE_LAYOUT_H

#include <cstdint>

namespace bricks {
namespace rules {

constexpr uint32_t kActionsMaximum = 65535;
constexpr uint32_t kActionKey = 3;
constexpr uint32_t kActionMask = 65535;
constexpr uint32_t kActionOutputShift = 8;
constexpr uint32_t kActionParts = 2;
constexpr uint32_t kActionPriority = 1;
constexpr uint32_t kActionShunt = 16;
constexpr uint32_t kActionWhat = 0;
constexpr uint32_t kActionWords = 16;
constexpr uint32_t kBytesBits = 56;
constexpr uint32_t kClassIpv4 = 0;
constexpr uint32_t kClassShift = 24;
constexpr uint32_t kClassWide = 1;
constexpr uint32_t kControlHints = 5;
constexpr uint32_t kControlLines = 3;
constexpr uint32_t kControlOutputs = 9;
constexpr uint32_t kControlReader = 0;
constexpr uint32_t kControlSeed = 2;
constexpr uint32_t kControlSets = 1;
constexpr uint32_t kControlShunts = 10;
constexpr uint32_t kControlTotals = 16;
constexpr uint32_t kControlTuples = 7;
constexpr uint32_t kControlWords = 64;
constexpr uint32_t kDurationMaximum = 65535;
constexpr uint32_t kFlagsShift = 16;
constexpr uint32_t kHintBegin[] = {0, 0, 65536, 131072, 1179648};
constexpr uint32_t kHintBits[] = {0, 16, 16, 20, 20};
constexpr uint32_t kHintBitsLarge = 20;
constexpr uint32_t kHintBitsSmall = 16;
constexpr uint32_t kHintShortestWide = 32;
constexpr uint32_t kHintWords = 2228224;
constexpr uint32_t kHowConnection = 2;
constexpr uint32_t kHowDirected = 0;
constexpr uint32_t kHowEitherAddress = 1;
constexpr uint32_t kHowEitherMac = 3;
constexpr uint32_t kIndexMask = 16777215;
constexpr uint32_t kKeyDestination = 5;
constexpr uint32_t kKeyFlags = 13;
constexpr uint32_t kKeyMacs = 10;
constexpr uint32_t kKeyMeta = 0;
constexpr uint32_t kKeyPorts = 9;
constexpr uint32_t kKeySource = 1;
constexpr uint32_t kKeyWords = 16;
constexpr uint32_t kLinesLogMinimum = 4;
constexpr uint32_t kLineLoad = 12;
constexpr uint32_t kLinePlaces = 15;
constexpr uint32_t kLineShift = 4;
constexpr uint32_t kLineWords = 16;
constexpr uint32_t kListWords = 256;
constexpr uint32_t kMetaMacs = 32;
constexpr uint32_t kMetaPorts = 16;
constexpr uint32_t kMetaProtocol = 64;
constexpr uint32_t kMetaProtocolShift = 8;
constexpr uint32_t kMetaUnread = 128;
constexpr uint32_t kNextDrop = 65535;
constexpr uint32_t kOrderMask = 1073741823;
constexpr uint32_t kPacketsBits = 48;
constexpr uint32_t kPartDestination = 2;
constexpr uint32_t kPartDestinationMac = 32;
constexpr uint32_t kPartDestinationPort = 8;
constexpr uint32_t kPartSource = 1;
constexpr uint32_t kPartSourceMac = 16;
constexpr uint32_t kPartSourcePort = 4;
constexpr uint32_t kRecordAction[] = {3, 12};
constexpr uint32_t kRecordBytes[] = {6, 16};
constexpr uint32_t kRecordDeadline[] = {5, 14};
constexpr uint32_t kRecordOrder[] = {4, 13};
constexpr uint32_t kRecordPackets[] = {8, 18};
constexpr uint32_t kRecordWords[] = {10, 20};
constexpr uint32_t kSecondMask = 16777215;
constexpr uint32_t kSetsAfter = 3;
constexpr uint32_t kSetsBefore = 5;
constexpr uint32_t kSetComing = 1;
constexpr uint32_t kSetLeaving = 2;
constexpr uint32_t kSetSettled = 0;
constexpr uint32_t kSetShift = 30;
constexpr uint32_t kSetStaged = 3;
constexpr uint32_t kTcpEnds = 7;
constexpr uint32_t kTuplesMaximum = 255;
constexpr uint32_t kTupleHow = 0;
constexpr uint32_t kTupleUsed = 13;
constexpr uint32_t kTupleWords = 16;
constexpr uint32_t kTypeDrop = 0;
constexpr uint32_t kTypeModify = 3;
constexpr uint32_t kTypeRedirect = 2;
constexpr uint32_t kTypeWhitelist = 1;

}  // namespace rules
}  // namespace bricks

#endif
