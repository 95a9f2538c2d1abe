#include "rule_table.h"

#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bricks {
namespace rules {

namespace {

uint32_t Load(const uint32_t* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

// Which of a line's slots have the hash's tag: one bit each. Word 0 is not a slot, but the count of rules that went on.
inline uint32_t SameTags(const uint32_t* line, uint32_t hash) {
  const uint32_t tag = hash >> 24;
#if defined(__SSE2__)
  const __m128i wanted = _mm_set1_epi32(static_cast<int>(tag));
  const auto same = [line, wanted](uint32_t part) {
    const __m128i slots = _mm_loadu_si128(reinterpret_cast<const __m128i*>(line + 4 * part));
    return _mm_cmpeq_epi32(_mm_srli_epi32(slots, 24), wanted);
  };
  const __m128i bytes = _mm_packs_epi16(_mm_packs_epi32(same(0), same(1)), _mm_packs_epi32(same(2), same(3)));
  const uint32_t found = static_cast<uint32_t>(_mm_movemask_epi8(bytes));
#else
  uint32_t found = 0;
  for (uint32_t slot = 0; slot < kLineWords; slot++) found |= static_cast<uint32_t>(line[slot] >> 24 == tag) << slot;
#endif
  return found & ~1u;
}

}  // namespace

uint32_t RuleTable::Match(uint32_t count, uint32_t tick, bool counts) {
  uint32_t* const reader = memory_.control + kControlReader;
  // Whatever the writer takes out from here on is not used again before the second of these.
  __atomic_add_fetch(reader, 1, __ATOMIC_SEQ_CST);
  seed_ = memory_.control[kControlSeed];
  sets_ = Load(memory_.control + kControlSets);
  tick_ = tick;
  std::memset(lists_.hits, 0, count * sizeof *lists_.hits);
  for (uint32_t which = 0; which < kClasses; which++) {
    LoadTuples(which);
    if (tuples_[which].empty()) continue;
    const uint32_t log = Load(memory_.control + kControlLines + which);
    if (log > 24 || uint64_t{1} << log > memory_.lineCount[which][log & 1]) continue;
    lines_ = memory_.lines[which][log & 1];
    lineMask_ = (1u << log) - 1;
    const uint32_t region = Load(memory_.control + kControlHints + which);
    region_ = region < 5 ? region : 0;
    Gather(which, count);
  }
  const uint32_t special = Decide(count, tick, counts);
  __atomic_add_fetch(reader, 1, __ATOMIC_SEQ_CST);
  return special;
}

void RuleTable::LoadTuples(uint32_t which) {
  const uint32_t version = Load(memory_.control + kControlTuples + which);
  if (version == tuplesVersion_[which]) return;
  tuplesVersion_[which] = version;
  std::vector<Tuple>& tuples = tuples_[which];
  tuples.clear();
  const uint32_t* list = memory_.tuples[which] + (kTuplesMaximum + 1) * kTupleWords + (version & 1) * kListWords;
  const uint32_t count = list[0] < kTuplesMaximum ? list[0] : kTuplesMaximum;
  for (uint32_t k = 1; k <= count; k++) {
    const uint32_t number = list[k] & 0xff;
    const uint32_t* words = memory_.tuples[which] + number * kTupleWords;
    Tuple tuple = {};
    tuple.number = number;
    tuple.how = words[0] & 15;
    tuple.version = (words[0] >> 4) & 15;
    tuple.needs = (words[0] >> 8) & 0xff;
    tuple.protocol = (words[0] >> 16) & 0xff;
    tuple.prefix = words[0] >> 24;
    tuple.firstHash = number * 0x9e3779b9u;
    for (uint32_t word = 1; word <= 12; word++) {
      if ((words[kTupleUsed] >> word & 1) == 0) continue;
      tuple.word[tuple.words] = static_cast<uint8_t>(word);
      tuple.mask[tuple.words++] = words[word];
    }
    tuples.push_back(tuple);
  }
}

// The key as one side of it sees it: at least the words that tuples of such a side look at. `other` is room for it.
inline __attribute__((always_inline)) const uint32_t* RuleTable::Seen(const uint32_t* key, Side side, uint32_t* other) {
  switch (side) {
    case Side::kDestinationAsSource:
      return key + (kKeyDestination - kKeySource);
    case Side::kEndsExchanged:
      std::memcpy(other + kKeySource, key + kKeyDestination, 16);
      std::memcpy(other + kKeyDestination, key + kKeySource, 16);
      other[kKeyPorts] = key[kKeyPorts] << 16 | key[kKeyPorts] >> 16;
      return other;
    case Side::kSourceMacAsDestination:
      other[kKeyMacs] = key[kKeyMacs + 1] << 16 | key[kKeyMacs + 2] >> 16;
      other[kKeyMacs + 1] = key[kKeyMacs + 2] << 16;
      return other;
    default:
      return key;
  }
}

inline __attribute__((always_inline)) RuleTable::Probe RuleTable::Look(const Places& places, uint32_t row, const Tuple& tuple, const uint32_t* whole, Side side) {
  uint32_t other[kKeyWords];
  const uint32_t* key = Seen(whole, side, other);
  uint32_t hash = places.seed ^ tuple.firstHash;
  for (uint32_t k = 0; k < tuple.words; k++) {
    hash = (hash ^ (key[tuple.word[k]] & tuple.mask[k])) * 0xcc9e2d51u;
    hash ^= hash >> 15;
  }
  hash *= 0x1b873593u;
  hash ^= hash >> 13;
  __builtin_prefetch(places.lines + size_t{hash & places.mask} * kLineWords);
  return {row, hash, &tuple, side};
}

void RuleTable::Gather(uint32_t which, uint32_t count) {
  // In locals: stores might change whatever is behind a pointer, as far as the compiler knows.
  const Tuple* const begin = tuples_[which].data();
  const Tuple* const end = begin + tuples_[which].size();
  const uint32_t* key = lists_.keys;
  const Places places = {lines_, lineMask_, seed_};
  uint32_t probes = 0;
  for (uint32_t row = 0; row < count; row++, key += kKeyWords) {
    const uint32_t meta = key[kKeyMeta];
    for (const Tuple* tuple = begin; tuple != end; tuple++) {
      if ((meta & tuple->needs) != tuple->needs || (tuple->version != 0 && tuple->version != (meta & 15))) continue;
      if ((tuple->needs & kMetaProtocol) != 0 && tuple->protocol != ((meta >> kMetaProtocolShift) & 0xff)) continue;
      switch (tuple->how) {
        case kHowEitherAddress:
          if (WorthALook(which, tuple->prefix, key[kKeySource])) probes_[probes++] = Look(places, row, *tuple, key, Side::kAsItIs);
          if (WorthALook(which, tuple->prefix, key[kKeyDestination])) probes_[probes++] = Look(places, row, *tuple, key, Side::kDestinationAsSource);
          break;
        case kHowEitherMac:
          probes_[probes++] = Look(places, row, *tuple, key, Side::kAsItIs);
          probes_[probes++] = Look(places, row, *tuple, key, Side::kSourceMacAsDestination);
          break;
        case kHowConnection:
          probes_[probes++] = Look(places, row, *tuple, key, SideOfConnection(*tuple, key));
          break;
        default:
          probes_[probes++] = Look(places, row, *tuple, key, Side::kAsItIs);
      }
      if (probes < kProbesAtOnce) continue;
      Resolve(which, probes);
      probes = 0;
    }
  }
  Resolve(which, probes);
}

bool RuleTable::WorthALook(uint32_t which, uint32_t prefix, uint32_t firstWord) const {
  if (prefix == 0 || (which == 0 ? prefix >= 32 : prefix >= 128 || prefix < kHintShortestWide)) return true;
  if (region_ == 0) return false;
  const uint32_t spread = which == 0 ? firstWord : firstWord * 0x9e3779b1u;
  return (memory_.hints[which][kHintBegin[region_] + (spread >> (32 - kHintBits[region_]))] >> (prefix & 31) & 1) != 0;
}

// Both ends of a connection in order, so that both directions have one key.
RuleTable::Side RuleTable::SideOfConnection(const Tuple& tuple, const uint32_t* key) {
  for (uint32_t word = 0; word < 4; word++) {
    const uint32_t source = key[kKeySource + word];
    const uint32_t destination = key[kKeyDestination + word];
    if (source != destination) return source > destination ? Side::kEndsExchanged : Side::kAsItIs;
  }
  const uint32_t ports = key[kKeyPorts];
  return (tuple.needs & kMetaPorts) != 0 && (ports >> 16) > (ports & 0xffff) ? Side::kEndsExchanged : Side::kAsItIs;
}

// Lines first, then the records that they lead to.
void RuleTable::Resolve(uint32_t which, uint32_t probes) {
  const uint32_t* const lines = lines_;
  const uint32_t* const records = memory_.records[which];
  const uint32_t mask = lineMask_;
  uint32_t candidates = 0;
  for (uint32_t probe = 0; probe < probes; probe++) {
    const uint32_t hash = probes_[probe].hash;
    for (uint32_t line = hash & mask, seen = 0; seen <= mask; line = (line + 1) & mask, seen++) {
      const uint32_t* const slots = lines + size_t{line} * kLineWords;
      for (uint32_t found = SameTags(slots, hash); found != 0; found &= found - 1) {
        const uint32_t rule = Load(slots + __builtin_ctz(found)) & kIndexMask;
        // An empty slot looks like the tag 0; and it may have been emptied since.
        if (rule == 0 || rule > memory_.limit) continue;
        __builtin_prefetch(records + size_t{rule} * kRecordWords[which]);
        if (candidates == kCandidates) candidates = ConsiderAll(which, candidates);
        candidates_[candidates++] = {probe, rule};
      }
      if (Load(slots) == 0) break;
    }
  }
  ConsiderAll(which, candidates);
}

// Returns how many are left: none.
uint32_t RuleTable::ConsiderAll(uint32_t which, uint32_t candidates) {
  for (uint32_t k = 0; k < candidates; k++) Consider(which, candidates_[k]);
  return 0;
}

void RuleTable::Consider(uint32_t which, const Candidate& candidate) {
  const Probe& probe = probes_[candidate.probe];
  const Tuple& tuple = *probe.tuple;
  const uint32_t* record = memory_.records[which] + size_t{candidate.rule} * kRecordWords[which];
  if (record[kRecordAction[which]] >> 24 != tuple.number) return;
  uint32_t other[kKeyWords];
  const uint32_t* key = Seen(lists_.keys + size_t{probe.row} * kKeyWords, probe.side, other);
  for (uint32_t k = 0; k < tuple.words; k++) {
    const uint32_t word = tuple.word[k];
    const uint32_t place = which == 1 ? word - 1 : word == kKeySource ? 0 : word == kKeyDestination ? 1 : 2;
    if (record[place] != (key[word] & tuple.mask[k])) return;
  }
  for (uint32_t rule = candidate.rule; rule != 0 && rule <= memory_.limit; rule = Load(record + kRecordNext[which])) {
    record = memory_.records[which] + size_t{rule} * kRecordWords[which];
    const uint32_t deadline = record[kRecordDeadline[which]];
    if (deadline != 0 && deadline <= tick_) continue;
    if ((sets_ >> (Load(record + kRecordOrder[which]) >> kSetShift) & 1) == 0) continue;
    uint32_t& best = lists_.hits[probe.row];
    const uint32_t found = which << 24 | rule;
    if (best == 0 || IsBefore(found, best)) best = found;
    __builtin_prefetch(record + kRecordPackets[which], 1);
    return;
  }
}

const uint32_t* RuleTable::Action(uint32_t found) const {
  const uint32_t action = Record(found)[kRecordAction[found >> 24]] & kIndexMask;
  return memory_.actions + size_t{action <= kActionsMaximum ? action : 0} * kActionWords;
}

bool RuleTable::IsBefore(uint32_t a, uint32_t b) const {
  const uint32_t* first = Action(a);
  const uint32_t* second = Action(b);
  const auto priority = static_cast<int32_t>(first[1]);
  const auto otherPriority = static_cast<int32_t>(second[1]);
  if (priority != otherPriority) return priority > otherPriority;
  const bool passes = (first[0] & 15) == kTypeWhitelist;
  const bool otherPasses = (second[0] & 15) == kTypeWhitelist;
  if (passes != otherPasses) return passes;
  // Orders have 30 bits and turn round.
  return static_cast<int32_t>((Record(a)[kRecordOrder[a >> 24]] - Record(b)[kRecordOrder[b >> 24]]) << 2) < 0;
}

uint32_t RuleTable::Decide(uint32_t count, uint32_t tick, bool counts) {
  uint32_t special = 0;
  double totals[4][2] = {};
  for (uint32_t row = 0; row < count; row++) {
    const uint32_t found = lists_.hits[row];
    if (found == 0) {
      lists_.next[row] = 0;
      continue;
    }
    const uint32_t what = Action(found)[0];
    const uint32_t type = what & 3;
    const uint32_t output = what >> kActionOutputShift;
    const uint32_t flags = lists_.keys[size_t{row} * kKeyWords + kKeyFlags];
    const bool passes = type != kTypeDrop || ((what & kActionShunt) != 0 && (flags & kTcpEnds) != 0);
    lists_.next[row] = !passes ? kNextDrop : output < lists_.outputs ? static_cast<uint16_t>(output) : 0;
    if (type == kTypeModify || (type == kTypeRedirect && output >= lists_.outputs)) special++;
    if (!counts) continue;
    uint32_t* record = Record(found);
    const uint32_t which = found >> 24;
    double packets, bytes;
    std::memcpy(&packets, record + kRecordPackets[which], sizeof packets);
    std::memcpy(&bytes, record + kRecordBytes[which], sizeof bytes);
    packets += 1;
    bytes += lists_.bytes[row];
    std::memcpy(record + kRecordPackets[which], &packets, sizeof packets);
    std::memcpy(record + kRecordBytes[which], &bytes, sizeof bytes);
    record[kRecordLast[which]] = (record[kRecordLast[which]] & 0xff000000u) | flags << 24 | ((tick / 10) & 0xffffff);
    totals[type][0] += 1;
    totals[type][1] += lists_.bytes[row];
  }
  for (uint32_t type = 0; type < 4; type++) {
    for (uint32_t part = 0; part < 2; part++) {
      uint32_t* at = memory_.control + kControlTotals + 2 * (2 * type + part);
      double total;
      std::memcpy(&total, at, sizeof total);
      total += totals[type][part];
      std::memcpy(at, &total, sizeof total);
    }
  }
  return special;
}

}  // namespace rules
}  // namespace bricks
