#include "region.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

namespace bricks::netmap {

namespace {

std::mutex& Lock() {
  static std::mutex* const lock = new std::mutex;  // never destroyed: threads may end after main
  return *lock;
}

std::map<uint32_t, std::weak_ptr<Region>>& Known() {
  static auto* const known = new std::map<uint32_t, std::weak_ptr<Region>>;
  return *known;
}

// Offsets have 32 bits.
constexpr uint64_t kBytesMaximum = (uint64_t{1} << 32) - kStagingBytes * kStagingAreas;

}  // namespace

std::shared_ptr<Region> Region::Attach(uint32_t id, uint64_t bytes, int descriptor) {
  std::lock_guard<std::mutex> hold(Lock());
  std::weak_ptr<Region>& known = Known()[id];
  std::shared_ptr<Region> region = known.lock();
  if (region && region->bytes_ == bytes && !region->descriptors_.empty()) {
    region->descriptors_.push_back(descriptor);
    return region;
  }
  if (bytes == 0 || bytes > kBytesMaximum) {
    errno = EFBIG;
    return nullptr;
  }
  region.reset(new Region(id, bytes));
  if (!region->Reserve() || !region->Map(descriptor)) return nullptr;
  region->descriptors_.push_back(descriptor);
  known = region;
  return region;
}

std::shared_ptr<Region> Region::Plain(uint64_t bytes) {
  std::shared_ptr<Region> region(new Region(0, bytes));
  if (!region->Reserve()) return nullptr;
  region->descriptors_.push_back(-1);
  return region;
}

bool Region::Reserve() {
  void* const range = mmap(nullptr, addressable(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) return false;
  base_ = static_cast<uint8_t*>(range);
  return true;
}

// In the place of what is there: other threads may be reading it, and find the same bytes.
bool Region::Map(int descriptor) {
  return mmap(base_, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0) != MAP_FAILED;
}

void Region::Detach(int descriptor) {
  std::lock_guard<std::mutex> hold(Lock());
  const auto found = std::find(descriptors_.begin(), descriptors_.end(), descriptor);
  if (found == descriptors_.end()) return;
  const bool mapped = found == descriptors_.begin();
  descriptors_.erase(found);
  if (!descriptors_.empty()) {
    if (mapped) Map(descriptors_.front());
    return;
  }
  // Script may still have views of it: they see zeros from now on.
  if (mmap(base_, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED) return;
  const auto known = Known().find(id_);
  if (known != Known().end() && known->second.lock().get() == this) Known().erase(known);
}

Region::~Region() {
  if (base_ != nullptr) munmap(base_, addressable());
}

uint8_t* Region::TakeStaging() {
  std::lock_guard<std::mutex> hold(Lock());
  for (uint32_t area = 0; area < kStagingAreas; area++) {
    if (stagingTaken_ & (1u << area)) continue;
    stagingTaken_ |= 1u << area;
    return base_ + bytes_ + area * kStagingBytes;
  }
  return nullptr;
}

void Region::GiveStaging(uint8_t* area) {
  std::lock_guard<std::mutex> hold(Lock());
  stagingTaken_ &= ~(1u << (static_cast<size_t>(area - base_ - bytes_) / kStagingBytes));
}

bool Region::ClaimRing(const void* ring) {
  std::lock_guard<std::mutex> hold(Lock());
  return claimed_.insert(ring).second;
}

void Region::ReleaseRing(const void* ring) {
  std::lock_guard<std::mutex> hold(Lock());
  claimed_.erase(ring);
}

}  // namespace bricks::netmap
