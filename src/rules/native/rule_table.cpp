#include "rule_table.h"

#include <cstring>

#include "packet_key.h"
#include "rule_decide.h"
#include "rule_hash.h"

namespace bricks {
namespace rules {

// While it exists, the writer knows that tables are being read: whatever it takes out meanwhile is not used again before.
class RuleTable::Passage {
 public:
  Passage(RuleTable& table, uint32_t tick) : table_(table) {
    __atomic_add_fetch(table.memory_.control + kControlReader, 1, __ATOMIC_SEQ_CST);
    table.Begin(tick);
  }
  ~Passage() {
    table_.AddTotals();
    __atomic_add_fetch(table_.memory_.control + kControlReader, 1, __ATOMIC_SEQ_CST);
  }
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;

 private:
  RuleTable& table_;
};

void RuleTable::Begin(uint32_t tick) {
  seed_ = memory_.control[kControlSeed];
  sets_ = Load(memory_.control + kControlSets);
  tick_ = tick;
  special_ = 0;
  // Of one that comes during a batch, the first hit is when it was made.
  shunts_ = Load(memory_.control + kControlShunts) != 0;
  for (uint32_t which = 0; which < kClasses; which++) open_[which] = Open(which);
}

uint32_t RuleTable::Match(uint32_t first, uint32_t count, uint32_t tick, bool counts) {
  const Passage passage(*this, tick);
  for (uint32_t begin = first; begin < count; begin += kRowsAtOnce) {
    now_ = {lists_.keys + size_t{begin} * kKeyWords, lists_.bytes + begin, lists_.hits + begin, lists_.next + begin, count - begin < kRowsAtOnce ? count - begin : kRowsAtOnce, false};
    MatchRows(counts);
  }
  return special_;
}

RuleTable::Selected RuleTable::Select(const PacketRows& packets, uint32_t count, uint32_t tick, bool counts) {
  Selected selected;
  const Passage passage(*this, tick);
  for (uint32_t row = 0; row < kRowsAhead && row < count; row++) packets.Fetch(packets.rows[row]);
  const bool onlyAddresses = OnlyAddresses();
  Reading reading = Reading::kAll;
  while (selected.rows < count) {
    const uint32_t begin = selected.rows;
    const uint32_t end = count - begin < kRowsAtOnce ? count : begin + kRowsAtOnce;
    reading = onlyAddresses ? ReadEnds(packets, begin, end, count) : ReadRows(packets, begin, end, count);
    if (reading != Reading::kAll) break;
    if (onlyAddresses) {
      MatchEnds(packets, begin, end, counts);
    } else {
      // Keys of rows that are decided at once are not kept: they stay in the first-level cache.
      now_ = {lists_.keys, lists_.bytes, lists_.hits + begin, lists_.next + begin, end - begin, true};
      MatchRows(counts);
    }
    selected.rows = end;
  }
  if (reading == Reading::kSome) {
    const size_t begin = selected.rows;
    reading = ReadRows<true, false>(packets, selected.rows, count, count, lists_.keys + begin * kKeyWords, lists_.bytes + begin);
  }
  selected.special = special_;
  selected.outside = reading == Reading::kOutside;
  return selected;
}

// Keys as those rules need them that there are.
RuleTable::Reading RuleTable::ReadRows(const PacketRows& packets, uint32_t begin, uint32_t end, uint32_t count) {
  const bool addresses = open_[0] && addresses_ >= 0;
  if (open_[1]) return addresses ? ReadRows<true, true>(packets, begin, end, count, lists_.keys, lists_.bytes) : ReadRows<true, false>(packets, begin, end, count, lists_.keys, lists_.bytes);
  return addresses ? ReadRows<false, true>(packets, begin, end, count, lists_.keys, lists_.bytes) : ReadRows<false, false>(packets, begin, end, count, lists_.keys, lists_.bytes);
}

// Reads the keys of some rows, and fetches what their look-ups will read first, and packets of the rows to come.
template <bool whole, bool addresses>
RuleTable::Reading RuleTable::ReadRows(const PacketRows& given, uint32_t begin, uint32_t end, uint32_t count, uint32_t* keys, uint32_t* bytes) {
  // Local, here and below: what is written could be to anything otherwise, and all be loaded again.
  const PacketRows packets = given;
  const Class open = classes_[0];
  const uint32_t* const hints = Ipv4Hints();
  const uint32_t hintShift = 32 - kHintBits[open.region];
  Reading reading = Reading::kAll;
  for (uint32_t i = begin; i < end; i++) {
    const uint32_t row = packets.rows[i];
    uint32_t* const key = keys + size_t{i - begin} * kKeyWords;
    if (i + kRowsAhead < count) packets.Fetch(packets.rows[i + kRowsAhead]);
    if (!packets.Holds(row)) return Reading::kOutside;
    bytes[i - begin] = packets.wireLength[row];
    if (!ReadPacketKey<whole>(packets.memory + packets.offset[row], packets.length[row], packets.inner, key)) {
      reading = Reading::kSome;
      continue;
    }
    if (hints != nullptr) {
      __builtin_prefetch(hints + (key[kKeySource] >> hintShift));
      __builtin_prefetch(hints + (key[kKeyDestination] >> hintShift));
    }
    if (!addresses) continue;
    AddressHashes& hashes = hashes_[i - begin];
    hashes = {HashAddress(key[kKeySource]), HashAddress(key[kKeyDestination])};
    __builtin_prefetch(open.tags + size_t{hashes.source & open.lineMask} * kLineWords);
    __builtin_prefetch(open.tags + size_t{hashes.destination & open.lineMask} * kLineWords);
  }
  return reading;
}

void RuleTable::MatchRows(bool counts) {
  std::memset(now_.hits, 0, now_.count * sizeof *now_.hits);
  std::memset(now_.next, 0, now_.count * sizeof *now_.next);
  anyFound_ = false;
  if (open_[0]) Find<0>();
  if (open_[1]) Find<1>();
  if (anyFound_) Decide(counts);
}

// False if the class has no rules.
bool RuleTable::Open(uint32_t which) {
  LoadTuples(which);
  if (tuples_[which].empty()) return false;
  const uint32_t log = Load(memory_.control + kControlLines + which);
  if (log > 24 || uint64_t{1} << log > memory_.lineCount[which][log & 1]) return false;
  const uint32_t region = Load(memory_.control + kControlHints + which);
  classes_[which] = {memory_.tags[which][log & 1], memory_.slots[which][log & 1], memory_.records[which], (1u << log) - 1, region < 5 ? region : 0};
  if (which == 0 && addresses_ >= 0) addressHash_ = seed_ ^ tuples_[0][static_cast<size_t>(addresses_)].firstHash;
  return true;
}

// When a shunt was hit first, with what its record has counted before this hit: src/rules/rule-reader.ts explains it.
void RuleTable::NoteFirst(const Found& found) {
  uint64_t count[2];
  std::memcpy(count, found.counters, sizeof count);
  const uint32_t second = (tick_ / 10) & kSecondMask;
  uint16_t& first = memory_.firsts[found.number >> kClassShift][found.number & kIndexMask];
  const uint32_t last = static_cast<uint32_t>(count[0] >> kBytesBits << 16 | count[1] >> kPacketsBits);
  const uint32_t passed = (second - last) & kSecondMask;
  const uint32_t known = (last - first) & kDurationMaximum;
  if ((count[1] & kPacketsMask) == 0 || (passed > kSecondMask / 2 && kSecondMask + 1 - passed > known)) first = static_cast<uint16_t>(second);
  else if (passed <= kSecondMask / 2 && known + passed > kDurationMaximum) first = static_cast<uint16_t>(second - kDurationMaximum);
}

RuleTable::Decision RuleTable::BeginDecision(bool counts) const {
  const uint64_t second = (tick_ / 10) & kSecondMask;
  return {memory_.actions, second >> 16 << kBytesBits, second << kPacketsBits, counts};
}

void RuleTable::EndDecision(const Decision& decision) {
  totals_[kTypeDrop][0] += decision.dropPackets;
  totals_[kTypeDrop][1] += decision.dropBytes;
}

// Rules of other types than DROP, and shunts: where a packet goes, and what else is counted of it.
uint16_t RuleTable::ApplyOther(const Found& found, uint32_t what, uint32_t flags, uint32_t size, bool counts) {
  const uint32_t type = what & 3;
  const uint32_t output = what >> kActionOutputShift;
  const bool missing = output >= lists_.outputs;
  if (type == kTypeModify || (type == kTypeRedirect && missing)) special_++;
  if (counts) {
    if (shunts_ && (what & kActionShunt) != 0) NoteFirst(found);
    if (type != kTypeDrop) {
      totals_[type][0]++;
      totals_[type][1] += size;
    }
  }
  if (type == kTypeDrop && (flags & kTcpEnds) == 0) return kNextDrop;
  return missing ? 0 : static_cast<uint16_t>(output);
}

// Says where packets go, and counts them.
void RuleTable::Decide(bool counts) {
  const Rows now = now_;
  Decision decision = BeginDecision(counts);
  for (uint32_t row = 0; row < now.count; row++) {
    const uint32_t found = now.hits[row];
    if (found == 0) continue;
    uint32_t* const record = Record(found);
    const bool wide = found >> kClassShift != kClassIpv4;
    uint32_t* const noted = record + (wide ? kRecordAction[kClassWide] : kRecordAction[kClassIpv4]);
    uint32_t* const counters = record + (wide ? kRecordBytes[kClassWide] : kRecordBytes[kClassIpv4]);
    now.next[row] = Apply(decision, {found, noted, counters}, now.keys[size_t{row} * kKeyWords + kKeyFlags], now.bytes[row]);
  }
  EndDecision(decision);
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
