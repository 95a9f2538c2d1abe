// A netmap sink: the transmit ring of a port, and what its sender knows of the reader; and all sinks of an engine.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "columns.h"
#include "drop_notes.h"
#include "list_rows.h"
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
  ListRows rows;
  uint32_t room = 0;
  uint64_t* counters = nullptr;
  uint32_t output = 0;
  DropNotes drops;
};

struct SentBatch {
  PacketColumns columns;
  const uint8_t* memory = nullptr;
  size_t memoryBytes = 0;
  // Null where another backend fills the batch.
  std::shared_ptr<Receiver> source;
};

// A packet that is to go into a slot. With `slot`, its buffer may go there, in exchange for an empty one of the same region.
struct Packet {
  static constexpr uint32_t kNoRow = UINT32_MAX;

  const uint8_t* data;
  uint32_t length;
  netmap_slot* slot;
  const Region* region;
  uint32_t row = kNoRow;  // of the batch on its way; none if it came with an earlier one
};

// The packet of a row, which must be within the batch.
Packet PacketOf(const SentBatch& batch, uint32_t row, bool movable);

// What the loop touches stands first: two cache lines.
struct Sink {
  uint32_t* count;
  ListRows rows;
  netmap_ring* ring;
  netmap_slot* slots;
  uint8_t* buffers;
  uint64_t* counters;
  uint32_t room;
  uint32_t slotCount;
  uint32_t head;
  uint32_t bufferSize;
  uint32_t lastBuffer;
  uint32_t lastTail;
  bool dirty;
  bool splits;
  bool gone;
  bool queuing;    // is in Overflow's list
  bool everTaken;  // the reader has given back a slot since we opened
  bool claimed;    // the ring is ours; else that of the sender that is to hand it over
  bool stays;      // the sender that comes next goes on with it
  ReserveQueue queue;
  Region* region;
  Reserve* reserve;
  std::shared_ptr<Port> port;
  SinkKind kind;
  int64_t fullSince;  // 0: the reader has given back slots since a packet found no room
  int64_t askAgainAt;
  int64_t pause;
  uint32_t output;
  DropNotes drops;

  // As of the last sync: only a sync moves a ring's tail.
  uint32_t Space() const { return SlotsBetween(head, lastTail, slotCount); }
  bool SlotGood(const netmap_slot& slot) const { return slot.buf_idx - NETMAP_BUFFERS_RESERVED <= lastBuffer - NETMAP_BUFFERS_RESERVED; }
  uint8_t* Buffer(uint32_t index) const { return buffers + uint64_t{index} * bufferSize; }
  uint32_t SlotsFor(uint32_t length) const { return length <= bufferSize ? 1 : (length - 1) / bufferSize + 1; }
  // False for a packet that no ring of this kind can take.
  bool Fits(uint32_t length) const { return SlotsFor(length) == 1 || (splits && SlotsFor(length) <= NETMAP_FRAGMENTS_MAX && SlotsFor(length) < slotCount); }
  // Puts a packet into the slots at the head, over several if it must, whole or not at all. False where there is no room,
  // or the reader gave back slots without buffers.
  bool Put(const Packet& packet);
  // Exchanges the packet's buffer for `empty`, one of the region's; a copy where it can't move. The buffer that holds it now.
  uint32_t Exchange(const Packet& packet, uint32_t empty);
  // Takes the ring over from a sink of another sender, with what is known of its reader and what waits in reserve.
  void GoOn(Sink* before);

 private:
  bool PutFrame(const uint8_t* from, uint32_t length);
};

class Sinks {
 public:
  // Throws PortError{EBUSY, "claim"} where another sender of this process has the ring, unless it is one of `before`.
  void Add(const SinkSettings& settings, const Sinks* before = nullptr);
  // The sink that has this ring, or null.
  Sink* Of(const netmap_ring* ring);
  bool Has(const netmap_ring* ring) const { return places_.count(ring) > 0; }
  void Clear();
  void MarkDirty(uint32_t index);
  // Shows the kernel what was put into the ring; true if the reader has given back slots meanwhile.
  bool Sync(uint32_t index);
  // Learns what the reader has given back, and shows it nothing: for the time between the first packet of a batch and the last.
  bool Ask(uint32_t index);
  // Sync for all that are dirty, and asks for packets of the source, if there is one, for which it may wait: one system call for all of them.
  void SyncDirty(Receiver* source, int milliseconds);
  // For a packet that a ring has no room for: whether its reader may be waited for. Who had nothing to take owes nothing.
  bool ReaderLives(Sink& sink) const;
  // The reason for dropping such a packet.
  uint32_t ReasonFull(Sink& sink) const;
  // A packet that was counted as sent is dropped after all. Its data is null if the bytes are not known any more.
  static void TakeBack(Sink& sink, const Packet& packet, uint32_t reason);
  // One look at the clock serves until the next call of ForgetTime.
  int64_t Now() const;
  void ForgetTime() { now_ = 0; }

  std::vector<Sink> all;
  std::vector<uint32_t> dirty;  // what must be synced

 private:
  // A full ring's reader that takes nothing for so long is not there, as far as anyone can tell.
  static constexpr int64_t kStalledNanoseconds = 1'000'000'000;
  bool AfterSync(Sink& sink, uint32_t shown, int error);

  std::unordered_map<const netmap_ring*, uint32_t> places_;
  mutable int64_t now_ = 0;
  std::vector<pollfd> polled_;
};

}  // namespace bricks::netmap
