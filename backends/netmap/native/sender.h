// Sends the lists of all netmap sinks of an engine, in one call a batch.
//
// A packet whose buffer lies in the sink's memory region moves: the slots swap their buffers. Any
// other is copied. One that is on several lists moves to the first of them; the others find another
// buffer in its slot and copy from the one that moved, which stays as it is until the ring is synced.
// So no reader is shown anything between the first packet of a batch and the last. Or it goes from sink to sink (chain.h).
//
// Cost: 3 ns a packet that moves, 11 for a copy of 60 bytes, and a system call for all ports that
// got something, at most once a batch.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "chain.h"
#include "overflow.h"
#include "sink.h"

namespace bricks::netmap {

struct SenderSettings {
  bool copies = false;             // a packet may be on several lists
  bool chains = false;             // and then goes from one sink to the next
  uint32_t batchesTogether = 1;    // how many may share a sync while more packets wait in their source already
};

class Sender {
 public:
  explicit Sender(const SenderSettings& settings);
  ~Sender() { Abandon(); }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // Throws PortError{EBUSY, "claim"} where another sender of this process has the ring, unless it is `before`, which hands it over before anything is sent.
  void AddSink(const SinkSettings& settings, const Sender* before = nullptr);

  // Sends and empties the lists; with `wait` it leaves what full rings with live readers can't take, and says how many.
  uint32_t Transmit(const SentBatch& batch, bool wait);
  void Flush();
  // Whether Flush has something to do now: not while more packets of the batch's source wait already, and not where the source
  // does it with its next question.
  bool WantsFlush();
  // That source is the engine's only one, and calls FlushFor before it receives.
  void LeaveFlushTo(const Receiver* source) { flushing_ = source; }
  // Does what was left to that source, asks it for packets, and may wait for them, all in one call. False where that was not one call, or there
  // was nothing to do: then nobody has asked.
  bool FlushFor(Receiver& source, int milliseconds);
  // Flushes what waits for more, and sends on from the reserve and what readers gave back. For idle times.
  void Settle();
  // Packets in the reserve, or owed to other sinks.
  uint32_t Backlog() const { return overflow_.Backlog() + (chain_ ? chain_->Owed() : 0); }
  // `next` goes on with the sinks whose rings it has too, from where they are. What waits for the others is sent within that time, as far as it can
  // be, and the rest counted as dropped. Then this one is to be closed.
  void HandOver(Sender* next, uint32_t milliseconds);
  // Sends what it can within that time, counts the rest as dropped, and gives the extra buffers back.
  void Close(uint32_t milliseconds);
  // The same without a last look at counters and notes, which may be gone with their thread.
  void Abandon();

 private:
  struct Tally {
    uint64_t packets = 0;
    uint64_t bytes = 0;
  };
  enum class Outcome { kSent, kDropped, kLeave };

  void MakeRoom(uint32_t index, uint32_t slots, bool withinBatch = false);
  void Sync(uint32_t index, bool withinBatch = false);
  uint32_t Send(uint32_t index, const SentBatch& batch, bool wait);
  static uint32_t SendPlain(Sink& sink, const ListRows& rows, const SentBatch& batch, bool movable, uint32_t count, Tally* tally);
  static bool CopyPlain(Sink& sink, const SentBatch& batch, uint32_t row, netmap_slot* to, uint32_t empty);
  Outcome SendOther(uint32_t index, const SentBatch& batch, uint32_t row, bool movable, bool wait);
  bool Movable(const Sink& sink, const SentBatch& batch, bool wait) const;
  void Drain(uint32_t milliseconds);
  bool StillSending();

  const bool copies_;
  const uint32_t batchesTogether_;
  Sinks sinks_;
  Overflow overflow_;
  std::unique_ptr<Chain> chain_;
  std::vector<uint32_t> active_;
  const Receiver* lastSource_ = nullptr;
  const Receiver* flushing_ = nullptr;
  bool postponed_ = false;  // what Flush would do is left to flushing_
  uint32_t together_ = 0;
  bool left_ = false;  // the last batch is not sent out yet
  uint64_t ignored_[kLinkRecord] = {};
};

}  // namespace bricks::netmap
