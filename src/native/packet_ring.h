// Packet rings (src/ring/packet-ring.ts defines them): the writing and the reading side, without Node.
// Neither side believes the other: whatever stands in the shared memory, nothing outside of it is touched.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "copy_packet.h"

namespace bricks {

constexpr uint32_t kRingHeaderBytes = 4096;
constexpr uint32_t kRingMagic = 0x676e7262;
constexpr uint32_t kRingVersion = 2;
constexpr uint32_t kRecordHeaderBytes = 16;
constexpr uint32_t kMinimumRingData = 4096;
constexpr uint32_t kMaximumRingData = 0x40000000;
constexpr uint32_t kMaximumRecordLength = 0xfffff;
constexpr uint32_t kMaximumRecordLinkType = 0xffe;
constexpr uint32_t kRingClosed = 1;
constexpr uint32_t kRingBroken = 2;
constexpr uint32_t kRingExpected = 4;
constexpr uint32_t kSkipToStart = 0xffffffff;

using SharedWord = std::atomic<uint32_t>;
static_assert(sizeof(SharedWord) == 4 && SharedWord::is_always_lock_free, "rings need lock-free 32-bit words");

struct RingHeader {
  SharedWord magic;
  SharedWord version;
  SharedWord dataSize;
  SharedWord flags;
  SharedWord unreadLimit;  // at 16
  uint8_t padding1[44];
  SharedWord head;  // at 64
  uint8_t padding2[60];
  SharedWord tail;  // at 128
  SharedWord readerWaiting;
  SharedWord reader;
  SharedWord skippedPackets;
  SharedWord skippedBytes;
};
static_assert(offsetof(RingHeader, unreadLimit) == 16 && offsetof(RingHeader, head) == 64 && offsetof(RingHeader, tail) == 128 &&
                  offsetof(RingHeader, reader) == 136 && offsetof(RingHeader, skippedBytes) == 144,
              "the layout is src/ring/packet-ring.ts's");

struct RecordHeader {
  uint32_t seconds;
  uint32_t nanoseconds;
  uint32_t packed;  // captured length | link type << 20
  uint32_t wireLength;
};
static_assert(sizeof(RecordHeader) == kRecordHeaderBytes, "records have no padding");

inline uint32_t RecordBytes(uint32_t length) { return (length + 31) & ~15u; }

inline bool ValidRingSize(uint32_t size) {
  return size >= kMinimumRingData && size <= kMaximumRingData && (size & (size - 1)) == 0;
}

// Whether the next reader is to get what is in the ring.
inline bool KeepsUnread(const void* memory) {
  return static_cast<const RingHeader*>(memory)->unreadLimit.load(std::memory_order_relaxed) > 0;
}

// Makes an empty ring, all of which may be filled while nobody reads. The size must be valid and the memory that of a whole ring.
inline void InitialiseRing(void* memory, uint32_t dataSize) {
  std::memset(memory, 0, kRingHeaderBytes);
  RingHeader* header = static_cast<RingHeader*>(memory);
  header->dataSize.store(dataSize, std::memory_order_relaxed);
  header->version.store(kRingVersion, std::memory_order_relaxed);
  header->unreadLimit.store(dataSize, std::memory_order_relaxed);
  header->magic.store(kRingMagic, std::memory_order_release);
}

// The size of the data of a ring in this memory, or 0 if it holds none.
inline uint32_t RingDataSize(const void* memory, size_t bytes) {
  if (bytes < kRingHeaderBytes || (reinterpret_cast<uintptr_t>(memory) & 15) != 0) return 0;
  const RingHeader* header = static_cast<const RingHeader*>(memory);
  const uint32_t size = header->dataSize.load(std::memory_order_relaxed);
  const bool right = header->magic.load(std::memory_order_acquire) == kRingMagic &&
                     header->version.load(std::memory_order_relaxed) == kRingVersion;
  return right && ValidRingSize(size) && bytes - kRingHeaderBytes >= size ? size : 0;
}

// One cache line, so that a thousand writers fit the second-level cache.
class alignas(64) RingWriter {
 public:
  void Open(void* memory, uint32_t dataSize) {
    header_ = static_cast<RingHeader*>(memory);
    data_ = static_cast<uint8_t*>(memory) + kRingHeaderBytes;
    size_ = dataSize;
    longest_ = dataSize / 4 < kMaximumRecordLength ? dataSize / 4 : kMaximumRecordLength;
    head_ = published_ = header_->head.load(std::memory_order_acquire) & ~15u;
    tail_ = header_->tail.load(std::memory_order_acquire);
    const uint32_t limit = header_->unreadLimit.load(std::memory_order_relaxed);
    unreadLimit_ = limit < size_ ? limit : size_;
    limit_ = size_;
    skippedPackets_ = header_->skippedPackets.load(std::memory_order_relaxed);
    skippedBytes_ = header_->skippedBytes.load(std::memory_order_relaxed);
  }

  // Once a batch: whether anybody reads. Where nobody does, only so much stays in the ring as its limit says.
  bool LookForReader() {
    const bool read = header_->reader.load(std::memory_order_acquire) != 0;
    limit_ = read ? size_ : unreadLimit_;
    return read;
  }

  // Packets that were written but that no reader was given: how many more there are than at the last call.
  struct Skipped {
    uint32_t packets;
    uint32_t bytes;
  };
  Skipped TakeSkipped() {
    const uint32_t packets = header_->skippedPackets.load(std::memory_order_acquire);
    if (packets == skippedPackets_) return {0, 0};
    const uint32_t bytes = header_->skippedBytes.load(std::memory_order_relaxed);
    const Skipped skipped = {packets - skippedPackets_, bytes - skippedBytes_};
    skippedPackets_ = packets;
    skippedBytes_ = bytes;
    return skipped;
  }

  // Room for a packet of `length` bytes, its header written, or nullptr.
  uint8_t* Reserve(uint32_t length, uint32_t wireLength, uint32_t seconds, uint32_t nanoseconds, uint32_t linkType) {
    if (length > longest_) return nullptr;
    const uint32_t record = RecordBytes(length);
    uint32_t position = head_ & (size_ - 1);
    const uint32_t toEnd = size_ - position;
    const uint32_t needed = record > toEnd ? toEnd + record : record;
    if (needed > Room()) {
      tail_ = header_->tail.load(std::memory_order_acquire);
      if (needed > Room()) return nullptr;
    }
    if (record > toEnd) {
      reinterpret_cast<RecordHeader*>(data_ + position)->packed = kSkipToStart;
      position = 0;
    }
    RecordHeader* header = reinterpret_cast<RecordHeader*>(data_ + position);
    header->seconds = seconds;
    header->nanoseconds = nanoseconds;
    header->packed = length | linkType << 20;
    header->wireLength = wireLength;
    head_ += needed;
    return data_ + position + kRecordHeaderBytes;
  }

  // Shows the reader what was written. Check Waiting() behind a full fence.
  void Publish() {
    published_ = head_;
    header_->head.store(head_, std::memory_order_release);
  }
  bool Unpublished() const { return head_ != published_; }

  // True if the reader sleeps and must be woken, once.
  bool TakeWaiting() {
    return header_->readerWaiting.load(std::memory_order_relaxed) != 0 &&
           header_->readerWaiting.exchange(0, std::memory_order_acq_rel) != 0;
  }

  bool Commit() {
    if (!Unpublished()) return false;
    Publish();
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return TakeWaiting();
  }

  void MarkClosed() { header_->flags.fetch_or(kRingClosed, std::memory_order_seq_cst); }
  uint32_t Reader() const { return header_->reader.load(std::memory_order_relaxed); }
  uint32_t ReaderPosition() const { return header_->tail.load(std::memory_order_relaxed); }
  uint32_t longest() const { return longest_; }

  // Fetches the lines that the next `bytes` will be written to, and the header's.
  void Prefetch(uint32_t bytes) const {
    const uint32_t first = head_ & ~63u;
    for (uint32_t at = first; at - first < bytes + 64; at += 64) __builtin_prefetch(data_ + (at & (size_ - 1)), 1);
    __builtin_prefetch(&header_->head, 1);
    __builtin_prefetch(&header_->tail, 0);
  }

 private:
  uint32_t Room() const {
    const uint32_t used = head_ - tail_;
    return used > limit_ || (tail_ & 15) != 0 ? 0 : limit_ - used;
  }

  RingHeader* header_ = nullptr;
  uint8_t* data_ = nullptr;
  uint32_t size_ = 0;
  uint32_t longest_ = 0;
  uint32_t head_ = 0;
  uint32_t published_ = 0;
  uint32_t tail_ = 0;
  // How much may be in the ring now, and how much while nobody reads.
  uint32_t limit_ = 0;
  uint32_t unreadLimit_ = 0;
  uint32_t skippedPackets_ = 0;
  uint32_t skippedBytes_ = 0;
};
static_assert(sizeof(RingWriter) == 64, "a writer is one cache line");

class RingReader {
 public:
  struct Packet {
    const uint8_t* bytes;
    uint32_t length;
    uint32_t wireLength;
    uint32_t seconds;
    uint32_t nanoseconds;
    uint32_t linkType;
  };

  void Open(void* memory, uint32_t dataSize) {
    header_ = static_cast<RingHeader*>(memory);
    data_ = static_cast<uint8_t*>(memory) + kRingHeaderBytes;
    size_ = dataSize;
    next_ = released_ = header_->tail.load(std::memory_order_acquire);
    if ((next_ & 15) != 0) DiscardAll(header_->head.load(std::memory_order_acquire));
  }

  // Bytes that wait now; records are read up to there until the next call.
  uint32_t Begin() {
    const uint32_t head = Head();
    available_ = head - next_;
    if (available_ > size_ || (head & 15) != 0) DiscardAll(head);
    return available_;
  }

  // The next packet, or false. With `onlyType`, a packet of another link type stays where it is.
  bool Next(Packet* packet, uint32_t onlyType = UINT32_MAX) {
    while (available_ > 0) {
      const uint32_t position = next_ & (size_ - 1);
      const uint32_t toEnd = size_ - position;
      // Read once: the writer might change it between check and use.
      const RecordHeader* record = reinterpret_cast<const RecordHeader*>(data_ + position);
      const uint32_t packed = *const_cast<const volatile uint32_t*>(&record->packed);
      if (packed == kSkipToStart) {
        if (toEnd > available_) break;
        next_ += toEnd;
        available_ -= toEnd;
        continue;
      }
      const uint32_t length = packed & kMaximumRecordLength;
      const uint32_t bytes = RecordBytes(length);
      if (bytes > available_ || bytes > toEnd) break;
      packet->linkType = packed >> 20;
      if (onlyType != UINT32_MAX && packet->linkType != onlyType) return false;
      packet->bytes = data_ + position + kRecordHeaderBytes;
      packet->length = length;
      packet->wireLength = record->wireLength < length ? length : record->wireLength;
      packet->seconds = record->seconds;
      packet->nanoseconds = record->nanoseconds;
      next_ += bytes;
      available_ -= bytes;
      return true;
    }
    if (available_ > 0) DiscardAll(next_ + available_);
    return false;
  }

  // Once a record: fetches lines of the records behind it. The writer wrote them on another CPU, so that they are far away: those
  // some fifty short packets ahead come into the second-level cache, which can wait for more of them at a time, the next few into the first.
  // In line whatever the compiler thinks: gcc takes a call that only fetches for one that does nothing.
  __attribute__((always_inline)) void FetchAhead() const {
    constexpr uint32_t kFar = 4096, kNear = 512, kLine = 64;
    const uint32_t mask = size_ - 1;
    __builtin_prefetch(data_ + ((next_ + kFar) & mask), 0, 2);
    __builtin_prefetch(data_ + ((next_ + kFar + kLine) & mask), 0, 2);
    __builtin_prefetch(data_ + ((next_ + kNear) & mask));
    __builtin_prefetch(data_ + ((next_ + kNear + kLine) & mask));
  }

  void Release() {
    if (released_ == next_) return;
    released_ = next_;
    header_->tail.store(next_, std::memory_order_release);
  }

  bool Empty() const { return Head() == next_; }
  bool Closed() const { return ends_ || (header_->flags.load(std::memory_order_acquire) & kRingClosed) != 0; }
  // The order matters: what was written before the close must not be missed.
  bool Ended() const { return Closed() && Empty(); }
  // Whether the writer has closed the ring itself, and was not killed.
  bool ClosedByWriter() const { return (header_->flags.load(std::memory_order_acquire) & (kRingClosed | kRingBroken)) == kRingClosed; }

  // Asks to be woken. False if there is something to do already.
  bool Arm() {
    header_->readerWaiting.store(1, std::memory_order_seq_cst);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (Empty() && !Closed()) return true;
    Disarm();
    return false;
  }
  // What stands behind this head is for another reader.
  void EndAt(uint32_t head) {
    if (ends_) return;
    ends_ = true;
    end_ = static_cast<int32_t>(head - next_) > 0 ? head & ~15u : next_;
  }
  void Disarm() { header_->readerWaiting.store(0, std::memory_order_relaxed); }
  void Attach(uint32_t process) { header_->reader.store(process, std::memory_order_release); }

  const uint8_t* data() const { return data_; }
  uint32_t size() const { return size_; }
  uint32_t position() const { return next_ & (size_ - 1); }
  uint64_t corruptions = 0;

 private:
  uint32_t Head() const { return ends_ ? end_ : header_->head.load(std::memory_order_acquire); }

  void DiscardAll(uint32_t head) {
    corruptions++;
    next_ = head & ~15u;
    available_ = 0;
  }

  RingHeader* header_ = nullptr;
  uint8_t* data_ = nullptr;
  uint32_t size_ = 0;
  uint32_t next_ = 0;
  uint32_t released_ = 0;
  uint32_t available_ = 0;
  uint32_t end_ = 0;
  bool ends_ = false;
};

// Before a reader is let in that is not to get what is in the ring. Its writer counts that as read by nobody.
inline void SkipUnread(void* memory, uint32_t dataSize) {
  RingHeader* header = static_cast<RingHeader*>(memory);
  RingReader reader;
  reader.Open(memory, dataSize);
  RingReader::Packet packet;
  uint32_t packets = 0;
  uint32_t bytes = 0;
  reader.Begin();
  while (reader.Next(&packet)) {
    packets++;
    bytes += packet.length;
  }
  header->skippedBytes.fetch_add(bytes, std::memory_order_relaxed);
  header->skippedPackets.fetch_add(packets, std::memory_order_release);
  reader.Release();
}

}  // namespace bricks
