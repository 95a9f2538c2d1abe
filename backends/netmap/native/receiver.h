// Fills batches from the receive rings of a port, without copying: rows say where packets lie in the region.
//
// Cost, 64-byte frames in cache-cold buffers: 4 ns a packet, 7 with flow columns; a sync now and then.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "columns.h"
#include "port.h"

namespace bricks::netmap {

class Receiver {
 public:
  // Throws PortError{EBUSY, "claim"} if another receiver of this process has one of the rings.
  // `waits`: the caller waits whenever Receive finds nothing, so that it need not ask the system itself.
  Receiver(std::shared_ptr<Port> port, bool timestamps, bool waits = false);
  ~Receiver() { Close(); }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // Rows filled, after a sync where it may bring something; -1 if the port is gone.
  int32_t Receive(const PacketColumns& columns, const ColumnNeeds& needs, uint64_t* counters);
  // Gives the slots of the last batch back; the kernel learns of it at the next sync. Receive begins with it.
  void Release();
  // Waits until there is something to receive, but no longer than that; what is there needs no sync afterwards.
  void Wait(int milliseconds);
  // For a poll by others that asks for packets too: gives the last batch's slots back first.
  pollfd Question();
  // What such a poll, or our own, has found. The next Receive need not ask again.
  void Answered(const pollfd& polled);
  // Whether the caller waits from now on; see the constructor.
  void SetWaits(bool waits) { waits_ = waits; }
  // Packets that are there already, behind the last batch.
  uint32_t Available() const;
  void Close();

  const std::shared_ptr<Region>& region() const { return region_; }
  const std::shared_ptr<Port>& port() const { return port_; }

 private:
  struct Ring {
    netmap_ring* ring;
    netmap_slot* slots;
    uint8_t* buffers;
    uint32_t count;
    uint32_t bufferSize;
    uint32_t lastBuffer;
    uint32_t next;      // behind the last row's slot
    bool blocked;       // the end of a frame has not arrived
  };

  bool WantsSync(uint32_t capacity) const;
  void AfterSync();
  uint32_t Fill(const PacketColumns& columns, const ColumnNeeds& needs);
  template <FlowNeed kFlow>
  uint32_t Take(Ring& ring, const PacketColumns& columns, uint32_t row, uint32_t limit);
  bool TakeFrame(Ring& ring, const PacketColumns& columns, uint32_t* row);
  // Fills time and length on the wire.
  void Stamp(const Ring& ring, const PacketColumns& columns, uint32_t from, uint32_t to);

  std::shared_ptr<Port> port_;
  std::shared_ptr<Region> region_;
  std::vector<Ring> rings_;
  const bool timestamps_;
  bool waits_;
  bool gone_ = false;
  uint32_t turn_ = 0;
  bool released_ = true;
  bool asked_ = false;  // just now, by Answered
  uint8_t* staging_ = nullptr;
  size_t stagingUsed_ = 0;
  uint64_t bytes_ = 0;
  uint32_t malformed_ = 0;
};

}  // namespace bricks::netmap
