// The tuples in use, as a reader has them at hand.
#include <cstring>

#include "rule_table.h"

namespace bricks {
namespace rules {

void RuleTable::LoadTuples(uint32_t which) {
  const uint32_t version = Load(memory_.control + kControlTuples + which);
  if (version == tuplesVersion_[which]) return;
  tuplesVersion_[which] = version;
  std::vector<Tuple>& tuples = tuples_[which];
  tuples.clear();
  others_[which].clear();
  if (which == 0) {
    addresses_ = -1;
    connections_[0] = connections_[1] = 0;
  }
  std::memset(subnets_[which], 0, sizeof subnets_[which]);
  hasSubnets_[which] = false;
  const uint32_t* list = memory_.tuples[which] + (kTuplesMaximum + 1) * kTupleWords + (version & 1) * kListWords;
  const uint32_t count = list[0] < kTuplesMaximum ? list[0] : kTuplesMaximum;
  for (uint32_t k = 1; k <= count; k++) {
    const uint32_t number = list[k] & 0xff;
    const uint32_t* words = memory_.tuples[which] + number * kTupleWords;
    const uint32_t how = words[kTupleHow];
    const uint32_t needs = (how >> 8) & 0xff;
    Tuple tuple = {};
    tuple.number = number;
    tuple.how = how & 15;
    tuple.version = (how >> 4) & 15;
    tuple.ports = (needs & kMetaPorts) != 0;
    tuple.metaMask = needs | (tuple.version != 0 ? 15 : 0) | ((needs & kMetaProtocol) != 0 ? 0xffu << kMetaProtocolShift : 0);
    tuple.metaWanted = needs | tuple.version | ((needs & kMetaProtocol) != 0 ? ((how >> 16) & 0xff) << kMetaProtocolShift : 0);
    tuple.prefix = how >> 24;
    tuple.firstHash = number * 0x9e3779b9u;
    // Those of either address are compared with the destination's words too, which stand behind the source's.
    const uint32_t last = tuple.how == kHowEitherAddress ? kKeyDestination - 1 : 12;
    for (uint32_t word = 1; word <= last; word++) {
      if ((words[kTupleUsed] >> word & 1) == 0) continue;
      tuple.word[tuple.words] = static_cast<uint8_t>(word);
      tuple.place[tuple.words] = static_cast<uint8_t>(which == 1 ? word - 1 : word == kKeySource ? 0 : word == kKeyDestination ? 1 : 2);
      if (which == 0) tuple.plain[tuple.place[tuple.words]] = words[word];
      tuple.mask[tuple.words++] = words[word];
    }
    const bool hinted = which == 0 ? tuple.prefix > 0 && tuple.prefix < 32 : tuple.prefix >= kHintShortestWide && tuple.prefix < 128;
    if (tuple.how == kHowEitherAddress && hinted) {
      subnets_[which][tuple.prefix] = static_cast<uint16_t>(tuples.size() + 1);
      hasSubnets_[which] = true;
      if (which == 0) subnetHashes_[tuple.prefix] = tuple.firstHash;
    } else if (which == 0 && tuple.how == kHowConnection && tuple.words == 3 && (needs & kMetaProtocol) != 0) {
      // Others than TCP and UDP have no ports.
      connections_[(how >> 16 & 0xff) == kProtocolTcp ? 1 : 0] = static_cast<uint16_t>(tuples.size() + 1);
    } else {
      others_[which].push_back(static_cast<uint16_t>(tuples.size()));
      if (which == 0 && tuple.how == kHowEitherAddress && tuple.prefix == 32 && tuple.words == 1) addresses_ = static_cast<int32_t>(tuples.size());
    }
    tuples.push_back(tuple);
  }
}

}  // namespace rules
}  // namespace bricks
