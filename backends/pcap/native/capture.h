// A live capture that fills rows, without Node: by libpcap, or from a receive ring of our own (Linux).
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "contract.h"
#include "fanout.h"

namespace bricks {

// What failed at opening: `status` is libpcap's number (PCAP_ERROR_...), 0 for a bad filter expression.
struct CaptureError : std::runtime_error {
  CaptureError(int pcapStatus, const std::string& text) : std::runtime_error(text), status(pcapStatus) {}
  int status;
};

struct CaptureSettings {
  std::string device;
  std::string direction = "both";
  std::string timestampSource;  // empty: the system's choice
  std::string filter;           // empty: everything
  int snapLength = 262144;
  int bufferBytes = 0;
  int latencyMilliseconds = 4;  // 0: immediate mode
  bool promiscuous = true;
  bool nanoseconds = true;
  bool receiveRing = true;  // false: by libpcap in any case
  FanoutSettings fanout;
};

// Where rows go: the columns of a batch, and the memory that the offsets count in.
struct CaptureRows : PacketColumns {
  uint8_t* memory = nullptr;
  uint32_t memoryBytes = 0;
  bool flowColumns = false;
};

// Memory that a capture's packets lie in, if it has its own. It can be read as long as anyone keeps it: after the capture's
// end there are zeros.
struct CaptureMemory {
  virtual ~CaptureMemory() = default;
  uint8_t* base = nullptr;
  size_t bytes = 0;
};

enum class DeviceState { kUp, kDown, kGone };

class Capture {
 public:
  virtual ~Capture() = default;
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  // Fills rows from 0 on and returns how many; -1 if the system reported an error (see Error, State). The rows of the call
  // before are no longer valid. Never waits. What does not fit stays with the kernel.
  virtual int Fill(const CaptureRows& rows) = 0;
  // Packets that the kernel lost for want of room since the last call.
  virtual uint32_t TakeDrops() = 0;
  // What went wrong, or "" for nothing but that the interface went down or away.
  virtual std::string Error() = 0;
  // Where `rows.memory` must point; null: to memory of the caller's, with room for a packet of full length.
  virtual std::shared_ptr<CaptureMemory> Memory() const { return nullptr; }

  // Where packets come often: how long to sleep before looking again, instead of waiting for the descriptor. 0: wait for it.
  virtual uint32_t PauseMicroseconds() const { return 0; }

  DeviceState State() const;
  uint64_t FilledBytes() const { return filledBytes_; }
  const std::string& Warning() const { return warning_; }
  int Descriptor() const { return descriptor_; }
  uint32_t LinkType() const { return linkType_; }
  bool Nanoseconds() const { return nanoseconds_; }
  int SnapLength() const { return snapLength_; }
  // Other captures of this process, of the same interface, at opening: each gets all packets.
  unsigned Others() const { return opened_->Others(); }

 protected:
  Capture() = default;

  std::string warning_;
  unsigned index_ = 0;  // 0: a device that is no interface ("any")
  int descriptor_ = -1;
  uint32_t linkType_ = 0;
  int snapLength_ = 0;
  bool nanoseconds_ = false;
  uint64_t filledBytes_ = 0;

 private:
  friend std::unique_ptr<Capture> OpenCapture(const CaptureSettings& settings);
  std::unique_ptr<OpenedCapture> opened_;
};

// From a ring of our own where that is possible, else by libpcap. Throws CaptureError.
std::unique_ptr<Capture> OpenCapture(const CaptureSettings& settings);

}  // namespace bricks
