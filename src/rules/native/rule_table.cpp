#include "rule_table.h"

#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define BRICKS_INLINE inline __attribute__((always_inline))

namespace bricks {
namespace rules {

namespace {

// A record's number of bytes, and of packets, without the time of the last hit above it.
constexpr uint64_t kBytesMask = (uint64_t{1} << kBytesBits) - 1;
constexpr uint64_t kPacketsMask = (uint64_t{1} << kPacketsBits) - 1;

// Which of a line's places have the tag: one bit each. Byte 0 is not a place, but says whether rules went on from here.
BRICKS_INLINE uint32_t SameTags(const uint8_t* line, uint32_t tag) {
#if defined(__SSE2__)
  const __m128i tags = _mm_loadu_si128(reinterpret_cast<const __m128i*>(line));
  const uint32_t found = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(static_cast<char>(tag)))));
#else
  uint32_t found = 0;
  for (uint32_t place = 0; place < kLineWords; place++) found |= static_cast<uint32_t>(line[place] == tag) << place;
#endif
  return found & ~1u;
}

BRICKS_INLINE uint32_t TagOf(uint32_t hash) {
  const uint32_t tag = hash >> 24;
  return tag + (tag == 0);
}

// src/rules/rule-hash.ts, word by word.
BRICKS_INLINE uint32_t Mix(uint32_t hash, uint32_t word) {
  hash = (hash ^ word) * 0xcc9e2d51u;
  return hash ^ hash >> 15;
}

BRICKS_INLINE uint32_t Finish(uint32_t hash) {
  hash *= 0x1b873593u;
  return hash ^ hash >> 13;
}

// Both ends of a connection in order, so that both directions have one key.
BRICKS_INLINE bool IsExchanged(const uint32_t* key, bool ports) {
  for (uint32_t word = 0; word < 4; word++) {
    const uint32_t source = key[kKeySource + word];
    const uint32_t destination = key[kKeyDestination + word];
    if (source != destination) return source > destination;
  }
  return ports && (key[kKeyPorts] >> 16) > (key[kKeyPorts] & 0xffff);
}

BRICKS_INLINE uint32_t Exchanged(uint32_t ports) { return ports << 16 | ports >> 16; }

}  // namespace

uint32_t RuleTable::Match(uint32_t count, uint32_t tick, bool counts) {
  uint32_t* const reader = memory_.control + kControlReader;
  // Whatever the writer takes out from here on is not used again before the second of these.
  __atomic_add_fetch(reader, 1, __ATOMIC_SEQ_CST);
  seed_ = memory_.control[kControlSeed];
  sets_ = Load(memory_.control + kControlSets);
  tick_ = tick;
  std::memset(lists_.hits, 0, count * sizeof *lists_.hits);
  std::memset(lists_.next, 0, count * sizeof *lists_.next);
  const bool open[] = {Open(0), Open(1)};
  // Of one that comes during a batch, the first hit is when it was made.
  const bool shunts = Load(memory_.control + kControlShunts) != 0;
  uint32_t special = 0;
  if (open[0] || open[1]) {
    for (uint32_t begin = 0; begin < count; begin += kRowsAtOnce) {
      const uint32_t end = begin + kRowsAtOnce < count ? begin + kRowsAtOnce : count;
      if (open[0]) Find<0>(begin, end);
      if (open[1]) Find<1>(begin, end);
      special += shunts ? Decide<true>(begin, end, counts) : Decide<false>(begin, end, counts);
    }
    AddTotals();
  }
  __atomic_add_fetch(reader, 1, __ATOMIC_SEQ_CST);
  return special;
}

void RuleTable::Fetch(const uint32_t* key) const {
  if (addresses_ < 0 || classes_[0].lineMask < kFetched) return;
  const Class& open = classes_[0];
  const uint32_t first = seed_ ^ tuples_[0][static_cast<size_t>(addresses_)].firstHash;
  const uint32_t source = Finish(Mix(first, key[kKeySource]));
  const uint32_t destination = Finish(Mix(first, key[kKeyDestination]));
  // Not into the first-level cache, which a whole batch would not fit.
  __builtin_prefetch(open.tags + size_t{source & open.lineMask} * kLineWords, 0, 2);
  __builtin_prefetch(open.tags + size_t{destination & open.lineMask} * kLineWords, 0, 2);
}

// False if the class has no rules.
bool RuleTable::Open(uint32_t which) {
  LoadTuples(which);
  if (tuples_[which].empty()) return false;
  const uint32_t log = Load(memory_.control + kControlLines + which);
  if (log > 24 || uint64_t{1} << log > memory_.lineCount[which][log & 1]) return false;
  const uint32_t region = Load(memory_.control + kControlHints + which);
  classes_[which] = {memory_.tags[which][log & 1], memory_.slots[which][log & 1], memory_.records[which], (1u << log) - 1, region < 5 ? region : 0};
  return true;
}

template <uint32_t which>
void RuleTable::Find(uint32_t begin, uint32_t end) {
  for (const uint16_t index : others_[which]) {
    const Tuple& tuple = tuples_[which][index];
    // The most frequent kinds have loops of their own, which take half the time.
    if (which == 0 && tuple.how == kHowEitherAddress && tuple.words == 1) FindAddresses(index, begin, end);
    else if (which == 0 && tuple.how == kHowConnection && tuple.words == 3) FindConnections(index, begin, end);
    else FindBy<which>(index, begin, end);
  }
  if (hasSubnets_[which] && classes_[which].region != 0) FindSubnets<which>(begin, end);
  Resolve<which>();
}

// Looks for rules of one tuple.
template <uint32_t which>
void RuleTable::FindBy(uint32_t index, uint32_t begin, uint32_t end) {
  const Tuple tuple = tuples_[which][index];
  const uint32_t* key = lists_.keys + size_t{begin} * kKeyWords;
  for (uint32_t row = begin; row < end; row++, key += kKeyWords) {
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
        Look<which>(row, index, IsExchanged(key, tuple.ports) ? kEndsExchanged : kAsItIs);
        break;
      default:
        Look<which>(row, index, kAsItIs);
    }
    if (probeCount_ > kProbes - 2) Resolve<which>();
  }
}

// Rules about one IPv4 address.
void RuleTable::FindAddresses(uint32_t index, uint32_t begin, uint32_t end) {
  if (probeCount_ + 2 * (end - begin) > kProbes) Resolve<0>();
  const Class open = classes_[0];
  const Tuple& tuple = tuples_[0][index];
  const uint32_t metaMask = tuple.metaMask, metaWanted = tuple.metaWanted, mask = tuple.mask[0], first = seed_ ^ tuple.firstHash;
  const uint8_t number = static_cast<uint8_t>(index);
  const uint32_t* key = lists_.keys + size_t{begin} * kKeyWords;
  Probe* out = probes_ + probeCount_;
  for (uint32_t row = begin; row < end; row++, key += kKeyWords) {
    const uint32_t source = Finish(Mix(first, key[kKeySource] & mask));
    const uint32_t destination = Finish(Mix(first, key[kKeyDestination] & mask));
    __builtin_prefetch(open.tags + size_t{source & open.lineMask} * kLineWords);
    __builtin_prefetch(open.tags + size_t{destination & open.lineMask} * kLineWords);
    out[0] = {source, static_cast<uint16_t>(row), number, kAsItIs};
    out[1] = {destination, static_cast<uint16_t>(row), number, kDestinationAsSource};
    out += (key[kKeyMeta] & metaMask) == metaWanted ? 2 : 0;
  }
  probeCount_ = static_cast<uint32_t>(out - probes_);
}

// Rules about connections of IPv4 with ports.
void RuleTable::FindConnections(uint32_t index, uint32_t begin, uint32_t end) {
  if (probeCount_ + (end - begin) > kProbes - 1) Resolve<0>();
  const Class open = classes_[0];
  const Tuple& tuple = tuples_[0][index];
  const uint32_t metaMask = tuple.metaMask, metaWanted = tuple.metaWanted, first = seed_ ^ tuple.firstHash;
  const uint8_t number = static_cast<uint8_t>(index);
  const uint32_t* key = lists_.keys + size_t{begin} * kKeyWords;
  Probe* out = probes_ + probeCount_;
  for (uint32_t row = begin; row < end; row++, key += kKeyWords) {
    const uint32_t source = key[kKeySource], destination = key[kKeyDestination], ports = key[kKeyPorts];
    // Without a branch: which end comes first is as good as random.
    const uint64_t one = uint64_t{source} << 16 | ports >> 16;
    const uint64_t other = uint64_t{destination} << 16 | (ports & 0xffff);
    const bool exchanged = one > other;
    const uint32_t lower = exchanged ? destination : source;
    const uint32_t upper = exchanged ? source : destination;
    const uint32_t hash = Finish(Mix(Mix(Mix(first, lower), upper), exchanged ? Exchanged(ports) : ports));
    __builtin_prefetch(open.tags + size_t{hash & open.lineMask} * kLineWords);
    *out = {hash, static_cast<uint16_t>(row), number, static_cast<uint8_t>(exchanged ? kEndsExchanged : kAsItIs)};
    out += (key[kKeyMeta] & metaMask) == metaWanted ? 1 : 0;
  }
  probeCount_ = static_cast<uint32_t>(out - probes_);
}

// Looks for the prefix lengths that the hints have for an address: mostly none or one.
template <uint32_t which>
void RuleTable::FindSubnets(uint32_t begin, uint32_t end) {
  constexpr uint32_t version = which == 0 ? 4 : 6;
  const uint32_t* const hints = memory_.hints[which] + kHintBegin[classes_[which].region];
  const uint32_t shift = 32 - kHintBits[classes_[which].region];
  const auto place = [shift](uint32_t first) { return (which == 0 ? first : first * 0x9e3779b1u) >> shift; };
  const uint32_t* key = lists_.keys + size_t{begin} * kKeyWords;
  for (uint32_t row = begin; row < end; row++, key += kKeyWords) {
    __builtin_prefetch(hints + place(key[kKeySource]));
    __builtin_prefetch(hints + place(key[kKeyDestination]));
  }
  key = lists_.keys + size_t{begin} * kKeyWords;
  for (uint32_t row = begin; row < end; row++, key += kKeyWords) {
    if ((key[kKeyMeta] & 15) != version) continue;
    for (const Side side : {kAsItIs, kDestinationAsSource}) {
      for (uint32_t bits = hints[place(key[side == kAsItIs ? kKeySource : kKeyDestination])]; bits != 0; bits &= bits - 1) {
        const uint32_t bit = static_cast<uint32_t>(__builtin_ctz(bits));
        for (uint32_t prefix = which == 0 ? bit : bit + 32; prefix < (which == 0 ? 32 : 128); prefix += 32) {
          if (subnets_[which][prefix] == 0) continue;
          if (probeCount_ == kProbes) Resolve<which>();
          Look<which>(row, subnets_[which][prefix] - 1u, side);
        }
      }
    }
  }
}

// The key as one side of it sees it: at least the words that tuples of such a side look at. `other` is room for it.
BRICKS_INLINE const uint32_t* Seen(const uint32_t* key, uint32_t side, uint32_t* other) {
  switch (side) {
    case 1:
      return key + (kKeyDestination - kKeySource);
    case 2:
      std::memcpy(other + kKeySource, key + kKeyDestination, 16);
      std::memcpy(other + kKeyDestination, key + kKeySource, 16);
      other[kKeyPorts] = Exchanged(key[kKeyPorts]);
      return other;
    case 3:
      other[kKeyMacs] = key[kKeyMacs + 1] << 16 | key[kKeyMacs + 2] >> 16;
      other[kKeyMacs + 1] = key[kKeyMacs + 2] << 16;
      return other;
    default:
      return key;
  }
}

template <uint32_t which>
BRICKS_INLINE void RuleTable::Look(uint32_t row, uint32_t index, Side side) {
  const Tuple& tuple = tuples_[which][index];
  uint32_t other[kKeyWords];
  const uint32_t* key = Seen(lists_.keys + size_t{row} * kKeyWords, side, other);
  uint32_t hash = seed_ ^ tuple.firstHash;
  for (uint32_t k = 0; k < tuple.words; k++) hash = Mix(hash, key[tuple.word[k]] & tuple.mask[k]);
  hash = Finish(hash);
  __builtin_prefetch(classes_[which].tags + size_t{hash & classes_[which].lineMask} * kLineWords);
  probes_[probeCount_++] = {hash, static_cast<uint16_t>(row), static_cast<uint8_t>(index), static_cast<uint8_t>(side)};
}

// Tags of all look-ups first, then the slots and the records that they lead to.
template <uint32_t which>
void RuleTable::Resolve() {
  const Class open = classes_[which];
  const uint32_t probes = probeCount_;
  uint32_t candidates = 0;
  for (uint32_t probe = 0; probe < probes; probe++) {
    const uint32_t hash = probes_[probe].hash;
    const uint32_t tag = TagOf(hash);
    const uint8_t* const home = open.tags + size_t{hash & open.lineMask} * kLineWords;
    if ((SameTags(home, tag) | home[0]) == 0) continue;
    for (uint32_t line = hash & open.lineMask, seen = 0; seen <= open.lineMask; line = (line + 1) & open.lineMask, seen++) {
      const uint8_t* const tags = open.tags + size_t{line} * kLineWords;
      for (uint32_t found = SameTags(tags, tag); found != 0; found &= found - 1) {
        const uint32_t place = line * kLineWords + static_cast<uint32_t>(__builtin_ctz(found));
        __builtin_prefetch(open.slots + place);
        if (candidates == kCandidates) {
          Consider<which>(candidates);
          candidates = 0;
        }
        candidates_[candidates++] = {probe, place};
      }
      if (tags[0] == 0) break;
    }
  }
  Consider<which>(candidates);
  probeCount_ = 0;
}

template <uint32_t which>
void RuleTable::Consider(uint32_t count) {
  constexpr uint32_t size = kRecordWords[which];
  const Class open = classes_[which];
  uint32_t left = 0;
  for (uint32_t k = 0; k < count; k++) {
    const uint32_t probe = candidates_[k].probe;
    const uint32_t slot = Load(open.slots + candidates_[k].place);
    const uint32_t rule = slot & kIndexMask;
    // It may have been taken away since.
    if (rule == 0 || rule > memory_.limit || slot >> 24 != (probes_[probe].hash >> 16 & 0xff)) continue;
    const uint32_t* record = open.records + size_t{rule} * size;
    __builtin_prefetch(record, 1);
    __builtin_prefetch(record + size - 1, 1);
    candidates_[left++] = {probe, rule};
  }
  for (uint32_t k = 0; k < left; k++) {
    const Probe probe = probes_[candidates_[k].probe];
    const uint32_t rule = candidates_[k].place;
    const Tuple& tuple = tuples_[which][probe.tuple];
    const uint32_t* record = open.records + size_t{rule} * size;
    if (record[kRecordAction[which]] >> 24 != tuple.number) continue;
    const uint32_t deadline = record[kRecordDeadline[which]];
    if (!Fits<which>(tuple, record, probe) || (deadline != 0 && deadline <= tick_)) continue;
    if ((sets_ >> (Load(record + kRecordOrder[which]) >> kSetShift) & 1) == 0) continue;
    uint32_t& best = lists_.hits[probe.row];
    const uint32_t found = which << kClassShift | rule;
    if (best == 0 || IsBefore(found, best)) best = found;
  }
}

// Whether a record is about what the probe has seen.
template <uint32_t which>
BRICKS_INLINE bool RuleTable::Fits(const Tuple& tuple, const uint32_t* record, const Probe& probe) const {
  const uint32_t* const whole = lists_.keys + size_t{probe.row} * kKeyWords;
  if (which == 0) {
    const bool exchanged = probe.side == kEndsExchanged;
    const uint32_t source = probe.side == kAsItIs ? whole[kKeySource] : whole[kKeyDestination];
    const uint32_t destination = exchanged ? whole[kKeySource] : whole[kKeyDestination];
    const uint32_t ports = exchanged ? Exchanged(whole[kKeyPorts]) : whole[kKeyPorts];
    return ((record[0] ^ (source & tuple.plain[0])) | (record[1] ^ (destination & tuple.plain[1])) | (record[2] ^ (ports & tuple.plain[2]))) == 0;
  }
  uint32_t other[kKeyWords];
  const uint32_t* key = Seen(whole, probe.side, other);
  uint32_t different = 0;
  for (uint32_t word = 0; word < tuple.words; word++) different |= record[tuple.place[word]] ^ (key[tuple.word[word]] & tuple.mask[word]);
  return different == 0;
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

// When a shunt was hit first, with what its record has counted before this hit: src/rules/rule-reader.ts explains it.
void RuleTable::NoteFirst(uint32_t found, uint64_t bytes, uint64_t packets, uint32_t second) {
  uint16_t& first = memory_.firsts[found >> kClassShift][found & kIndexMask];
  const uint32_t last = static_cast<uint32_t>(bytes >> kBytesBits << 16 | packets >> kPacketsBits);
  const uint32_t passed = (second - last) & kSecondMask;
  const uint32_t known = (last - first) & kDurationMaximum;
  if ((packets & kPacketsMask) == 0 || (passed > kSecondMask / 2 && kSecondMask + 1 - passed > known)) first = static_cast<uint16_t>(second);
  else if (passed <= kSecondMask / 2 && known + passed > kDurationMaximum) first = static_cast<uint16_t>(second - kDurationMaximum);
}

template <bool shunts>
uint32_t RuleTable::Decide(uint32_t begin, uint32_t end, bool counts) {
  const uint64_t second = (tick_ / 10) & kSecondMask;
  uint32_t special = 0;
  // Of a run of packets whose rules have one type: in registers.
  uint32_t run = kTypeDrop;
  uint64_t runPackets = 0, runBytes = 0;
  for (uint32_t row = begin; row < end; row++) {
    const uint32_t found = lists_.hits[row];
    if (found == 0) continue;
    uint32_t* const record = Record(found);
    const uint32_t which = found >> kClassShift;
    const uint32_t action = record[kRecordAction[which]];
    const uint32_t what = memory_.actions[size_t{action & kActionMask} * kActionWords + kActionWhat];
    const uint32_t type = what & 3;
    const uint32_t output = what >> kActionOutputShift;
    const uint32_t flags = lists_.keys[size_t{row} * kKeyWords + kKeyFlags];
    const bool passes = type != kTypeDrop || ((what & kActionShunt) != 0 && (flags & kTcpEnds) != 0);
    lists_.next[row] = static_cast<uint16_t>(!passes ? kNextDrop : output < lists_.outputs ? output : 0);
    if (type == kTypeModify || (type == kTypeRedirect && output >= lists_.outputs)) special++;
    if (!counts) continue;
    uint64_t bytes, packets;
    std::memcpy(&bytes, record + kRecordBytes[which], sizeof bytes);
    std::memcpy(&packets, record + kRecordPackets[which], sizeof packets);
    if (shunts && (what & kActionShunt) != 0) NoteFirst(found, bytes, packets, static_cast<uint32_t>(second));
    bytes = ((bytes + lists_.bytes[row]) & kBytesMask) | second >> 16 << kBytesBits;
    packets = ((packets + 1) & kPacketsMask) | (second & 0xffff) << kPacketsBits;
    std::memcpy(record + kRecordBytes[which], &bytes, sizeof bytes);
    std::memcpy(record + kRecordPackets[which], &packets, sizeof packets);
    if (flags != 0) record[kRecordAction[which]] = action | flags << kFlagsShift;
    if (type != run) {
      totals_[run][0] += runPackets;
      totals_[run][1] += runBytes;
      run = type;
      runPackets = runBytes = 0;
    }
    runPackets++;
    runBytes += lists_.bytes[row];
  }
  totals_[run][0] += runPackets;
  totals_[run][1] += runBytes;
  return special;
}

void RuleTable::AddTotals() {
  for (uint32_t type = 0; type < 4; type++) {
    for (uint32_t part = 0; part < 2; part++) {
      uint32_t* at = memory_.control + kControlTotals + 2 * (2 * type + part);
      double total;
      std::memcpy(&total, at, sizeof total);
      total += static_cast<double>(totals_[type][part]);
      std::memcpy(at, &total, sizeof total);
      totals_[type][part] = 0;
    }
  }
}

}  // namespace rules
}  // namespace bricks
