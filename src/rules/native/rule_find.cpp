// How a packet finds its rules: in steps for some packets at once, so that the processor waits for many places in memory at the same time.
#include <cstring>

#include "rule_hash.h"
#include "rule_table.h"

namespace bricks {
namespace rules {

// The key as one side of it sees it: at least the words that tuples of such a side look at. `other` is room for it.
BRICKS_INLINE const uint32_t* Seen(const uint32_t* key, uint32_t side, uint32_t* other) {
  switch (side) {
    case 1:
      return key + (kKeyDestination - kKeySource);
    case 2:
      std::memcpy(other + kKeySource, key + kKeyDestination, 16);
      std::memcpy(other + kKeyDestination, key + kKeySource, 16);
      other[kKeyPorts] = ExchangedPorts(key[kKeyPorts]);
      return other;
    case 3:
      other[kKeyMacs] = key[kKeyMacs + 1] << 16 | key[kKeyMacs + 2] >> 16;
      other[kKeyMacs + 1] = key[kKeyMacs + 2] << 16;
      return other;
    default:
      return key;
  }
}

const uint32_t* RuleTable::Action(uint32_t found) const { return memory_.actions + size_t{Record(found)[kRecordAction[found >> kClassShift]] & kActionMask} * kActionWords; }

bool RuleTable::IsBefore(uint32_t a, uint32_t b) const {
  const uint32_t* first = Action(a);
  const uint32_t* second = Action(b);
  const auto priority = static_cast<int32_t>(first[kActionPriority]);
  const auto otherPriority = static_cast<int32_t>(second[kActionPriority]);
  if (priority != otherPriority) return priority > otherPriority;
  const bool passes = (first[kActionWhat] & 15) == kTypeWhitelist;
  const bool otherPasses = (second[kActionWhat] & 15) == kTypeWhitelist;
  if (passes != otherPasses) return passes;
  // Orders have 30 bits and turn round.
  return static_cast<int32_t>((Record(a)[kRecordOrder[a >> kClassShift]] - Record(b)[kRecordOrder[b >> kClassShift]]) << 2) < 0;
}

// Whether a record is about what the probe has seen.
template <uint32_t which>
BRICKS_INLINE bool RuleTable::Fits(const Tuple& tuple, const uint32_t* record, const Probe& probe) const {
  const uint32_t* const whole = now_.keys + size_t{probe.row} * kKeyWords;
  if (which == 0) {
    const bool exchanged = probe.side == kEndsExchanged;
    const uint32_t source = probe.side == kAsItIs ? whole[kKeySource] : whole[kKeyDestination];
    const uint32_t destination = exchanged ? whole[kKeySource] : whole[kKeyDestination];
    const uint32_t ports = exchanged ? ExchangedPorts(whole[kKeyPorts]) : whole[kKeyPorts];
    return ((record[0] ^ (source & tuple.plain[0])) | (record[1] ^ (destination & tuple.plain[1])) | (record[2] ^ (ports & tuple.plain[2]))) == 0;
  }
  uint32_t other[kKeyWords];
  const uint32_t* key = Seen(whole, probe.side, other);
  uint32_t different = 0;
  for (uint32_t word = 0; word < tuple.words; word++) different |= record[tuple.place[word]] ^ (key[tuple.word[word]] & tuple.mask[word]);
  return different == 0;
}

// Slots of all candidates, then the records that they lead to. Slots are not fetched: the loop is so short that the processor reads many at once.
template <uint32_t which>
void RuleTable::Consider() {
  constexpr uint32_t size = kRecordWords[which];
  const uint32_t* const slots = classes_[which].slots;
  const uint32_t* const records = classes_[which].records;
  const uint32_t limit = memory_.limit, sets = sets_, tick = tick_;
  const uint32_t count = candidateCount_;
  candidateCount_ = 0;
  uint32_t left = 0;
  for (uint32_t k = 0; k < count; k++) {
    const Candidate candidate = candidates_[k];
    const uint32_t slot = Load(slots + candidate.place);
    const uint32_t rule = slot & kIndexMask;
    // It may have been taken away since.
    if (rule == 0 || rule > limit || slot >> 24 != (candidate.probe.hash >> 16 & 0xff)) continue;
    const uint32_t* record = records + size_t{rule} * size;
    __builtin_prefetch(record, 1);
    __builtin_prefetch(record + size - 1, 1);
    candidates_[left++] = {candidate.probe, rule};
  }
  uint32_t* const hits = now_.hits;
  for (uint32_t k = 0; k < left; k++) {
    const Probe probe = candidates_[k].probe;
    const uint32_t rule = candidates_[k].place;
    const Tuple& tuple = tuples_[which][probe.tuple];
    const uint32_t* record = records + size_t{rule} * size;
    if (record[kRecordAction[which]] >> 24 != tuple.number) continue;
    const uint32_t deadline = record[kRecordDeadline[which]];
    if (!Fits<which>(tuple, record, probe) || (deadline != 0 && deadline <= tick)) continue;
    if ((sets >> (Load(record + kRecordOrder[which]) >> kSetShift) & 1) == 0) continue;
    const uint32_t found = which << kClassShift | rule;
    const uint32_t best = hits[probe.row];
    if (best == 0 || IsBefore(found, best)) hits[probe.row] = found;
    anyFound_ = true;
  }
}

// Notes the places whose tags are those of a look-up: `found` of its first line, and of those that rules went on to, if `more` is not 0.
template <uint32_t which>
BRICKS_INLINE void RuleTable::Collect(const Probe& probe, uint32_t found, uint32_t more) {
  uint32_t line = probe.hash & classes_[which].lineMask;
  if (__builtin_expect((more | (found & (found - 1))) != 0, 0)) {
    CollectMany<which>(probe, line, found);
    return;
  }
  if (candidateCount_ == kCandidates) Consider<which>();
  candidates_[candidateCount_++] = {probe, line * kLineWords + static_cast<uint32_t>(__builtin_ctz(found))};
}

template <uint32_t which>
__attribute__((noinline)) void RuleTable::CollectMany(const Probe& probe, uint32_t line, uint32_t found) {
  const uint8_t* const tags = classes_[which].tags;
  const uint32_t lineMask = classes_[which].lineMask;
  for (uint32_t seen = 0;;) {
    for (; found != 0; found &= found - 1) {
      if (candidateCount_ == kCandidates) Consider<which>();
      candidates_[candidateCount_++] = {probe, line * kLineWords + static_cast<uint32_t>(__builtin_ctz(found))};
    }
    if (tags[size_t{line} * kLineWords] == 0 || ++seen > lineMask) return;
    line = (line + 1) & lineMask;
    found = SameTags(tags + size_t{line} * kLineWords, TagOf(probe.hash));
  }
}

// Compares the tags of all look-ups that wait.
template <uint32_t which>
void RuleTable::Resolve() {
  const Class open = classes_[which];
  for (uint32_t k = 0; k < probeCount_; k++) {
    const Probe probe = probes_[k];
    const uint8_t* const home = open.tags + size_t{probe.hash & open.lineMask} * kLineWords;
    const uint32_t found = SameTags(home, TagOf(probe.hash));
    if ((found | home[0]) != 0) Collect<which>(probe, found, home[0]);
  }
  probeCount_ = 0;
}

template <uint32_t which>
BRICKS_INLINE void RuleTable::Look(uint32_t row, uint32_t index, Side side) {
  const Tuple& tuple = tuples_[which][index];
  uint32_t other[kKeyWords];
  const uint32_t* key = Seen(now_.keys + size_t{row} * kKeyWords, side, other);
  uint32_t hash = seed_ ^ tuple.firstHash;
  for (uint32_t k = 0; k < tuple.words; k++) hash = Mix(hash, key[tuple.word[k]] & tuple.mask[k]);
  hash = Finish(hash);
  __builtin_prefetch(classes_[which].tags + size_t{hash & classes_[which].lineMask} * kLineWords);
  probes_[probeCount_++] = {hash, static_cast<uint16_t>(row), static_cast<uint8_t>(index), static_cast<uint8_t>(side)};
}

// Looks for rules of one tuple.
template <uint32_t which>
void RuleTable::FindBy(uint32_t index) {
  const uint32_t count = now_.count;
  const Tuple tuple = tuples_[which][index];
  const uint32_t* key = now_.keys;
  for (uint32_t row = 0; row < count; row++, key += kKeyWords) {
    if ((key[kKeyMeta] & tuple.metaMask) != tuple.metaWanted) continue;
    switch (tuple.how) {
      case kHowEitherAddress:
        Look<which>(row, index, kAsItIs);
        Look<which>(row, index, kDestinationAsSource);
        break;
      case kHowEitherMac:
        Look<which>(row, index, kAsItIs);
        Look<which>(row, index, kSourceMacAsDestination);
        break;
      case kHowConnection:
        Look<which>(row, index, IsExchanged<which == 0 ? 1 : 4>(key, tuple.ports) ? kEndsExchanged : kAsItIs);
        break;
      default:
        Look<which>(row, index, kAsItIs);
    }
    if (probeCount_ > kProbes - 2) Resolve<which>();
  }
}

// Rules about one IPv4 address: tags are compared at once, since the lines were fetched while the packets were read. Hashes of packets whose keys
// others have read are still to be computed.
void RuleTable::FindAddresses(uint32_t index) {
  const uint32_t count = now_.count;
  const Class open = classes_[0];
  const Tuple& tuple = tuples_[0][index];
  const uint32_t metaMask = tuple.metaMask, metaWanted = tuple.metaWanted;
  const uint32_t* key = now_.keys;
  if (!now_.hashed) {
    for (uint32_t row = 0; row < count; row++) hashes_[row] = {HashAddress(key[size_t{row} * kKeyWords + kKeySource]), HashAddress(key[size_t{row} * kKeyWords + kKeyDestination])};
  }
  const auto number = static_cast<uint8_t>(index);
  const AddressHashes* hashes = hashes_;
  for (uint32_t row = 0; row < count; row++, key += kKeyWords, hashes++) {
    const AddressHashes hash = *hashes;
    const uint8_t* const source = open.tags + size_t{hash.source & open.lineMask} * kLineWords;
    const uint8_t* const destination = open.tags + size_t{hash.destination & open.lineMask} * kLineWords;
    const uint32_t ofSource = SameTags(source, TagOf(hash.source));
    const uint32_t ofDestination = SameTags(destination, TagOf(hash.destination));
    if ((ofSource | ofDestination | source[0] | destination[0]) == 0) continue;
    if ((key[kKeyMeta] & metaMask) != metaWanted) continue;
    const auto at = static_cast<uint16_t>(row);
    if ((ofSource | source[0]) != 0) Collect<0>({hash.source, at, number, kAsItIs}, ofSource, source[0]);
    if ((ofDestination | destination[0]) != 0) Collect<0>({hash.destination, at, number, kDestinationAsSource}, ofDestination, destination[0]);
  }
}

// Rules about connections of IPv4 with ports, TCP and UDP: one look-up, since a packet is of one protocol.
void RuleTable::FindConnections() {
  const uint32_t count = now_.count;
  if (probeCount_ + count > kProbes - 1) Resolve<0>();
  const Class open = classes_[0];
  constexpr uint32_t wanted = kMetaPorts | kMetaProtocol | 4;
  uint32_t first[2];
  for (uint32_t tcp = 0; tcp < 2; tcp++) first[tcp] = connections_[tcp] == 0 ? 0 : seed_ ^ tuples_[0][connections_[tcp] - 1u].firstHash;
  const uint16_t tuples[2] = {connections_[0], connections_[1]};
  const uint32_t* key = now_.keys;
  Probe* out = probes_ + probeCount_;
  for (uint32_t row = 0; row < count; row++, key += kKeyWords) {
    const uint32_t source = key[kKeySource], destination = key[kKeyDestination], ports = key[kKeyPorts], meta = key[kKeyMeta];
    const uint32_t tcp = (meta >> kMetaProtocolShift & 0xff) == kProtocolTcp ? 1 : 0;
    // Without a branch: which end comes first is as good as random.
    const uint64_t one = uint64_t{source} << 16 | ports >> 16;
    const uint64_t other = uint64_t{destination} << 16 | (ports & 0xffff);
    const bool exchanged = one > other;
    const uint32_t lower = exchanged ? destination : source;
    const uint32_t upper = exchanged ? source : destination;
    const uint32_t hash = Finish(Mix(Mix(Mix(first[tcp], lower), upper), exchanged ? ExchangedPorts(ports) : ports));
    __builtin_prefetch(open.tags + size_t{hash & open.lineMask} * kLineWords);
    *out = {hash, static_cast<uint16_t>(row), static_cast<uint8_t>(tuples[tcp] - 1u), static_cast<uint8_t>(exchanged ? kEndsExchanged : kAsItIs)};
    out += (meta & (wanted | 15)) == wanted && tuples[tcp] != 0 ? 1 : 0;
  }
  probeCount_ = static_cast<uint32_t>(out - probes_);
}

// Rules about hardware addresses.
void RuleTable::FindMacs(uint32_t index) {
  const uint32_t count = now_.count;
  if (probeCount_ + 2 * count > kProbes - 2) Resolve<1>();
  const Class open = classes_[1];
  const Tuple& tuple = tuples_[1][index];
  const uint32_t first = seed_ ^ tuple.firstHash;
  const auto number = static_cast<uint8_t>(index);
  const uint32_t* key = now_.keys;
  Probe* out = probes_ + probeCount_;
  for (uint32_t row = 0; row < count; row++, key += kKeyWords) {
    const uint32_t high = key[kKeyMacs], middle = key[kKeyMacs + 1], low = key[kKeyMacs + 2];
    const uint32_t destination = Finish(Mix(Mix(first, high), middle & 0xffff0000));
    const uint32_t source = Finish(Mix(Mix(first, middle << 16 | low >> 16), low << 16));
    __builtin_prefetch(open.tags + size_t{destination & open.lineMask} * kLineWords);
    __builtin_prefetch(open.tags + size_t{source & open.lineMask} * kLineWords);
    out[0] = {destination, static_cast<uint16_t>(row), number, static_cast<uint8_t>(kAsItIs)};
    out[1] = {source, static_cast<uint16_t>(row), number, static_cast<uint8_t>(kSourceMacAsDestination)};
    out += (key[kKeyMeta] & kMetaMacs) != 0 ? 2 : 0;
  }
  probeCount_ = static_cast<uint32_t>(out - probes_);
}

// Looks for the prefix lengths that the hints have for an address of IPv6: mostly none or one.
void RuleTable::FindIpv6Subnets() {
  const uint32_t count = now_.count;
  const uint32_t* const hints = memory_.hints[kClassWide] + kHintBegin[classes_[kClassWide].region];
  const uint32_t shift = 32 - kHintBits[classes_[kClassWide].region];
  const auto place = [shift](uint32_t first) { return first * 0x9e3779b1u >> shift; };
  const uint32_t* key = now_.keys;
  for (uint32_t row = 0; row < count; row++, key += kKeyWords) {
    __builtin_prefetch(hints + place(key[kKeySource]));
    __builtin_prefetch(hints + place(key[kKeyDestination]));
  }
  key = now_.keys;
  for (uint32_t row = 0; row < count; row++, key += kKeyWords) {
    if ((key[kKeyMeta] & 15) != 6) continue;
    for (const Side side : {kAsItIs, kDestinationAsSource}) {
      for (uint32_t bits = hints[place(key[side == kAsItIs ? kKeySource : kKeyDestination])]; bits != 0; bits &= bits - 1) {
        for (uint32_t prefix = static_cast<uint32_t>(__builtin_ctz(bits)) + 32; prefix < 128; prefix += 32) {
          if (subnets_[kClassWide][prefix] == 0) continue;
          if (probeCount_ == kProbes) Resolve<kClassWide>();
          Look<kClassWide>(row, subnets_[kClassWide][prefix] - 1u, side);
        }
      }
    }
  }
}

template <uint32_t which>
void RuleTable::Find() {
  for (const uint16_t index : others_[which]) {
    const Tuple& tuple = tuples_[which][index];
    // The most frequent kinds have separate loops, which take half the time.
    if (which == 0 && index == addresses_) FindAddresses(index);
    else if (which == 1 && tuple.how == kHowEitherMac && tuple.words == 2) FindMacs(index);
    else FindBy<which>(index);
  }
  if (which == 0 && (connections_[0] | connections_[1]) != 0) FindConnections();
  if (which == kClassIpv4 && Ipv4Hints() != nullptr) FindIpv4Subnets();
  if (which == kClassWide && hasSubnets_[which] && classes_[which].region != 0) FindIpv6Subnets();
  if (probeCount_ > 0) Resolve<which>();
  if (candidateCount_ > 0) Consider<which>();
}

template void RuleTable::Resolve<0>();
template void RuleTable::Find<0>();
template void RuleTable::Find<1>();

}  // namespace rules
}  // namespace bricks
