// The engine's side of the rule tables (src/rules/layout.ts): finds the rule of each packet of a list, in one call. What src/rules/rule-reader.ts does for
// one packet after the other is done in three steps here, so that the processor waits for many places in memory at once: lines, records, counters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rule_layout.h"

namespace bricks {
namespace rules {

// Memory of the tables, as it was checked.
struct Memory {
  uint32_t limit = 0;
  uint32_t* control = nullptr;
  uint32_t* records[kClasses] = {};
  const uint32_t* lines[kClasses][2] = {};
  uint64_t lineCount[kClasses][2] = {};
  const uint32_t* hints[kClasses] = {};
  const uint32_t* tuples[kClasses] = {};
  const uint32_t* actions = nullptr;
};

struct Lists {
  uint32_t rows = 0;
  const uint32_t* keys = nullptr;
  const uint32_t* bytes = nullptr;
  uint32_t* hits = nullptr;
  uint16_t* next = nullptr;
  uint32_t outputs = 0;
};

class RuleTable {
 public:
  RuleTable(const Memory& memory, const Lists& lists) : memory_(memory), lists_(lists) {}

  // Returns how many packets are to be changed, or to go to an output that is not there.
  uint32_t Match(uint32_t count, uint32_t tick, bool counts);

 private:
  // Look-ups that wait for memory together: more than a core fetches at once, few enough to stay in its first-level cache.
  static constexpr uint32_t kProbesAtOnce = 64;
  static constexpr uint32_t kCandidates = 96;

  // A tuple in use, as the list has it now.
  struct Tuple {
    uint32_t number;
    uint32_t how;
    uint32_t needs;
    uint32_t version;
    uint32_t protocol;
    uint32_t prefix;
    uint32_t firstHash;
    uint32_t words;
    uint8_t word[12];
    uint32_t mask[12];
  };

  // Which values of a packet's key stand where the rule's do.
  enum class Side : uint8_t { kAsItIs, kDestinationAsSource, kEndsExchanged, kSourceMacAsDestination };

  struct Probe {
    uint32_t row;
    uint32_t hash;
    const Tuple* tuple;
    Side side;
  };

  // Where lines are, and what their hashes begin with.
  struct Places {
    const uint32_t* lines;
    uint32_t mask;
    uint32_t seed;
  };

  struct Candidate {
    uint32_t probe;
    uint32_t rule;
  };

  void LoadTuples(uint32_t which);
  void Gather(uint32_t which, uint32_t count);
  static Probe Look(const Places& places, uint32_t row, const Tuple& tuple, const uint32_t* whole, Side side);
  static Side SideOfConnection(const Tuple& tuple, const uint32_t* key);
  static const uint32_t* Seen(const uint32_t* key, Side side, uint32_t* other);
  bool WorthALook(uint32_t which, uint32_t prefix, uint32_t firstWord) const;
  void Resolve(uint32_t which, uint32_t probes);
  uint32_t ConsiderAll(uint32_t which, uint32_t candidates);
  void Consider(uint32_t which, const Candidate& candidate);
  bool IsBefore(uint32_t a, uint32_t b) const;
  uint32_t* Record(uint32_t found) const { return memory_.records[found >> 24] + size_t{found & kIndexMask} * kRecordWords[found >> 24]; }
  const uint32_t* Action(uint32_t found) const;
  uint32_t Decide(uint32_t count, uint32_t tick, bool counts);

  const Memory memory_;
  const Lists lists_;
  std::vector<Tuple> tuples_[kClasses];
  uint32_t tuplesVersion_[kClasses] = {UINT32_MAX, UINT32_MAX};
  Probe probes_[kProbesAtOnce + 2];
  Candidate candidates_[kCandidates];
  uint32_t seed_ = 0;
  uint32_t sets_ = 0;
  uint32_t tick_ = 0;
  const uint32_t* lines_ = nullptr;
  uint32_t lineMask_ = 0;
  uint32_t region_ = 0;
};

}  // namespace rules
}  // namespace bricks
