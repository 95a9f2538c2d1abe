// Sends the lists of all netmap sinks of an engine, in one call a batch.
//
// A packet whose buffer lies in the sink's memory region moves: the slots swap their buffers. Any
// other is copied. One that is on several lists moves to the first of them; the others find another
// buffer in its slot and copy from the one that moved, which stays as it is until the ring is synced.
// So no ring is synced between the first packet of a batch and the last.
//
// Cost: 3 ns a packet that moves, 11 for a copy of 60 bytes, and a system call for each port that
// got something, at most once a batch.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "columns.h"
#include "port.h"
#include "receiver.h"
#include "reserve.h"

namespace bricks::netmap {

enum class SinkKind { kPipe, kOther };

struct SinkSettings {
  std::shared_ptr<Port> port;
  SinkKind kind = SinkKind::kPipe;
  bool splits = true;       // frames longer than a slot go over several
  uint32_t* count = nullptr;  // of its list
  uint16_t* rows = nullptr;
  uint32_t room = 0;
  uint64_t* counters = nullptr;
};

struct SentBatch {
  Columns columns;
  const uint8_t* memory = nullptr;
  size_t memoryBytes = 0;
  // Null where another backend fills the batch.
  std::shared_ptr<Receiver> source;
};

class Sender {
 public:
  // `copies`: a packet may be on several lists. `batchesTogether`: how many batches may share a sync
  // while more packets wait in their source already.
  Sender(const LinkSlots& reasons, bool copies, uint32_t batchesTogether) : reasons_(reasons), copies_(copies), batchesTogether_(batchesTogether) {}
  ~Sender() { Abandon(); }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // Throws PortError{EBUSY, "claim"} where another sender of this process has the ring.
  void AddSink(const SinkSettings& settings);

  // Sends and empties the lists; with `wait` it leaves what full rings with live readers can't take, and says how many.
  uint32_t Transmit(const SentBatch& batch, bool wait);
  void Flush();
  // Whether Flush has something to do now: not while more packets of the batch's source wait already.
  bool WantsFlush();
  // Flushes what waits for more, and sends on from the reserve. For idle times.
  void Settle();
  // Packets in the reserve.
  uint32_t Backlog() const;
  // Sends what it can within that time, counts the rest as dropped, and gives the extra buffers back.
  void Close(uint32_t milliseconds);
  // The same without a last look at counters, which may be gone with their thread.
  void Abandon();

 private:
  // What the loop touches stands first: two cache lines.
  struct Sink {
    uint32_t* count;
    uint16_t* rows;
    netmap_ring* ring;
    netmap_slot* slots;
    uint8_t* buffers;
    uint64_t* counters;
    uint32_t room;
    uint32_t slotCount;
    uint32_t head;
    uint32_t bufferSize;
    uint32_t lastBuffer;
    bool dirty;
    bool splits;
    bool gone;
    bool queuing;    // is in queuing_
    bool everTaken;  // the reader has given back a slot since we opened
    ReserveQueue queue;
    Region* region;
    Reserve* reserve;
    std::shared_ptr<Port> port;
    SinkKind kind;
    uint32_t lastTail;
    int64_t takenAt;
    int64_t askAgainAt;
    int64_t pause;
  };

  static uint32_t Space(const Sink& sink) { return SlotsBetween(sink.head, sink.ring->tail, sink.slotCount); }
  Reserve* ReserveOf(const std::shared_ptr<Port>& port, const netmap_ring* ring);
  void MakeRoom(uint32_t index, uint32_t wanted);
  void Sync(Sink& sink);
  void EmptyQueue(uint32_t index);
  struct Tally {
    uint64_t packets = 0;
    uint64_t bytes = 0;
  };
  enum class Outcome { kSent, kDropped, kLeave };
  uint32_t Send(uint32_t index, const SentBatch& batch, bool wait);
  static uint32_t SendPlain(Sink& sink, const SentBatch& batch, bool movable, uint32_t count, Tally* tally);
  Outcome SendOther(uint32_t index, const SentBatch& batch, uint32_t row, bool movable, bool wait);
  bool SendFrame(Sink& sink, const SentBatch& batch, uint32_t row);
  bool Keep(uint32_t index, const SentBatch& batch, uint32_t row, bool move);
  void Evict(Reserve* reserve);
  void DropOldest(Sink& sink);
  bool ReaderLives(const Sink& sink) const;
  uint32_t ReasonFull(const Sink& sink) const;
  void MarkDirty(uint32_t index);
  bool Movable(const Sink& sink, const SentBatch& batch, bool wait) const;

  const LinkSlots reasons_;
  const bool copies_;
  const uint32_t batchesTogether_;
  std::vector<Sink> sinks_;
  std::vector<uint16_t*> rows_;  // of each sink's list
  std::vector<std::unique_ptr<Reserve>> reserves_;
  std::vector<Region*> reserveRegions_;
  std::vector<uint32_t> active_;
  std::vector<uint32_t> dirty_;
  std::vector<uint32_t> queuing_;  // sinks that may have something in the reserve
  const Receiver* lastSource_ = nullptr;
  uint32_t together_ = 0;
  bool left_ = false;  // the last batch is not sent out yet
  int64_t now_ = 0;
  uint64_t ignored_[16] = {};
};

}  // namespace bricks::netmap
