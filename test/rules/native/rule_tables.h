// Rule tables for tests of the native reader: written as src/rules/rule-store.ts writes them, each part as long as it must be and no longer, so that the
// sanitizer sees one word more.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "rule_hash.h"
#include "rule_table.h"

namespace bricks {
namespace rules {

// What one rule looks at: a tuple, and the values there.
struct Entity {
  uint32_t which = 0;
  uint32_t how = 0;
  uint32_t needs = 0;
  uint32_t version = 0;
  uint32_t protocol = 0;
  uint32_t prefix = 0;
  uint32_t mask[kKeyWords] = {};
  uint32_t key[kKeyWords] = {};

  void Put(uint32_t word, uint32_t value, uint32_t bits) {
    mask[word] |= bits;
    key[word] |= value & bits;
  }
  uint32_t How() const { return how | version << 4 | needs << 8 | protocol << 16 | prefix << 24; }
};

struct Tables {
  static constexpr uint32_t kLogs[] = {4, 5};

  explicit Tables(uint32_t room) : limit(room), control(kControlWords), actions((kActionsMaximum + 1) * kActionWords) {
    for (uint32_t which = 0; which < kClasses; which++) {
      records[which].resize(size_t{limit + 1} * kRecordWords[which]);
      firsts[which].resize(limit + 1);
      hints[which].resize(kHintWords);
      tuples[which].resize((kTuplesMaximum + 1) * kTupleWords + 2 * kListWords);
      for (const uint32_t log : kLogs) {
        tags[which][log & 1].resize(size_t{kLineWords} << log);
        slots[which][log & 1].resize(size_t{kLineWords} << log);
      }
    }
  }

  Memory AsMemory() {
    Memory memory;
    memory.limit = limit;
    memory.control = control.data();
    memory.actions = actions.data();
    for (uint32_t which = 0; which < kClasses; which++) {
      memory.records[which] = records[which].data();
      memory.firsts[which] = firsts[which].data();
      memory.hints[which] = hints[which].data();
      memory.tuples[which] = tuples[which].data();
      for (uint32_t parity = 0; parity < 2; parity++) {
        memory.tags[which][parity] = tags[which][parity].data();
        memory.slots[which][parity] = slots[which][parity].data();
        memory.lineCount[which][parity] = tags[which][parity].size() / kLineWords;
      }
    }
    return memory;
  }

  // Empty tables of 2^log lines, with hints by so many bits.
  void Clear(uint32_t log, uint32_t region, uint32_t seed) {
    std::fill(control.begin(), control.end(), 0);
    control[kControlSeed] = seed;
    control[kControlSets] = kSetsBefore;
    count = 0;
    for (uint32_t which = 0; which < kClasses; which++) {
      std::fill(records[which].begin(), records[which].end(), 0);
      std::fill(tags[which][log & 1].begin(), tags[which][log & 1].end(), 0);
      std::fill(slots[which][log & 1].begin(), slots[which][log & 1].end(), 0);
      const auto begin = hints[which].begin() + kHintBegin[region];
      std::fill(begin, begin + (1 << kHintBits[region]), 0);
      numbers[which].clear();
      control[kControlLines + which] = log;
      control[kControlHints + which] = region;
    }
  }

  void Add(const Entity& entity, uint32_t action, uint32_t deadline) {
    const uint32_t which = entity.which;
    const uint32_t tuple = NumberOf(entity);
    const uint32_t rule = ++count;
    uint32_t* const record = &records[which][size_t{rule} * kRecordWords[which]];
    constexpr uint32_t plain[] = {kKeySource, kKeyDestination, kKeyPorts};
    for (uint32_t k = 0; k < (which == 0 ? 3u : 12u); k++) record[k] = entity.key[which == 0 ? plain[k] : k + 1];
    record[kRecordAction[which]] = tuple << 24 | action;
    record[kRecordOrder[which]] = kSetSettled << kSetShift | rule;
    record[kRecordDeadline[which]] = deadline;
    Hint(entity);
    uint32_t hash = control[kControlSeed] ^ tuple * 0x9e3779b9u;
    for (uint32_t word = 1; word <= 12; word++) if (entity.mask[word] != 0) hash = Mix(hash, entity.key[word]);
    Insert(which, Finish(hash), rule);
  }

  void Insert(uint32_t which, uint32_t hash, uint32_t rule) {
    const uint32_t log = control[kControlLines + which], mask = (1u << log) - 1;
    uint8_t* const tag = tags[which][log & 1].data();
    uint32_t* const slot = slots[which][log & 1].data();
    for (uint32_t line = hash & mask;; line = (line + 1) & mask) {
      for (uint32_t place = line * kLineWords + 1; place < (line + 1) * kLineWords; place++) {
        if (tag[place] != 0) continue;
        slot[place] = (hash << 8 & 0xff000000) | rule;
        tag[place] = static_cast<uint8_t>(TagOf(hash));
        return;
      }
      tag[size_t{line} * kLineWords] = static_cast<uint8_t>(std::min(++slot[size_t{line} * kLineWords], 255u));
    }
  }

  const uint32_t limit;
  std::vector<uint32_t> control, actions, records[kClasses], hints[kClasses], tuples[kClasses], slots[kClasses][2];
  std::vector<uint16_t> firsts[kClasses];
  std::vector<uint8_t> tags[kClasses][2];
  uint32_t count = 0;

 private:
  uint32_t NumberOf(const Entity& entity) {
    std::map<uint32_t, uint32_t>& known = numbers[entity.which];
    uint32_t& number = known[entity.How()];
    if (number != 0) return number;
    number = static_cast<uint32_t>(known.size());
    uint32_t* const words = &tuples[entity.which][size_t{number} * kTupleWords];
    std::copy(entity.mask, entity.mask + kKeyWords, words);
    words[kTupleHow] = entity.How();
    words[kTupleUsed] = 0;
    for (uint32_t word = 1; word <= 12; word++) if (entity.mask[word] != 0) words[kTupleUsed] |= 1u << word;
    uint32_t* const list = &tuples[entity.which][(kTuplesMaximum + 1) * kTupleWords + (control[kControlTuples + entity.which] & 1) * kListWords];
    list[0] = number;
    list[number] = number;
    return number;
  }

  void Hint(const Entity& entity) {
    const bool hinted = entity.which == 0 ? entity.prefix > 0 && entity.prefix < 32 : entity.prefix >= kHintShortestWide && entity.prefix < 128;
    if (entity.how != kHowEitherAddress || !hinted) return;
    const uint32_t region = control[kControlHints + entity.which], bits = kHintBits[region], first = entity.key[kKeySource];
    const uint32_t begin = (entity.which == 1 ? first * 0x9e3779b1u : first) >> (32 - bits);
    const uint32_t many = entity.which == 0 && entity.prefix < bits ? 1u << (bits - entity.prefix) : 1;
    for (uint32_t k = 0; k < many; k++) hints[entity.which][kHintBegin[region] + begin + k] |= 1u << (entity.prefix & 31);
  }

  // Of each class: the number of each tuple.
  std::map<uint32_t, uint32_t> numbers[kClasses];
};

}  // namespace rules
}  // namespace bricks
