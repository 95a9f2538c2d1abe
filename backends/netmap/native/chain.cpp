#include "chain.h"

namespace bricks::netmap {

namespace {

// A reader that gives nothing back for so long holds the others up no longer.
constexpr int64_t kWaitedNanoseconds = 100'000'000;
// How far ahead a sink's slots are fetched: its reader wrote to them last.
constexpr uint32_t kSlotsAhead = 12;

}  // namespace

void Chain::AddSink(uint32_t index) {
  const Sink& sink = sinks_.all[index];
  states_.resize(index + 1);
  GoOn(index);
  if (sink.kind == SinkKind::kPipe) states_[index].pending.resize(sink.slotCount);
}

void Chain::GoOn(uint32_t index) {
  const Sink& sink = sinks_.all[index];
  states_[index].seen = NextSlot(sink.lastTail, sink.slotCount);
}

uint32_t Chain::AddHop(uint32_t sink, uint32_t next) {
  if (freeHop_ == kNone) {
    hops_.push_back({sink, next});
    return static_cast<uint32_t>(hops_.size() - 1);
  }
  const uint32_t hop = freeHop_;
  freeHop_ = hops_[hop].next;
  hops_[hop] = {sink, next};
  return hop;
}

// Frees a hop and moves on to the next one. The sink it was for.
uint32_t Chain::TakeHop(uint32_t* hop) {
  PendingHop& taken = hops_[*hop];
  const uint32_t next = taken.next;
  taken.next = freeHop_;
  freeHop_ = *hop;
  *hop = next;
  return taken.sink;
}

uint32_t Chain::TakePending(SinkState& state, uint32_t at) {
  const uint32_t next = state.pending[at].next;
  if (next == kNone) return kNone;
  state.pending[at].next = kNone;
  state.owed--;
  owed_--;
  states_[hops_[next].sink].expected--;
  return next;
}

// From the last sink to the first, so that routes begin with their first sinks. Everything counts as sent from here on.
void Chain::MakeRoutes(const SentBatch& batch, const uint32_t* active, uint32_t found) {
  const PacketColumns& columns = batch.columns;
  if (routes_.size() < columns.capacity) routes_.resize(columns.capacity, kNone);
  for (uint32_t k = found; k-- > 0;) {
    Sink& sink = sinks_.all[active[k]];
    const uint32_t count = *sink.count < sink.room ? *sink.count : sink.room;
    uint64_t packets = 0;
    uint64_t bytes = 0;
    for (uint32_t n = count; n-- > 0;) {
      const uint32_t row = sink.rows[n];
      if (row >= columns.capacity || size_t{columns.offset[row]} + columns.length[row] > batch.memoryBytes) {
        sink.counters[kDropBackendError]++;
        sink.drops.Note(sink.output, row, kDropBackendError);
        continue;
      }
      routes_[row] = AddHop(active[k], routes_[row]);
      packets++;
      bytes += columns.length[row];
    }
    sink.counters[kLinkPackets] += packets;
    sink.counters[kLinkBytes] += bytes;
  }
}

void Chain::Send(const SentBatch& batch, const uint32_t* active, uint32_t found) {
  MakeRoutes(batch, active, found);
  const bool movable = batch.source != nullptr;
  for (uint32_t k = 0; k < found; k++) {
    Sink& sink = sinks_.all[active[k]];
    const uint32_t count = *sink.count < sink.room ? *sink.count : sink.room;
    *sink.count = 0;
    for (uint32_t n = 0; n < count; n++) {
      const uint32_t row = sink.rows[n];
      if (row >= batch.columns.capacity) continue;
      const uint32_t route = routes_[row];
      if (route == kNone || hops_[route].sink != active[k]) continue;  // it comes here later
      routes_[row] = kNone;
      __builtin_prefetch(sink.slots + sink.head + kSlotsAhead, 1);
      Forward(PacketOf(batch, row, movable), route);
    }
  }
}

// Puts a packet where its route leads next. Where the rest of the route is not for that sink to care for, goes on at once.
void Chain::Forward(Packet packet, uint32_t hop) {
  while (hop != kNone) {
    const uint32_t index = TakeHop(&hop);
    if (Place(index, packet, hop)) return;
  }
}

// Readers of several pipes may give back at once: what all of them owe to one sink fits into its ring.
bool Chain::IsExpectingMany(uint32_t index) const { return states_[index].expected >= sinks_.all[index].slotCount - 1; }

// True if the sink owes the rest of the route now.
bool Chain::Place(uint32_t index, const Packet& packet, uint32_t next) {
  Sink& sink = sinks_.all[index];
  const uint32_t slots = sink.SlotsFor(packet.length);
  // What its reader gives back goes on first, as it came first.
  if (sink.queue.count > 0 || sink.Space() < slots) makeRoom_(index, slots);
  const bool last = next == kNone;
  Packet here = packet;
  // A pipe gives a packet's buffer back; what an interface or a switch does with it is not for us to count on.
  const bool owes = !last && sink.kind == SinkKind::kPipe && !sink.gone && packet.length <= sink.bufferSize && !IsExpectingMany(hops_[next].sink);
  if (!last && !owes) here.slot = nullptr;
  const uint32_t at = sink.head;
  if (sink.gone || sink.queue.count > 0 || !sink.Fits(packet.length) || (owes && sink.Space() == 0) || !sink.Put(here)) {
    // What goes past may not overtake what is owed.
    if (!last && states_[index].owed > 0) SendCopies(index, 0);
    here.slot = last ? packet.slot : nullptr;
    PlaceOther(index, here);
    return false;
  }
  sinks_.MarkDirty(index);
  if (!owes) {
    if (!last && states_[index].owed > 0) SendCopies(index, 0);
    return false;
  }
  SinkState& state = states_[index];
  // A ring that fills is copied on bit by bit: all at once might be more than the next one has room for.
  if (state.owed >= sink.slotCount / 2) SendCopies(index, sink.slotCount / 2 - 1);
  state.pending[at] = {next, sink.slots[at].buf_idx, packet.length};
  states_[hops_[next].sink].expected++;
  if (state.owed++ == 0) state.since = sinks_.Now();
  owed_++;
  if (!state.listed) owing_.push_back(index);
  state.listed = true;
  return true;
}

// A packet that the ring can't take now, or never: into the reserve, or dropped.
void Chain::PlaceOther(uint32_t index, const Packet& packet) {
  Sink& sink = sinks_.all[index];
  if (!sink.gone && sink.Fits(packet.length) && overflow_.Keep(index, packet)) return;
  const uint32_t reason = sink.gone ? kDropInterfaceDown : !sink.Fits(packet.length) ? kDropTooLong : sink.Space() >= sink.SlotsFor(packet.length) && sink.queue.count == 0 ? kDropBackendError : sinks_.ReasonFull(sink);
  Sinks::TakeBack(sink, packet, reason);
}

// The reader kept a packet's buffer: nobody else can have it.
void Chain::Lose(uint32_t hop, uint32_t length) {
  while (hop != kNone) Sinks::TakeBack(sinks_.all[TakeHop(&hop)], {nullptr, length, nullptr, nullptr}, kDropBackendError);
}

void Chain::TakeReturned(uint32_t index) {
  SinkState& state = states_[index];
  Sink& sink = sinks_.all[index];
  const uint32_t pending = SlotsBetween(NextSlot(sink.lastTail, sink.slotCount), sink.head, sink.slotCount);
  uint32_t unseen = SlotsBetween(state.seen, sink.head, sink.slotCount);
  state.since = sinks_.Now();
  for (; unseen > pending; unseen--) {
    const uint32_t at = state.seen;
    state.seen = NextSlot(at, sink.slotCount);
    if (state.owed == 0) continue;
    const PendingPacket debt = state.pending[at];
    const uint32_t next = TakePending(state, at);
    if (next == kNone) continue;
    netmap_slot& slot = sink.slots[at];
    if (slot.buf_idx != debt.buffer) {
      Lose(next, debt.length);
      continue;
    }
    Forward({sink.Buffer(debt.buffer), debt.length, &slot, sink.region}, next);
  }
}

void Chain::SendCopies(uint32_t index, uint32_t rest) {
  SinkState& state = states_[index];
  const Sink& sink = sinks_.all[index];
  while (state.owed > rest && state.seen != sink.head) {
    const PendingPacket debt = state.pending[state.seen];
    const uint32_t next = TakePending(state, state.seen);
    state.seen = NextSlot(state.seen, sink.slotCount);
    if (next != kNone) Forward({sink.Buffer(debt.buffer), debt.length, nullptr, nullptr}, next);
  }
}

void Chain::Settle() {
  for (size_t k = 0; k < owing_.size();) {
    const uint32_t index = owing_[k];
    if (states_[index].owed > 0 && sinks_.Sync(index)) TakeReturned(index);
    if (states_[index].owed > 0 && (sinks_.all[index].gone || sinks_.Now() - states_[index].since > kWaitedNanoseconds)) SendCopies(index, 0);
    if (states_[index].owed > 0) {
      k++;
      continue;
    }
    states_[index].listed = false;
    owing_[k] = owing_.back();
    owing_.pop_back();
  }
}

void Chain::SendAllCopies() {
  for (uint32_t index = 0; index < states_.size(); index++) {
    if (states_[index].owed > 0) SendCopies(index, 0);
  }
}

}  // namespace bricks::netmap
