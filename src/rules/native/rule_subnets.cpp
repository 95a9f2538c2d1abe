// Subnets of IPv4.
#include "rule_hash.h"
#include "rule_table.h"

namespace bricks {
namespace rules {

// Looks for the prefix lengths that the hints have for an address: mostly none or one. Which addresses have some is as good as random: they are listed without a
// branch first, then looked for.
void RuleTable::FindIpv4Subnets() {
  struct Listed {
    uint32_t address;
    uint32_t prefixes;
    uint16_t row;
    uint16_t side;
  };
  Listed listed[2 * kRowsAtOnce + 1];
  const uint32_t count = now_.count;
  const uint32_t seed = seed_;
  const Class open = classes_[kClassIpv4];
  const uint32_t* const hints = Ipv4Hints();
  const uint32_t shift = 32 - kHintBits[open.region];
  const uint32_t* key = now_.keys;
  for (uint32_t row = 0; row < count && !now_.hashed; row++, key += kKeyWords) {
    __builtin_prefetch(hints + (key[kKeySource] >> shift));
    __builtin_prefetch(hints + (key[kKeyDestination] >> shift));
  }
  key = now_.keys;
  Listed* end = listed;
  for (uint32_t row = 0; row < count; row++, key += kKeyWords) {
    const uint32_t source = key[kKeySource], destination = key[kKeyDestination];
    const uint32_t applies = (key[kKeyMeta] & 15) == 4 ? UINT32_MAX : 0;
    *end = {source, hints[source >> shift] & applies, static_cast<uint16_t>(row), kAsItIs};
    end += end->prefixes != 0 ? 1 : 0;
    *end = {destination, hints[destination >> shift] & applies, static_cast<uint16_t>(row), kDestinationAsSource};
    end += end->prefixes != 0 ? 1 : 0;
  }
  for (const Listed* one = listed; one != end; one++) {
    for (uint32_t rest = one->prefixes; rest != 0; rest &= rest - 1) {
      const auto prefix = static_cast<uint32_t>(__builtin_ctz(rest));
      const uint32_t tuple = subnets_[kClassIpv4][prefix];
      if (tuple == 0) continue;
      if (probeCount_ == kProbes) Resolve<kClassIpv4>();
      const uint32_t hash = Finish(Mix(seed ^ subnetHashes_[prefix], one->address & (UINT32_MAX << (32 - prefix))));
      __builtin_prefetch(open.tags + size_t{hash & open.lineMask} * kLineWords);
      probes_[probeCount_++] = {hash, one->row, static_cast<uint8_t>(tuple - 1), static_cast<uint8_t>(one->side)};
    }
  }
}

}  // namespace rules
}  // namespace bricks
