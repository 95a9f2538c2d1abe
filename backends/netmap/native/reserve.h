// Extra buffers of a region: an elastic reserve behind the rings of an engine's sinks.
//
// Free ones stay in netmap's own list (each holds the index of the next; the head stands in the
// netmap_if), so that the kernel gets them back even if the process dies. Those in use stand in queues.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "port.h"

namespace bricks::netmap {

// A sink's packets that its ring had no room for, oldest first.
struct ReserveQueue {
  uint32_t first = UINT32_MAX;
  uint32_t last = UINT32_MAX;
  uint32_t count = 0;
};

class Reserve {
 public:
  // The port asked for them when it was registered.
  explicit Reserve(std::shared_ptr<Port> port, const netmap_ring* ring);
  ~Reserve() { GiveBack(); }
  Reserve(const Reserve&) = delete;
  Reserve& operator=(const Reserve&) = delete;

  uint32_t total() const { return total_; }
  uint32_t queued() const { return queued_; }

  // A free buffer's index, or 0.
  uint32_t TakeFree();
  void GiveFree(uint32_t buffer);
  // Puts a buffer that was taken, with its packet, behind the queue.
  void Push(ReserveQueue* queue, uint32_t buffer, uint16_t length);
  // The oldest buffer of a queue that is not empty; afterwards it is the caller's.
  uint32_t Pop(ReserveQueue* queue, uint16_t* length);
  // Puts everything into netmap's list again; queues are forgotten.
  void GiveBack();

 private:
  struct Entry {
    uint32_t buffer;
    uint32_t next;
    uint16_t length;
    bool used;
  };

  std::shared_ptr<Port> port_;
  uint8_t* buffers_;
  uint32_t bufferSize_;
  uint32_t lastBuffer_;
  uint32_t total_;
  uint32_t queued_ = 0;
  uint32_t freeEntry_ = UINT32_MAX;
  std::vector<Entry> entries_;
};

}  // namespace bricks::netmap
