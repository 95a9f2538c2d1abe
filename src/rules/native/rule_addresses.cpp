// Rules about single IPv4 addresses, where there are no others: most block lists. No more of a packet is kept than its addresses, and a packet of which one place has
// the right tag, as most have that a rule applies to, is decided as soon as the record has been seen.
#include <cstring>

#include "packet_key.h"
#include "rule_decide.h"
#include "rule_hash.h"
#include "rule_table.h"

namespace bricks {
namespace rules {

namespace {

constexpr uint32_t kInfoVersion = 8;

}  // namespace

// As ReadRows.
RuleTable::Reading RuleTable::ReadEnds(const PacketRows& given, uint32_t begin, uint32_t end, uint32_t count) {
  const PacketRows packets = given;
  const uint8_t* const tags = classes_[0].tags;
  const uint32_t lineMask = classes_[0].lineMask;
  const uint32_t addressHash = addressHash_;
  for (uint32_t i = begin; i < end; i++) {
    const uint32_t row = packets.rows[i];
    if (i + kRowsAhead < count) packets.Fetch(packets.rows[i + kRowsAhead]);
    if (!packets.Holds(row)) return Reading::kOutside;
    PlainKey key;
    if (!ReadPlainKey(packets.memory + packets.offset[row], packets.length[row], packets.inner, key, nullptr)) return Reading::kSome;
    const uint32_t source = Finish(Mix(addressHash, key.source));
    const uint32_t destination = Finish(Mix(addressHash, key.destination));
    __builtin_prefetch(tags + size_t{source & lineMask} * kLineWords);
    __builtin_prefetch(tags + size_t{destination & lineMask} * kLineWords);
    ends_[i - begin] = {{key.source, key.destination}, {source, destination}};
    infos_[i - begin] = key.flags | (key.meta & 15) << kInfoVersion;
  }
  return Reading::kAll;
}

// The places of one address of a packet, in as many lines as rules went on to.
__attribute__((noinline)) void RuleTable::CollectPlaces(const PacketRows& packets, uint32_t begin, uint32_t row, uint32_t side, Decision& decision) {
  const uint8_t* const tags = classes_[0].tags;
  const uint32_t lineMask = classes_[0].lineMask;
  const uint32_t hash = ends_[row].hash[side];
  several_ |= uint64_t{1} << row;
  uint32_t line = hash & lineMask;
  for (uint32_t seen = 0;;) {
    if (placeCount_ + kLinePlaces > kPlaces) ConsiderPlaces(packets, begin, decision);
    for (uint32_t found = SameTags(tags + size_t{line} * kLineWords, TagOf(hash)); found != 0; found &= found - 1) {
      const uint32_t place = line * kLineWords + static_cast<uint32_t>(__builtin_ctz(found));
      __builtin_prefetch(classes_[0].slots + place);
      places_[placeCount_++] = PlaceOf(place, row, side, hash, false);
    }
    if (tags[size_t{line} * kLineWords] == 0 || ++seen > lineMask) return;
    line = (line + 1) & lineMask;
  }
}

// The slots of all places, then the records that they lead to.
void RuleTable::ConsiderPlaces(const PacketRows& packets, uint32_t begin, Decision& given) {
  constexpr uint32_t size = kRecordWords[kClassIpv4];
  const uint32_t* const slots = classes_[0].slots;
  uint32_t* const records = memory_.records[kClassIpv4];
  const uint32_t limit = memory_.limit, sets = sets_, tick = tick_, number = tuples_[0][0].number;
  const uint32_t* const wireLength = packets.wireLength;
  const uint16_t* const rows = packets.rows + begin;
  uint32_t* const hits = lists_.hits + begin;
  uint16_t* const next = lists_.next + begin;
  const uint32_t count = placeCount_;
  placeCount_ = 0;
  uint32_t left = 0;
  for (uint32_t k = 0; k < count; k++) {
    const Place place = places_[k];
    const uint32_t slot = Load(slots + static_cast<uint32_t>(place));
    const uint32_t rule = slot & kIndexMask;
    // It may have been taken away since.
    if (rule - 1 >= limit || slot >> 24 != (place >> kPlaceCheck & 0xff)) continue;
    const uint32_t* record = records + size_t{rule} * size;
    __builtin_prefetch(record, 1);
    __builtin_prefetch(record + size - 1, 1);
    places_[left++] = (place >> 32 << 32) | rule;
  }
  Decision decision = given;
  for (uint32_t k = 0; k < left; k++) {
    const Place place = places_[k];
    const auto rule = static_cast<uint32_t>(place);
    const uint32_t row = place >> kPlaceRow & 0xff;
    uint32_t* const record = records + size_t{rule} * size;
    if (((record[kRecordAction[kClassIpv4]] >> 24 ^ number) | (record[0] ^ ends_[row].address[place >> kPlaceSide & 1])) != 0) continue;
    // No deadline is 0.
    if (record[kRecordDeadline[kClassIpv4]] - 1 < tick) continue;
    if ((sets >> (Load(record + kRecordOrder[kClassIpv4]) >> kSetShift) & 1) == 0) continue;
    if (__builtin_expect(place >> kPlaceAlone != 0, 1)) {
      hits[row] = rule;
      next[row] = Apply(decision, {rule, record + kRecordAction[kClassIpv4], record + kRecordBytes[kClassIpv4]}, infos_[row] & 0xff, wireLength[rows[row]]);
    } else if (hits[row] == 0 || IsBefore(rule, hits[row])) {
      hits[row] = rule;
    }
  }
  given = decision;
}

void RuleTable::MatchEnds(const PacketRows& packets, uint32_t begin, uint32_t end, bool counts) {
  const uint8_t* const tags = classes_[0].tags;
  const uint32_t* const slots = classes_[0].slots;
  const uint32_t lineMask = classes_[0].lineMask;
  const uint32_t count = end - begin;
  uint32_t* const hits = lists_.hits + begin;
  uint16_t* const next = lists_.next + begin;
  std::memset(hits, 0, count * sizeof *hits);
  std::memset(next, 0, count * sizeof *next);
  Decision decision = BeginDecision(counts);
  several_ = 0;
  for (uint32_t row = 0; row < count; row++) {
    const Ends ends = ends_[row];
    const uint32_t sourceLine = ends.hash[0] & lineMask;
    const uint32_t destinationLine = ends.hash[1] & lineMask;
    const uint8_t* const source = tags + size_t{sourceLine} * kLineWords;
    const uint8_t* const destination = tags + size_t{destinationLine} * kLineWords;
    const uint32_t ofSource = SameTags(source, TagOf(ends.hash[0]));
    const uint32_t ofDestination = SameTags(destination, TagOf(ends.hash[1]));
    const uint32_t more = uint32_t{source[0]} | destination[0];
    if ((ofSource | ofDestination | more) == 0 || infos_[row] >> kInfoVersion != 4) continue;
    // One place of one address: all that are found stand in one number then.
    const uint32_t found = ofSource << 16 | ofDestination;
    if (__builtin_expect((more | (found & (found - 1))) != 0, 0)) {
      CollectPlaces(packets, begin, row, 0, decision);
      CollectPlaces(packets, begin, row, 1, decision);
      continue;
    }
    if (placeCount_ == kPlaces) ConsiderPlaces(packets, begin, decision);
    const bool isSource = ofSource != 0;
    const uint32_t place = (isSource ? sourceLine : destinationLine) * kLineWords + static_cast<uint32_t>(__builtin_ctz(isSource ? ofSource : ofDestination));
    __builtin_prefetch(slots + place);
    places_[placeCount_++] = PlaceOf(place, row, isSource ? 0 : 1, isSource ? ends.hash[0] : ends.hash[1], true);
  }
  if (placeCount_ > 0) ConsiderPlaces(packets, begin, decision);
  for (uint64_t rest = several_; rest != 0; rest &= rest - 1) {
    const auto row = static_cast<uint32_t>(__builtin_ctzll(rest));
    if (hits[row] == 0) continue;
    uint32_t* const record = Record(hits[row]);
    next[row] = Apply(decision, {hits[row], record + kRecordAction[kClassIpv4], record + kRecordBytes[kClassIpv4]}, infos_[row] & 0xff, packets.wireLength[packets.rows[begin + row]]);
  }
  EndDecision(decision);
}

}  // namespace rules
}  // namespace bricks
