// Linux: frames too long for a block of the receive ring, by a packet socket without a ring. The kernel queues them one by one, each
// with the memory that it needs, and they are copied out in groups.
#pragma once

#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <vector>

#include "capture.h"
#include "capture_socket.h"

namespace bricks {

struct CaptureTime {
  uint32_t seconds;
  uint32_t nanoseconds;
};

inline bool IsLater(CaptureTime one, CaptureTime other) {
  return one.seconds != other.seconds ? one.seconds > other.seconds : one.nanoseconds > other.nanoseconds;
}

struct LongFrameSettings {
  unsigned index = 0;  // the interface
  uint32_t snapLength = 0;
  uint32_t bufferBytes = 0;
  bool nanoseconds = true;
  bool in = true;
  bool out = true;
  std::vector<sock_filter> program;
};

class LongFrames {
 public:
  // Memory that they are copied to.
  static size_t MemoryBytes(uint32_t snapLength);

  bool Open(const LongFrameSettings& settings);
  // `memory` lies `offset` behind the begin of what rows count in.
  void UseMemory(uint8_t* memory, uint32_t offset);

  // The frames that Put has taken before are no longer valid.
  void Begin();
  // Takes what has come from the kernel, as much as there is room for.
  void Read();
  // The last Read left nothing with the kernel.
  bool Complete() const { return complete_; }
  // The time of the next frame; null where there is none.
  const CaptureTime* Next();
  // Makes it row `row`, and returns its bytes.
  uint32_t Put(const CaptureRows& rows, uint32_t row);

  // Replaces what Open was given.
  bool Attach(const std::vector<sock_filter>& program) { return socket_.Attach(program); }
  CaptureSocket& Socket() { return socket_; }

 private:
  static constexpr uint32_t kFrames = 16;
  struct Control {
    alignas(cmsghdr) char bytes[256];
  };
  struct Frame {
    CaptureTime time;
    uint8_t* begin;
    uint32_t length;
    uint32_t wireLength;
    bool wanted;
  };
  void Describe(uint32_t slot, uint32_t received);

  CaptureSocket socket_;
  LongFrameSettings settings_;
  uint8_t* memory_ = nullptr;
  uint32_t offset_ = 0;
  uint32_t next_ = 0;   // frames of `frames_` that Put has taken
  uint32_t count_ = 0;  // frames in `frames_`
  bool complete_ = true;
  Frame frames_[kFrames];
  mmsghdr messages_[kFrames];
  iovec places_[kFrames];
  sockaddr_ll addresses_[kFrames];
  Control controls_[kFrames];
};

}  // namespace bricks
