// The blocks of a packet socket's receive ring (TPACKET_V3), as rows. Knows memory only, no socket.
//
//     block:  header, then packets, each: tpacket3_hdr | sockaddr_ll | room | frame
//
// The kernel fills a block, then hands it up by its status; we hand it back by the same. Rows point at the frames.
//
// A block that is handed up after a time is as good as full, however little is in it. So that a ring holds what its bytes promise, blocks are
// small; what is too long for one comes by another way (long_frames.h), and is put between by its time.
#pragma once

#include <cstdint>

#include "capture.h"
#include "long_frames.h"

namespace bricks {

struct BlockSettings {
  uint8_t* memory = nullptr;
  uint32_t blockBytes = 0;
  uint32_t blocks = 0;
  uint32_t snapLength = 0;
  bool nanoseconds = true;
  bool in = true;   // take frames that come in
  bool out = true;  // take frames that go out
};

// Bytes that the kernel is to leave free before each frame, so that frames of Ethernet begin at multiples of 4. The room that it
// leaves by itself is enough for a VLAN tag.
constexpr uint32_t kFrameReserve = 2;

class RingBlocks {
 public:
  explicit RingBlocks(const BlockSettings& settings);

  // Hands back the blocks whose rows were all in calls before.
  void Begin();
  // Unless some are known and not read yet: looks which blocks the kernel has handed up. False for none.
  bool Look();
  // Fills rows from `row` on from the blocks that Look has found, and returns the row behind the last; with `until` it stops before a
  // packet that is later.
  uint32_t Fill(const CaptureRows& rows, uint32_t row, const CaptureTime* until);
  // The last Fill ended before a packet that was later.
  bool Stopped() const { return stopped_; }
  // All that Look has found is in rows.
  bool Exhausted() const { return known_ == 0; }
  // The kernel has nothing in the block that it fills: whatever comes there is later than all that has come anywhere else by now.
  bool NothingOpen() const;
  // Blocks read since the last call that the kernel handed up since they were full.
  uint32_t TakeFull();
  uint64_t FilledBytes() const { return filledBytes_; }
  // A block held what no kernel writes: nothing more is read.
  bool Broken() const { return broken_; }

 private:
  uint8_t* Block(uint32_t index) const { return settings_.memory + uint64_t{index} * settings_.blockBytes; }
  void HandBack();
  void OpenBlock();
  template <bool kFlowColumns, bool kCareful>
  uint32_t Take(const CaptureRows& rows, uint32_t row, const CaptureTime* until);
  bool Wanted(const uint8_t* packet) const;

  const BlockSettings settings_;
  const bool selective_;
  const uint32_t most_;  // blocks that one call may go through, so that the kernel has others meanwhile
  uint32_t next_ = 0;  // the block that is being read, or is read next
  uint32_t left_ = 0;  // its packets still to be read
  uint32_t at_ = 0;    // where the next of them stands in the block
  uint32_t read_ = 0;  // blocks before `next_` that are read and not handed back
  uint32_t known_ = 0;  // blocks from `next_` on of which it is known that the kernel has handed them up
  uint32_t full_ = 0;
  bool opened_ = false;  // `left_` and `at_` are of block `next_`
  bool stopped_ = false;
  uint64_t filledBytes_ = 0;
  bool broken_ = false;
};

}  // namespace bricks
