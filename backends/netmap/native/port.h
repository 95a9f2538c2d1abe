// An open netmap port: one descriptor, bound to the rings that were asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "netmap_abi.h"
#include "region.h"

namespace bricks::netmap {

struct PortRequest {
  std::string name;  // as the kernel wants it
  uint32_t mode = NR_REG_ALL_NIC;
  uint32_t ring = 0;
  uint64_t flags = 0;
  uint32_t slots = 0;  // 0: the system's choice, as with the others
  uint32_t rings = 0;
  uint32_t memoryId = 0;
  uint32_t extraBuffers = 0;
  uint32_t version = NETMAP_API;
};

// What went wrong, and in which step: "open", "register", "map" or "rings".
struct PortError {
  int number;
  const char* step;
};

class Port {
 public:
  // Throws PortError.
  static std::shared_ptr<Port> Open(const PortRequest& request);
  // Over rings in plain memory, for tests; syncs do what PretendSync says, or nothing.
  Port(std::shared_ptr<Region> region, netmap_if* interface, const PortRequest& request);
  void PretendExtraBuffers(uint32_t count) { registered_.nr_extra_bufs = count; }
  void PretendSync(std::function<void()> sync) { pretended_ = std::move(sync); }
  ~Port() { Close(); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  // Extra buffers must be back in the list by then.
  void Close();

  int descriptor() const { return descriptor_; }
  const nmreq_register& registered() const { return registered_; }
  const std::shared_ptr<Region>& region() const { return region_; }
  netmap_if* interface() const { return interface_; }
  const std::vector<netmap_ring*>& transmitRings() const { return transmitRings_; }
  const std::vector<netmap_ring*>& receiveRings() const { return receiveRings_; }

  // 0 or an error number. Once a port and batch.
  int SyncTransmit();
  int SyncReceive();

  // Buffer 0 of the region, if there were one: the same for all its rings.
  uint8_t* Buffers(const netmap_ring* ring) const {
    return reinterpret_cast<uint8_t*>(reinterpret_cast<uintptr_t>(ring) + static_cast<uintptr_t>(ring->buf_ofs));
  }
  // The largest index whose buffer lies within the region.
  uint32_t LastBuffer(const netmap_ring* ring) const;

  // Asks whether the device is there, and whether it speaks this version: 0 or an error number, and the step.
  static PortError Probe(uint32_t version);

 private:
  void FindRings(const PortRequest& request);
  void MapBuffers() const;
  bool RingGood(const netmap_ring* ring) const;

  int descriptor_ = -1;
  std::shared_ptr<Region> region_;
  netmap_if* interface_ = nullptr;
  nmreq_register registered_ = {};
  std::function<void()> pretended_;
  std::vector<netmap_ring*> transmitRings_;
  std::vector<netmap_ring*> receiveRings_;
};

}  // namespace bricks::netmap
