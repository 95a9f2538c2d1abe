// The native reader of rules under the sanitizers: random rules and packets beside a list that is walked for each packet, then tables full of rubbish.
#include <cstdio>
#include <cstdlib>

#include "rule_tables.h"
#include "test_packets.h"

using namespace bricks::rules;

namespace {

constexpr uint32_t kRows = 150;
constexpr uint32_t kLimit = 220;
constexpr uint32_t kOutputs = 2;
constexpr uint32_t kTick = 1000;

#define CHECK(condition) Check(condition, #condition, __LINE__)
void Check(bool holds, const char* what, int line) {
  if (holds) return;
  std::fprintf(stderr, "line %d: %s does not hold\n", line, what);
  std::abort();
}

struct Action {
  int32_t priority;
  uint32_t what;
};
constexpr Action kActions[] = {{0, kTypeDrop}, {0, kTypeWhitelist}, {0, kTypeRedirect | 1 << kActionOutputShift}, {1, kTypeDrop | kActionShunt}, {-1, kTypeWhitelist}, {0, kTypeDrop}};

struct Rule {
  Entity entity;
  uint32_t action, deadline;
  uint64_t packets = 0, bytes = 0;
};

enum Kind : uint32_t { kSingle, kSubnet, kConnection, kMac, kIpv6, kKinds };

Entity AnyEntity(Kind kind, Random& random) {
  constexpr uint32_t prefixes4[] = {1, 8, 15, 16, 17, 24, 31}, prefixes6[] = {128, 64, 32};
  Entity entity;
  entity.version = 4;
  switch (kind) {
    case kSingle:
    case kSubnet:
      entity.how = kHowEitherAddress;
      entity.prefix = kind == kSingle ? 32 : prefixes4[Below(random, 7)];
      entity.Put(kKeySource, AnyAddress(random), UINT32_MAX << (32 - entity.prefix));
      break;
    case kConnection: {
      uint32_t ends[2][2] = {{AnyAddress(random), Below(random, 4)}, {AnyAddress(random), Below(random, 4)}};
      if (ends[0][0] > ends[1][0] || (ends[0][0] == ends[1][0] && ends[0][1] > ends[1][1])) std::swap(ends[0], ends[1]);
      entity.how = kHowConnection;
      entity.needs = kMetaPorts;
      if (Below(random, 3) != 0) {
        entity.needs |= kMetaProtocol;
        entity.protocol = Below(random, 2) == 0 ? 6 : 17;
      }
      entity.Put(kKeySource, ends[0][0], UINT32_MAX);
      entity.Put(kKeyDestination, ends[1][0], UINT32_MAX);
      entity.Put(kKeyPorts, ends[0][1] << 16 | ends[1][1], UINT32_MAX);
      break;
    }
    case kMac:
      entity.which = 1;
      entity.version = 0;
      entity.how = kHowEitherMac;
      entity.needs = kMetaMacs;
      entity.Put(kKeyMacs, 0x02000000, UINT32_MAX);
      entity.Put(kKeyMacs + 1, Below(random, 12) << 16, 0xffff0000);
      break;
    default:
      entity.which = 1;
      entity.version = 6;
      entity.how = kHowEitherAddress;
      entity.prefix = prefixes6[Below(random, 3)];
      for (uint32_t word = 0; word < entity.prefix / 32; word++) entity.Put(kKeySource + word, AnyAddress(random), UINT32_MAX);
  }
  return entity;
}

bool IsBelow(const Entity& entity, const uint32_t* address) {
  for (uint32_t word = 0; word < 4; word++) if ((address[word] & entity.mask[kKeySource + word]) != entity.key[kKeySource + word]) return false;
  return true;
}

bool Applies(const Rule& rule, const Facts& facts) {
  const Entity& entity = rule.entity;
  if (!facts.readable || (rule.deadline != 0 && rule.deadline <= kTick)) return false;
  if (entity.version != 0 && entity.version != facts.version) return false;
  if (entity.how == kHowEitherAddress) return IsBelow(entity, facts.source) || IsBelow(entity, facts.destination);
  if (entity.how == kHowEitherMac) return entity.key[kKeyMacs + 1] >> 16 == facts.sourceMac || entity.key[kKeyMacs + 1] >> 16 == facts.destinationMac;
  if (!facts.ports || ((entity.needs & kMetaProtocol) != 0 && entity.protocol != facts.protocol)) return false;
  const uint32_t lower = entity.key[kKeySource], upper = entity.key[kKeyDestination], first = entity.key[kKeyPorts] >> 16, second = entity.key[kKeyPorts] & 0xffff;
  const auto is = [&](uint32_t from, uint32_t fromPort, uint32_t to, uint32_t toPort) { return facts.source[0] == from && facts.sourcePort == fromPort && facts.destination[0] == to && facts.destinationPort == toPort; };
  return is(lower, first, upper, second) || is(upper, second, lower, first);
}

Rule* FindOneByOne(std::vector<Rule>& list, const Facts& facts) {
  Rule* best = nullptr;
  const auto rank = [](const Rule& rule) { return 2 * int64_t{kActions[rule.action].priority} + ((kActions[rule.action].what & 15) == kTypeWhitelist ? 1 : 0); };
  for (Rule& rule : list) if (Applies(rule, facts) && (best == nullptr || rank(rule) > rank(*best))) best = &rule;
  return best;
}

uint16_t NextOf(const Rule* rule, uint32_t flags) {
  if (rule == nullptr) return 0;
  const uint32_t what = kActions[rule->action].what;
  if ((what & 15) == kTypeDrop && ((what & kActionShunt) == 0 || (flags & kTcpEnds) == 0)) return kNextDrop;
  return static_cast<uint16_t>(what >> kActionOutputShift);
}

struct Batch {
  Batch() : packets(kRows), rows(kRows), keys(size_t{kRows} * kKeyWords), bytes(kRows), hits(kRows), next(kRows) {}

  PacketRows AsRows() const {
    PacketRows given;
    given.rows = rows.data();
    given.offset = packets.offset.data();
    given.length = packets.length.data();
    given.wireLength = packets.wireLength.data();
    given.capacity = kRows;
    given.memory = packets.Memory();
    given.memoryBytes = packets.Bytes();
    return given;
  }
  Lists AsLists() { return {kRows, keys.data(), bytes.data(), hits.data(), next.data(), kOutputs}; }

  Packets packets;
  std::vector<uint16_t> rows;
  std::vector<uint32_t> keys, bytes, hits;
  std::vector<uint16_t> next;
};

// What can't be read natively has no key here, and so no rule.
uint32_t SelectAll(RuleTable& table, Batch& batch, uint32_t count) {
  const RuleTable::Selected selected = table.Select(batch.AsRows(), count, kTick, true);
  CHECK(!selected.outside);
  CHECK(selected.rows <= count);
  for (uint32_t row = selected.rows; row < count; row++) {
    uint32_t* const key = &batch.keys[size_t{row} * kKeyWords];
    if (key[kKeyMeta] == kMetaUnread) std::memset(key, 0, kKeyWords * sizeof *key);
  }
  if (selected.rows < count) table.Match(selected.rows, count, kTick, true);
  return selected.rows;
}

void CompareWithList(Tables& tables, Batch& batch, Random& random) {
  const uint32_t log = 4 + Below(random, 2);
  tables.Clear(log, 1 + 2 * (Below(random, 8) == 0 ? 1 : 0), static_cast<uint32_t>(random()));
  for (uint32_t k = 0; k < sizeof kActions / sizeof *kActions; k++) {
    tables.actions[k * kActionWords + kActionWhat] = kActions[k].what;
    tables.actions[k * kActionWords + kActionPriority] = static_cast<uint32_t>(kActions[k].priority);
  }
  tables.control[kControlShunts] = 1;
  // Often of one kind only: some have code for the case that there are no others.
  const uint32_t kinds = Below(random, 2) == 0 ? 1u << Below(random, kKinds) : static_cast<uint32_t>(random());
  const bool simple = Below(random, 2) == 0;
  std::vector<Rule> list;
  for (uint32_t rest = Below(random, kLimit + 1); rest > 0; rest--) {
    const auto kind = static_cast<Kind>(Below(random, kKinds));
    if ((kinds >> kind & 1) == 0) continue;
    list.push_back({AnyEntity(kind, random), simple ? 0 : Below(random, sizeof kActions / sizeof *kActions), simple ? 0 : Below(random, 3) * kTick});
    tables.Add(list.back().entity, list.back().action, list.back().deadline);
  }
  RuleTable table(tables.AsMemory(), batch.AsLists());
  uint64_t hits = 0;
  for (uint32_t turn = 0; turn < 3; turn++) {
    const uint32_t count = 1 + Below(random, kRows);
    Facts facts[kRows];
    for (uint32_t k = 0; k < count; k++) {
      batch.rows[k] = static_cast<uint16_t>(kRows - 1 - k);
      facts[k] = batch.packets.Make(kRows - 1 - k, random);
    }
    SelectAll(table, batch, count);
    for (uint32_t k = 0; k < count; k++) {
      Rule* const rule = FindOneByOne(list, facts[k]);
      CHECK(batch.next[k] == NextOf(rule, facts[k].flags));
      if (rule == nullptr) continue;
      rule->packets++;
      rule->bytes += facts[k].wireLength;
      hits++;
    }
  }
  for (uint32_t k = 0; k < list.size(); k++) {
    const uint32_t which = list[k].entity.which;
    uint64_t counted[2];
    std::memcpy(counted, &tables.records[which][(k + 1) * kRecordWords[which] + kRecordBytes[which]], sizeof counted);
    CHECK((counted[0] & ((uint64_t{1} << kBytesBits) - 1)) == list[k].bytes);
    CHECK((counted[1] & ((uint64_t{1} << kPacketsBits) - 1)) == list[k].packets);
  }
  double total = 0;
  for (uint32_t type = 0; type < 4; type++) {
    double packets;
    std::memcpy(&packets, &tables.control[kControlTotals + 4 * type], sizeof packets);
    total += packets;
  }
  CHECK(total == static_cast<double>(hits));
}

template <typename Words>
void FillAny(Words& words, Random& random) {
  for (auto& word : words) word = static_cast<typename Words::value_type>(Below(random, 3) == 0 ? random() : Below(random, 2) == 0 ? Below(random, 256) : 0);
}

// A writer gone mad: whatever it has written, all that is read and written lies in the tables.
void SurviveRubbish(Tables& tables, Batch& batch, Random& random) {
  FillAny(tables.control, random);
  for (uint32_t which = 0; which < kClasses; which++) {
    tables.control[kControlLines + which] = Below(random, 10) == 0 ? static_cast<uint32_t>(random()) : 4 + Below(random, 3);
    tables.control[kControlHints + which] = Below(random, 7);
    FillAny(tables.records[which], random);
    FillAny(tables.tuples[which], random);
    for (uint32_t list = 0; list < 2; list++) tables.tuples[which][(kTuplesMaximum + 1) * kTupleWords + list * kListWords] = Below(random, 4) == 0 ? static_cast<uint32_t>(random()) : Below(random, 6);
    for (uint32_t k = 0; k < 2000; k++) tables.hints[which][Below(random, kHintWords)] = static_cast<uint32_t>(random());
    for (uint32_t parity = 0; parity < 2; parity++) {
      FillAny(tables.tags[which][parity], random);
      FillAny(tables.slots[which][parity], random);
    }
  }
  // There is separate code for single addresses of IPv4 and nothing else.
  if (Below(random, 2) == 0) {
    uint32_t* const tuples = tables.tuples[kClassIpv4].data();
    std::fill(tuples + kTupleWords, tuples + 2 * kTupleWords, 0);
    tuples[kTupleWords + kTupleHow] = kHowEitherAddress | 4 << 4 | 32u << 24;
    tuples[kTupleWords + kTupleUsed] = 1u << kKeySource;
    tuples[kTupleWords + kKeySource] = UINT32_MAX;
    for (uint32_t list = 0; list < 2; list++) tuples[(kTuplesMaximum + 1) * kTupleWords + list * kListWords] = tuples[(kTuplesMaximum + 1) * kTupleWords + list * kListWords + 1] = 1;
    tables.control[kControlLines + kClassIpv4] = 4 + Below(random, 2);
    tables.control[kControlLines + kClassWide] = UINT32_MAX;
    for (uint32_t k = 0; k < 40; k++) tables.Insert(kClassIpv4, Finish(Mix(tables.control[kControlSeed] ^ 0x9e3779b9u, AnyAddress(random))), static_cast<uint32_t>(random()) & kIndexMask);
  }
  for (uint32_t k = 0; k < 4000; k++) tables.actions[Below(random, static_cast<uint32_t>(tables.actions.size()))] = static_cast<uint32_t>(random());
  tables.control[kControlReader] = 0;
  RuleTable table(tables.AsMemory(), batch.AsLists());
  const uint32_t count = 1 + Below(random, kRows);
  const bool any = Below(random, 2) == 0;
  for (uint32_t k = 0; k < count; k++) {
    batch.rows[k] = static_cast<uint16_t>(k);
    if (any) batch.packets.MakeAny(k, random);
    else batch.packets.Make(k, random);
  }
  SelectAll(table, batch, count);
  for (uint32_t k = 0; k < count; k++) CHECK((batch.hits[k] & kIndexMask) <= kLimit);
  // The last row is none of this batch's packets: nothing of it is read.
  if (Below(random, 2) == 0) batch.rows[count - 1] = static_cast<uint16_t>(kRows);
  else batch.packets.offset[batch.rows[count - 1]] = static_cast<uint32_t>(batch.packets.Bytes()) - Below(random, batch.packets.length[batch.rows[count - 1]] + 1) + 1;
  CHECK(table.Select(batch.AsRows(), count, kTick, true).outside);
  CHECK(tables.control[kControlReader] % 2 == 0);
}

}  // namespace

int main(int count, char** values) {
  const uint32_t rounds = count > 1 ? static_cast<uint32_t>(std::strtoul(values[1], nullptr, 10)) : 1000;
  const uint32_t seed = count > 2 ? static_cast<uint32_t>(std::strtoul(values[2], nullptr, 10)) : 1;
  std::fprintf(stderr, "seed %u\n", seed);
  Random random(seed);
  Tables tables(kLimit), rubbish(kLimit);
  Batch batch;
  for (uint32_t round = 0; round < rounds; round++) {
    CompareWithList(tables, batch, random);
    SurviveRubbish(rubbish, batch, random);
  }
  std::printf("%u rounds\n", rounds);
  return 0;
}
