// A netmap memory region, mapped once in this process however many ports and threads use it.
//
// Behind the region, in the same range of addresses, lie staging areas: ordinary memory into which
// sources copy frames of several slots, so that 32-bit offsets from one base reach both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

namespace bricks::netmap {

// A source's staging area: 32 frames of the largest kind, some 400 of 9,000 bytes.
constexpr size_t kStagingBytes = size_t{4} << 20;
// Addresses only; memory is taken when it is used.
constexpr uint32_t kStagingAreas = 32;

class Region {
 public:
  // The region `id` of the registered `descriptor`; mapped if it is not yet. Null with errno set.
  static std::shared_ptr<Region> Attach(uint32_t id, uint64_t bytes, int descriptor);
  // Plain memory instead of a device's, for tests.
  static std::shared_ptr<Region> Plain(uint64_t bytes);
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  // To be called before `descriptor` is closed. A mapping keeps its descriptor's port open in the
  // kernel; so it is handed over to another one, or ends if this was the last.
  void Detach(int descriptor);

  uint8_t* base() const { return base_; }
  uint64_t bytes() const { return bytes_; }
  // With the staging areas.
  uint64_t addressable() const { return bytes_ + kStagingBytes * kStagingAreas; }
  uint32_t id() const { return id_; }

  // Null if all are taken.
  uint8_t* TakeStaging();
  void GiveStaging(uint8_t* area);
  // False if a port of this process uses this ring already: two writers would ruin it.
  bool ClaimRing(const void* ring);
  void ReleaseRing(const void* ring);

 private:
  Region(uint32_t id, uint64_t bytes) : id_(id), bytes_(bytes) {}
  bool Reserve();
  bool Map(int descriptor);

  const uint32_t id_;
  const uint64_t bytes_;
  uint8_t* base_ = nullptr;
  std::vector<int> descriptors_;  // the first one's mapping it is
  uint32_t stagingTaken_ = 0;
  std::set<const void*> claimed_;
};

}  // namespace bricks::netmap
