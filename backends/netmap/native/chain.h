// Packets that go to several sinks, one after the other, without a copy: when the reader of a pipe has given a slot
// back, its buffer goes on to the packet's next sink, in exchange for an empty one.
//
// A sink *owes* a packet to those behind it as long as the packet is in its ring. What can't be done by passing buffers is done by
// copying, as if there were no chain: where a ring is more than half full or its reader rests, what it owes is copied on, in
// order, and what a full ring can't take goes past it. So a slow reader costs the others copies, and no packets.
//
// Cost: bookkeeping for each packet and sink, whatever the packet's length: more than a copy of 60 bytes, less than one of 1,500.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "overflow.h"
#include "sink.h"

namespace bricks::netmap {

class Chain {
 public:
  // `makeRoom(sink, slots)` looks whether the reader of a sink without so much room has made some meanwhile.
  using MakeRoom = std::function<void(uint32_t sink, uint32_t slots)>;
  Chain(Sinks& sinks, Overflow& overflow, MakeRoom makeRoom) : sinks_(sinks), overflow_(overflow), makeRoom_(std::move(makeRoom)) {}

  // After all sinks are there.
  void AddSink(uint32_t index);
  // The sink goes on where another sender has left its ring: nothing there is owed.
  void GoOn(uint32_t index);
  // Sends and empties the lists of the sinks `active`, which are in the order of their routes.
  void Send(const SentBatch& batch, const uint32_t* active, uint32_t found);
  // Sends on what the reader of this sink, which was synced, has given back.
  void TakeReturned(uint32_t index);
  // Syncs all sinks that owe something, and sends on what came back, or what has waited too long.
  void Settle();
  // Sends on copies of all that is owed.
  void SendAllCopies();
  // Packets that are owed.
  uint32_t Owed() const { return owed_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  // One sink of a packet's route, and the rest of its route.
  struct PendingHop {
    uint32_t sink;
    uint32_t next;
  };
  // What a slot owes: the rest of the route of the packet that was put there.
  struct PendingPacket {
    uint32_t next = kNone;
    uint32_t buffer;
    uint32_t length;
  };
  struct SinkState {
    std::vector<PendingPacket> pending;  // one a slot; none where the sink is no pipe
    uint32_t seen = 0;        // slots from here to the head may owe something
    uint32_t owed = 0;
    uint32_t expected = 0;    // what other sinks owe to this one
    int64_t since = 0;        // when it began to owe, or its reader last gave something back
    bool listed = false;      // is in owing_
  };

  uint32_t AddHop(uint32_t sink, uint32_t next);
  uint32_t TakeHop(uint32_t* hop);
  uint32_t TakePending(SinkState& state, uint32_t at);
  void MakeRoutes(const SentBatch& batch, const uint32_t* active, uint32_t found);
  void Forward(Packet packet, uint32_t hop);
  bool Place(uint32_t index, const Packet& packet, uint32_t next);
  bool IsExpectingMany(uint32_t index) const;
  // Sends on copies of the oldest that this sink owes, until it owes no more than `rest`.
  void SendCopies(uint32_t index, uint32_t rest);
  void PlaceOther(uint32_t index, const Packet& packet);
  void Lose(uint32_t hop, uint32_t length);

  Sinks& sinks_;
  Overflow& overflow_;
  const MakeRoom makeRoom_;
  std::vector<SinkState> states_;
  std::vector<uint32_t> routes_;  // of each row of the batch at hand: its first hop
  std::vector<PendingHop> hops_;
  uint32_t freeHop_ = kNone;
  std::vector<uint32_t> owing_;
  uint32_t owed_ = 0;
};

}  // namespace bricks::netmap
