#include "rule_table.h"

#include <cstring>

#include "packet_key.h"
#include "rule_hash.h"

namespace bricks {
namespace rules {

namespace {

// A record's number of bytes, and of packets, without the time of the last hit above it.
constexpr uint64_t kBytesMask = (uint64_t{1} << kBytesBits) - 1;
constexpr uint64_t kPacketsMask = (uint64_t{1} << kPacketsBits) - 1;
static_assert(kRecordPackets[0] == kRecordBytes[0] + 2 && kRecordPackets[1] == kRecordBytes[1] + 2, "packets are counted behind bytes");

}  // namespace

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
  // Of one that comes during a batch, the first hit is when it was made.
  shunts_ = Load(memory_.control + kControlShunts) != 0;
  for (uint32_t which = 0; which < kClasses; which++) open_[which] = Open(which);
}

uint32_t RuleTable::Match(uint32_t first, uint32_t count, uint32_t tick, bool counts) {
  const Passage passage(*this, tick);
  uint32_t special = 0;
  for (uint32_t begin = first; begin < count; begin += kRowsAtOnce) {
    special += MatchRows(begin, count - begin < kRowsAtOnce ? count : begin + kRowsAtOnce, false, counts);
  }
  return special;
}

RuleTable::Selected RuleTable::Select(const PacketRows& packets, uint32_t count, uint32_t tick, bool counts) {
  Selected selected;
  const Passage passage(*this, tick);
  for (uint32_t row = 0; row < kRowsAhead && row < count; row++) packets.Fetch(packets.rows[row]);
  bool all = true;
  for (uint32_t begin = 0; begin < count; begin += kRowsAtOnce) {
    const uint32_t end = count - begin < kRowsAtOnce ? count : begin + kRowsAtOnce;
    const Reading reading = open_[0] && addresses_ >= 0 ? ReadRows<true>(packets, begin, end, count) : ReadRows<false>(packets, begin, end, count);
    if (reading == Reading::kOutside) {
      selected.outside = true;
      break;
    }
    all = all && reading == Reading::kAll;
    if (!all) continue;
    selected.special += MatchRows(begin, end, true, counts);
    selected.rows = end;
  }
  return selected;
}

// Reads the keys of some rows, and fetches what their look-ups will read first, and packets of the rows to come.
template <bool kAddresses>
RuleTable::Reading RuleTable::ReadRows(const PacketRows& given, uint32_t begin, uint32_t end, uint32_t count) {
  // Local, here and below: what is written could be to anything otherwise, and all be loaded again.
  const PacketRows packets = given;
  const Class open = classes_[0];
  uint32_t* const keys = lists_.keys;
  uint32_t* const bytes = lists_.bytes;
  Reading reading = Reading::kAll;
  for (uint32_t i = begin; i < end; i++) {
    const uint32_t row = packets.rows[i];
    uint32_t* const key = keys + size_t{i} * kKeyWords;
    if (i + kRowsAhead < count) packets.Fetch(packets.rows[i + kRowsAhead]);
    if (!packets.Holds(row)) return Reading::kOutside;
    bytes[i] = packets.wireLength[row];
    if (!ReadPacketKey(packets.memory + packets.offset[row], packets.length[row], packets.inner, key)) {
      reading = Reading::kSome;
      continue;
    }
    if (!kAddresses) continue;
    AddressHashes& hashes = hashes_[i - begin];
    HashAddresses(key, hashes);
    __builtin_prefetch(open.tags + size_t{hashes.source & open.lineMask} * kLineWords);
    __builtin_prefetch(open.tags + size_t{hashes.destination & open.lineMask} * kLineWords);
  }
  return reading;
}

uint32_t RuleTable::MatchRows(uint32_t begin, uint32_t end, bool hashed, bool counts) {
  std::memset(lists_.hits + begin, 0, (end - begin) * sizeof *lists_.hits);
  std::memset(lists_.next + begin, 0, (end - begin) * sizeof *lists_.next);
  anyFound_ = false;
  if (open_[0]) Find<0>(begin, end, hashed);
  if (open_[1]) Find<1>(begin, end, hashed);
  if (!anyFound_) return 0;
  return shunts_ ? Decide<true>(begin, end, counts) : Decide<false>(begin, end, counts);
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
void RuleTable::NoteFirst(uint32_t found, uint64_t bytes, uint64_t packets, uint32_t second) {
  uint16_t& first = memory_.firsts[found >> kClassShift][found & kIndexMask];
  const uint32_t last = static_cast<uint32_t>(bytes >> kBytesBits << 16 | packets >> kPacketsBits);
  const uint32_t passed = (second - last) & kSecondMask;
  const uint32_t known = (last - first) & kDurationMaximum;
  if ((packets & kPacketsMask) == 0 || (passed > kSecondMask / 2 && kSecondMask + 1 - passed > known)) first = static_cast<uint16_t>(second);
  else if (passed <= kSecondMask / 2 && known + passed > kDurationMaximum) first = static_cast<uint16_t>(second - kDurationMaximum);
}

// Says where packets go, and counts them.
template <bool shunts>
uint32_t RuleTable::Decide(uint32_t begin, uint32_t end, bool counts) {
  const uint32_t* const hits = lists_.hits;
  const uint32_t* const keys = lists_.keys;
  const uint32_t* const sizes = lists_.bytes;
  uint16_t* const next = lists_.next;
  const uint32_t outputs = lists_.outputs;
  const uint32_t* const actions = memory_.actions;
  const uint64_t second = (tick_ / 10) & kSecondMask;
  uint32_t special = 0;
  // Of a run of packets whose rules have one type: in registers.
  uint32_t run = kTypeDrop;
  uint64_t runPackets = 0, runBytes = 0;
  for (uint32_t row = begin; row < end; row++) {
    const uint32_t found = hits[row];
    if (found == 0) continue;
    uint32_t* const record = Record(found);
    const bool wide = found >> kClassShift != kClassIpv4;
    uint32_t* const noted = record + (wide ? kRecordAction[kClassWide] : kRecordAction[kClassIpv4]);
    uint32_t* const counters = record + (wide ? kRecordBytes[kClassWide] : kRecordBytes[kClassIpv4]);
    const uint32_t action = *noted;
    const uint32_t what = actions[size_t{action & kActionMask} * kActionWords + kActionWhat];
    const uint32_t type = what & 3;
    const uint32_t output = what >> kActionOutputShift;
    const uint32_t flags = keys[size_t{row} * kKeyWords + kKeyFlags];
    const bool passes = type != kTypeDrop || ((what & kActionShunt) != 0 && (flags & kTcpEnds) != 0);
    next[row] = static_cast<uint16_t>(!passes ? kNextDrop : output < outputs ? output : 0);
    if (type == kTypeModify || (type == kTypeRedirect && output >= outputs)) special++;
    if (!counts) continue;
    uint64_t count[2];
    std::memcpy(count, counters, sizeof count);
    if (shunts && (what & kActionShunt) != 0) NoteFirst(found, count[0], count[1], static_cast<uint32_t>(second));
    count[0] = ((count[0] + sizes[row]) & kBytesMask) | second >> 16 << kBytesBits;
    count[1] = ((count[1] + 1) & kPacketsMask) | (second & 0xffff) << kPacketsBits;
    std::memcpy(counters, count, sizeof count);
    if ((flags << kFlagsShift & ~action) != 0) *noted = action | flags << kFlagsShift;
    if (type != run) {
      totals_[run][0] += runPackets;
      totals_[run][1] += runBytes;
      run = type;
      runPackets = runBytes = 0;
    }
    runPackets++;
    runBytes += sizes[row];
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
