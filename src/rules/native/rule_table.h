// The engine's side of the rule tables (src/rules/layout.ts): finds the rule of each packet of a list, in one call. What src/rules/rule-reader.ts does for
// one packet after the other is done in steps for some packets at once, so that the processor waits for many places in memory at the same time: tags,
// slots, records. With a million rules the tags take 2 MiB, most of which stays in the caches; a packet that no rule matches touches nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "packet_rows.h"
#include "rule_hash.h"
#include "rule_layout.h"

namespace bricks {
namespace rules {

// Rules lie in so many classes.
constexpr uint32_t kClasses = sizeof kRecordWords / sizeof *kRecordWords;

constexpr uint32_t kProtocolTcp = 6;

// A word that the writer may change.
inline uint32_t Load(const uint32_t* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

// Memory of the tables, as it was checked.
struct Memory {
  uint32_t limit = 0;
  uint32_t* control = nullptr;
  uint32_t* records[kClasses] = {};
  uint16_t* firsts[kClasses] = {};
  const uint8_t* tags[kClasses][2] = {};
  const uint32_t* slots[kClasses][2] = {};
  uint64_t lineCount[kClasses][2] = {};
  const uint32_t* hints[kClasses] = {};
  const uint32_t* tuples[kClasses] = {};
  const uint32_t* actions = nullptr;
};

struct Lists {
  uint32_t rows = 0;
  uint32_t* keys = nullptr;
  uint32_t* bytes = nullptr;
  uint32_t* hits = nullptr;
  uint16_t* next = nullptr;
  uint32_t outputs = 0;
};

class RuleTable {
 public:
  RuleTable(const Memory& memory, const Lists& lists) : memory_(memory), lists_(lists) {}

  // Rows from `first` on whose keys have been read. Returns how many packets are to be changed, or to go to an output that is not there.
  uint32_t Match(uint32_t first, uint32_t count, uint32_t tick, bool counts);

  struct Selected {
    // From this row on keys are read, but for those that have META_UNREAD, and nothing is decided.
    uint32_t rows = 0;
    // As Match returns it.
    uint32_t special = 0;
    // A packet lies outside of its memory: not all rows were read.
    bool outside = false;
  };
  // Reads keys and matches.
  Selected Select(const PacketRows& packets, uint32_t count, uint32_t tick, bool counts);

 private:
  // Packets whose look-ups wait for memory together: more than a core fetches at once, few enough to stay in its first-level cache.
  static constexpr uint32_t kRowsAtOnce = 64;
  // How far ahead packets are fetched: about as many as a core fetches at once. While some rows are matched, the memory brings those that come next.
  static constexpr uint32_t kRowsAhead = 20;
  // Two look-ups of each packet, and one more packet's.
  static constexpr uint32_t kProbes = 2 * kRowsAtOnce + 2;
  static constexpr uint32_t kCandidates = 2 * kRowsAtOnce;
  static constexpr uint32_t kPrefixes = 129;
  // Two places of each packet, and those of one line more.
  static constexpr uint32_t kPlaces = 2 * kRowsAtOnce + kLinePlaces;

  // A tuple in use, as the list has it now.
  struct Tuple {
    uint32_t number;
    uint32_t how;
    uint32_t version;
    bool ports;
    // Which bits of a key's META say whether the tuple applies, and what they must be.
    uint32_t metaMask;
    uint32_t metaWanted;
    uint32_t prefix;
    uint32_t firstHash;
    // The words that it looks at, where a record has them, and their masks.
    uint32_t words;
    uint8_t word[12];
    uint8_t place[12];
    uint32_t mask[12];
    // The same for IPv4: masks of source, destination and ports.
    uint32_t plain[3];
  };

  // Which values of a packet's key stand where the rule's do.
  enum Side : uint32_t { kAsItIs, kDestinationAsSource, kEndsExchanged, kSourceMacAsDestination };

  struct Probe {
    uint32_t hash;
    uint16_t row;
    uint8_t tuple;
    uint8_t side;
  };

  // A place whose tag is the right one: of which look-up, and where its slot is; then which rule stands there.
  struct Candidate {
    Probe probe;
    uint32_t place;
  };

  // Of a packet's addresses, as the tuple of single IPv4 addresses has them.
  struct AddressHashes {
    uint32_t source;
    uint32_t destination;
  };

  // Of a packet in the same case: its addresses, and their hashes.
  struct Ends {
    uint32_t address[2];
    uint32_t hash[2];
  };

  // A place whose tag is that of an address: where its slot is, and then which rule stands there; above that, in one word so that it is written and read at once:
  // row, which of the packet's addresses, what else of the hash stands in the slot, and whether it is the only place that this packet has.
  using Place = uint64_t;
  static constexpr uint32_t kPlaceRow = 32, kPlaceSide = 40, kPlaceCheck = 48, kPlaceAlone = 56;
  static Place PlaceOf(uint32_t place, uint32_t row, uint32_t side, uint32_t hash, bool alone) {
    return place | uint64_t{row} << kPlaceRow | uint64_t{side} << kPlaceSide | uint64_t{hash >> 16 & 0xff} << kPlaceCheck | uint64_t{alone} << kPlaceAlone;
  }

  enum class Reading { kAll, kSome, kOutside };
  class Passage;
  struct Decision;
  struct Found;

  // The rows at work: what was read of them, and what is found.
  struct Rows {
    const uint32_t* keys;
    const uint32_t* bytes;
    uint32_t* hits;
    uint16_t* next;
    uint32_t count;
    // Whether they have just been read: the hashes of addresses are there, and hints are being fetched.
    bool hashed;
  };

  // What a class of rules looks like during a batch.
  struct Class {
    const uint8_t* tags;
    const uint32_t* slots;
    const uint32_t* records;
    uint32_t lineMask;
    uint32_t region;
  };

  void Begin(uint32_t tick);
  void LoadTuples(uint32_t which);
  bool Open(uint32_t which);
  bool OnlyAddresses() const { return !open_[1] && open_[0] && addresses_ >= 0 && tuples_[0].size() == 1; }
  template <bool whole, bool addresses>
  Reading ReadRows(const PacketRows& given, uint32_t begin, uint32_t end, uint32_t count, uint32_t* keys, uint32_t* bytes);
  Reading ReadRows(const PacketRows& packets, uint32_t begin, uint32_t end, uint32_t count);
  Reading ReadEnds(const PacketRows& given, uint32_t begin, uint32_t end, uint32_t count);
  uint32_t HashAddress(uint32_t address) const { return Finish(Mix(addressHash_, address)); }
  void MatchRows(bool counts);
  void MatchEnds(const PacketRows& packets, uint32_t begin, uint32_t end, bool counts);
  void CollectPlaces(const PacketRows& packets, uint32_t begin, uint32_t row, uint32_t side, Decision& decision);
  void ConsiderPlaces(const PacketRows& packets, uint32_t begin, Decision& decision);
  template <uint32_t which>
  void Find();
  template <uint32_t which>
  void FindBy(uint32_t index);
  void FindAddresses(uint32_t index);
  void FindConnections();
  void FindMacs(uint32_t index);
  // Where the hints for subnets of IPv4 begin; null where there are none.
  const uint32_t* Ipv4Hints() const {
    return open_[kClassIpv4] && hasSubnets_[kClassIpv4] && classes_[kClassIpv4].region != 0 ? memory_.hints[kClassIpv4] + kHintBegin[classes_[kClassIpv4].region] : nullptr;
  }
  void FindIpv4Subnets();
  void FindIpv6Subnets();
  template <uint32_t which>
  void Look(uint32_t row, uint32_t tuple, Side side);
  template <uint32_t which>
  void Resolve();
  template <uint32_t which>
  void Collect(const Probe& probe, uint32_t found, uint32_t more);
  template <uint32_t which>
  void CollectMany(const Probe& probe, uint32_t line, uint32_t found);
  template <uint32_t which>
  void Consider();
  template <uint32_t which>
  bool Fits(const Tuple& tuple, const uint32_t* record, const Probe& probe) const;
  bool IsBefore(uint32_t a, uint32_t b) const;
  uint32_t* Record(uint32_t found) const { return memory_.records[found >> kClassShift] + size_t{found & kIndexMask} * kRecordWords[found >> kClassShift]; }
  const uint32_t* Action(uint32_t found) const;
  void NoteFirst(const Found& found);
  Decision BeginDecision(bool counts) const;
  void EndDecision(const Decision& decision);
  uint16_t Apply(Decision& decision, const Found& found, uint32_t flags, uint32_t size);
  uint16_t ApplyOther(const Found& found, uint32_t what, uint32_t flags, uint32_t size, bool counts);
  void Decide(bool counts);
  void AddTotals();

  const Memory memory_;
  const Lists lists_;
  std::vector<Tuple> tuples_[kClasses];
  // Of each class: subnets that hints are kept for, by their prefix length: index of the tuple + 1. All others in turn.
  uint16_t subnets_[kClasses][kPrefixes] = {};
  bool hasSubnets_[kClasses] = {};
  // What the hashes of IPv4 subnets begin with, by their prefix length.
  uint32_t subnetHashes_[32] = {};
  std::vector<uint16_t> others_[kClasses];
  // Of connections of IPv4 with ports, by whether the protocol is TCP, not UDP: index of the tuple + 1.
  uint16_t connections_[2] = {};
  // The tuple of single IPv4 addresses, or -1.
  int32_t addresses_ = -1;
  uint32_t tuplesVersion_[kClasses] = {UINT32_MAX, UINT32_MAX};
  Class classes_[kClasses] = {};
  Probe probes_[kProbes];
  uint32_t probeCount_ = 0;
  Candidate candidates_[kCandidates];
  uint32_t candidateCount_ = 0;
  Rows now_ = {};
  AddressHashes hashes_[kRowsAtOnce];
  // Where rules are about single addresses only. The TCP flags of each packet, and above them the IP version.
  Ends ends_[kRowsAtOnce];
  uint32_t infos_[kRowsAtOnce];
  Place places_[kPlaces];
  uint32_t placeCount_ = 0;
  // Rows of several places: decided when all of these were seen.
  uint64_t several_ = 0;
  static_assert(kRowsAtOnce <= 64, "a bit for each row");
  // What the hash of a single address begins with.
  uint32_t addressHash_ = 0;
  // Whether a rule was found for one of the rows at work.
  bool anyFound_ = false;
  bool open_[kClasses] = {};
  bool shunts_ = false;
  // Packets of this call that are to be changed, or to go to an output that is not there.
  uint32_t special_ = 0;
  uint64_t totals_[4][2] = {};
  uint32_t seed_ = 0;
  uint32_t sets_ = 0;
  uint32_t tick_ = 0;
};

}  // namespace rules
}  // namespace bricks
