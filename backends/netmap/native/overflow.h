// What rings have no room for goes into extra buffers, and on into the rings when they have room again.
// The newest packets win: when the buffers are used up, the longest queue loses its oldest.
#pragma once

#include <memory>
#include <vector>

#include "sink.h"

namespace bricks::netmap {

class Overflow {
 public:
  explicit Overflow(Sinks& sinks) : sinks_(sinks) {}

  // Gives the sink, once it is among the others, the reserve of its region if there is one. One that `before` has comes with TakeOver.
  void AddSink(uint32_t index, const Overflow* before = nullptr);
  // Goes on with the reserves of the regions that its own sinks have, and with what they hold for these sinks.
  void TakeOver(Overflow* before);
  // Counts what waits for a sink as dropped.
  void Drop(uint32_t index);
  // Keeps a packet of one slot for a sink; false where it can't. It counts as sent then.
  bool Keep(uint32_t index, const Packet& packet);
  // Puts into the ring what it has room for.
  void Empty(uint32_t index);
  // Packets in all queues.
  uint32_t Backlog() const;
  // Sinks that may have a queue; those that have none any more leave it in Settle only.
  const std::vector<uint32_t>& queuing() const { return queuing_; }
  void ForgetEmpty();
  // Counts what is left as dropped, and gives all buffers back to netmap.
  void Close();

 private:
  Reserve* ReserveOf(const Region* region) const;
  void Evict(const Reserve* reserve);
  void DropOldest(Sink& sink);

  Sinks& sinks_;
  std::vector<std::unique_ptr<Reserve>> reserves_;
  std::vector<Region*> regions_;  // of each reserve
  std::vector<uint32_t> queuing_;
};

}  // namespace bricks::netmap
