#include "sender.h"

#include <time.h>

namespace bricks::netmap {

namespace {

constexpr int64_t kMillisecond = 1'000'000;
// A ring whose reader gave nothing back is asked again after a pause that grows: a dead reader costs the others nothing.
constexpr int64_t kPauseFirst = 2'000;
constexpr int64_t kPauseLongest = kMillisecond;

}  // namespace

Sender::Sender(const SenderSettings& settings)
    : copies_(settings.copies), batchesTogether_(settings.batchesTogether), overflow_(sinks_) {
  if (settings.copies && settings.chains) chain_ = std::make_unique<Chain>(sinks_, overflow_, [this](uint32_t index, uint32_t slots) { MakeRoom(index, slots); });
}

void Sender::AddSink(const SinkSettings& settings, const Sender* before) {
  sinks_.Add(settings, before != nullptr ? &before->sinks_ : nullptr);
  const uint32_t index = static_cast<uint32_t>(sinks_.all.size() - 1);
  overflow_.AddSink(index, before != nullptr ? &before->overflow_ : nullptr);
  if (chain_) chain_->AddSink(index);
  active_.resize(sinks_.all.size() + 1);
}

void Sender::Sync(uint32_t index, bool withinBatch) {
  const bool returned = withinBatch ? sinks_.Ask(index) : sinks_.Sync(index);
  if (returned && chain_) chain_->TakeReturned(index);
}

// Where the ring has no room for so many slots: learns what the reader has given back, and sends on from the reserve.
void Sender::MakeRoom(uint32_t index, uint32_t slots, bool withinBatch) {
  Sink& sink = sinks_.all[index];
  if (sink.Space() >= slots && sink.queue.count == 0) return;
  if (sinks_.Now() < sink.askAgainAt) return;
  const uint32_t tail = sink.lastTail;
  Sync(index, withinBatch);
  if (sink.lastTail == tail) {
    sink.pause = sink.pause == 0 ? kPauseFirst : sink.pause * 2 < kPauseLongest ? sink.pause * 2 : kPauseLongest;
    sink.askAgainAt = sinks_.Now() + sink.pause;
  }
  if (sink.queue.count > 0) overflow_.Empty(index);
}

uint32_t Sender::Transmit(const SentBatch& batch, bool wait) {
  uint32_t* const active = active_.data();
  uint32_t found = 0;
  const uint32_t total = static_cast<uint32_t>(sinks_.all.size());
  for (uint32_t k = 0; k < total; k++) {
    active[found] = k;
    found += *sinks_.all[k].count != 0;
  }
  sinks_.ForgetTime();
  lastSource_ = batch.source.get();
  for (uint32_t k = 0; k < found; k++) {
    if (k + 4 < found) __builtin_prefetch(sinks_.all[active[k + 4]].ring);
    MakeRoom(active[k], *sinks_.all[active[k]].count);
  }
  for (size_t k = 0; k < overflow_.queuing().size(); k++) {
    const uint32_t index = overflow_.queuing()[k];
    if (*sinks_.all[index].count == 0) MakeRoom(index, 0);
  }
  left_ = false;
  // A packet that waits for one of its sinks can't be on its way to the others.
  if (chain_ && wait) chain_->SendAllCopies();
  if (chain_ && !wait) {
    chain_->Send(batch, active, found);
    return 0;
  }
  uint32_t left = 0;
  for (uint32_t k = 0; k < found; k++) {
    if (k + 2 < found) {
      const Sink& ahead = sinks_.all[active[k + 2]];
      __builtin_prefetch(ahead.slots + ahead.head, 1);
      __builtin_prefetch(ahead.rows.first);
      __builtin_prefetch(ahead.counters, 1);
    }
    left += Send(active[k], batch, wait);
  }
  left_ = left > 0;
  return left;
}

bool Sender::WantsFlush() {
  if (sinks_.dirty.empty()) return false;
  // Those who wait for readers must let them see what there is.
  if (left_) return true;
  if (lastSource_ == nullptr) return true;
  if (++together_ < batchesTogether_ && lastSource_->Available() > 0) return false;
  postponed_ = lastSource_ == flushing_;
  return !postponed_;
}

bool Sender::FlushFor(Receiver& source, int milliseconds) {
  if (!postponed_) return false;
  if (chain_) {
    Flush();
    return false;
  }
  together_ = 0;
  postponed_ = false;
  sinks_.SyncDirty(&source, milliseconds);
  return true;
}

void Sender::Flush() {
  together_ = 0;
  postponed_ = false;
  if (!chain_) {
    if (!sinks_.dirty.empty()) sinks_.SyncDirty(nullptr, 0);
    return;
  }
  // What one reader gave back may go on to the next sink: the list grows meanwhile.
  for (size_t k = 0; k < sinks_.dirty.size(); k++) {
    const uint32_t index = sinks_.dirty[k];
    sinks_.all[index].dirty = false;
    Sync(index);
  }
  sinks_.dirty.clear();
}

void Sender::Settle() {
  sinks_.ForgetTime();
  lastSource_ = nullptr;
  if (chain_) chain_->Settle();
  for (size_t k = 0; k < overflow_.queuing().size(); k++) MakeRoom(overflow_.queuing()[k], 0);
  overflow_.ForgetEmpty();
  Flush();
}

void Sender::Abandon() {
  for (Sink& sink : sinks_.all) {
    sink.counters = ignored_;
    sink.drops = {};
  }
  Close(0);
}

// Of the sinks that do not stay: what a network card has not sent is lost when its port is closed.
bool Sender::StillSending() {
  const auto unsent = [this](uint32_t index) {
    const Sink& sink = sinks_.all[index];
    return sink.kind != SinkKind::kPipe && !sink.gone && sink.Space() + 1 < sink.slotCount;
  };
  bool sending = false;
  for (uint32_t index = 0; index < sinks_.all.size(); index++) {
    if (sinks_.all[index].stays || !sinks_.all[index].claimed) continue;
    sending = sending || sinks_.all[index].queue.count > 0;
    if (!unsent(index)) continue;
    Sync(index);
    sending = sending || unsent(index);
  }
  return sending;
}

// Sends on what is owed and what waits, within that time.
void Sender::Drain(uint32_t milliseconds) {
  lastSource_ = nullptr;
  sinks_.ForgetTime();
  const int64_t deadline = sinks_.Now() + milliseconds * kMillisecond;
  if (chain_) chain_->SendAllCopies();
  Settle();
  while (milliseconds > 0 && StillSending() && sinks_.Now() < deadline) {
    const timespec pause = {0, 200'000};
    nanosleep(&pause, nullptr);
    Settle();
  }
}

void Sender::HandOver(Sender* next, uint32_t milliseconds) {
  for (Sink& sink : sinks_.all) sink.stays = false;
  for (const Sink& sink : next->sinks_.all) {
    Sink* const ours = sink.claimed ? nullptr : sinks_.Of(sink.ring);
    if (ours != nullptr) ours->stays = true;
  }
  Drain(milliseconds);
  for (uint32_t index = 0; index < sinks_.all.size(); index++) {
    if (!sinks_.all[index].stays) overflow_.Drop(index);
  }
  for (uint32_t index = 0; index < next->sinks_.all.size(); index++) {
    Sink& sink = next->sinks_.all[index];
    Sink* const ours = sink.claimed ? nullptr : sinks_.Of(sink.ring);
    if (ours == nullptr) continue;
    sink.GoOn(ours);
    if (next->chain_) next->chain_->GoOn(index);
  }
  next->overflow_.TakeOver(&overflow_);
}

void Sender::Close(uint32_t milliseconds) {
  if (sinks_.all.empty()) return;
  Drain(milliseconds);
  overflow_.Close();
  for (Sink& sink : sinks_.all) {
    if (sink.claimed) sink.region->ReleaseRing(sink.ring);
  }
  chain_.reset();
  sinks_.dirty.clear();
  sinks_.Clear();
}

}  // namespace bricks::netmap
