// Made by tools/native-contract.cjs from src/model/packet-batch.ts, counters.ts and drop-reasons.ts and src/flow/link-types.ts, where all of it is
// declared and explained. Change it there; the set-up, or node tools/native-contract.cjs, writes it anew.
#ifndef BRICKS_CONTRACT_H
#define BRICKS_CONTRACT_H

#include <cstdint>

namespace bricks {

// A number for all of this: script refuses a native part that was built with another one.
constexpr uint32_t kContract = 1127406314u;

// The columns of a packet batch, for code that knows nothing of Node.
struct PacketColumns {
  uint32_t capacity = 0;
  uint32_t* offset = nullptr;
  uint32_t* length = nullptr;
  uint32_t* wireLength = nullptr;
  uint32_t* seconds = nullptr;
  uint32_t* nanoseconds = nullptr;
  uint16_t* flowAddresses = nullptr;
  uint32_t* flowPorts = nullptr;
  int32_t* flowWord = nullptr;
  uint32_t* slot = nullptr;

  // Calls visit(pointer, name) for each column, with the pointer as a reference.
  template <typename Visit>
  void ForEach(Visit&& visit) {
    visit(offset, "offset");
    visit(length, "length");
    visit(wireLength, "wireLength");
    visit(seconds, "seconds");
    visit(nanoseconds, "nanoseconds");
    visit(flowAddresses, "flowAddresses");
    visit(flowPorts, "flowPorts");
    visit(flowWord, "flowWord");
    visit(slot, "slot");
  }
};

constexpr uint32_t kHeaderBytes = 64;

// The kind of a flow, in the high half of flowWord.
enum FlowKind : int32_t {
  kFlowNotComputed = 0,
  kFlowWithPorts = 2,
  kFlowWithoutPorts = 3,
};

// Slots of a link's record of counters.
enum LinkSlot : uint32_t {
  kLinkPackets = 0,
  kLinkBytes = 1,
  kDropNoReader = 2,
  kDropRingFull = 3,
  kDropTooLong = 4,
  kDropInterfaceBusy = 5,
  kDropInterfaceDown = 6,
  kDropDiskSlow = 7,
  kDropDiskError = 8,
  kDropLinkType = 9,
  kDropDecision = 10,
  kDropMalformed = 11,
  kDropNoBuffer = 12,
  kDropBackendError = 13,
  kDropCaptureFull = 14,
  kDropEngineHung = 15,
};
// How many it has in all.
constexpr uint32_t kLinkRecord = 16;

// Link types as capture files number them.
enum LinkType : uint32_t {
  kLinkTypeNull = 0,
  kLinkTypeEthernet = 1,
  kLinkTypePpp = 9,
  kLinkTypeRaw12 = 12,
  kLinkTypeRaw14 = 14,
  kLinkTypePppHdlc = 50,
  kLinkTypeRaw = 101,
  kLinkTypeLoop = 108,
  kLinkTypeLinuxSll = 113,
  kLinkTypeIpv4 = 228,
  kLinkTypeIpv6 = 229,
  kLinkTypeLinuxSll2 = 276,
};

}  // namespace bricks

#endif
