// A live capture that fills rows: libpcap, without Node.
#pragma once

#include <pcap/pcap.h>

#include <cstdint>
#include <stdexcept>
#include <string>

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
};

// Where rows go: the columns of a batch, and the memory that the offsets count in.
struct CaptureRows {
  uint32_t capacity = 0;
  uint32_t* offset = nullptr;
  uint32_t* length = nullptr;
  uint32_t* wireLength = nullptr;
  uint32_t* seconds = nullptr;
  uint32_t* nanoseconds = nullptr;
  uint16_t* flowAddresses = nullptr;
  uint32_t* flowPorts = nullptr;
  int32_t* flowWord = nullptr;
  uint8_t* memory = nullptr;
  uint32_t memoryBytes = 0;
  bool flowColumns = false;
};

enum class DeviceState { kUp, kDown, kGone };

class Capture {
 public:
  explicit Capture(const CaptureSettings& settings);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  // Fills rows from 0 on and answers how many; -1 if the system reported an error (see Error, State).
  // Never waits. What does not fit stays with the kernel.
  int Fill(const CaptureRows& rows);

  uint64_t FilledBytes() const { return filledBytes_; }
  // Packets that the kernel lost for want of room since the last call.
  uint32_t TakeDrops();
  DeviceState State() const;
  const char* Error() { return pcap_geterr(handle_); }
  const std::string& Warning() const { return warning_; }
  int Descriptor() const { return descriptor_; }
  uint32_t LinkType() const { return linkType_; }
  bool Nanoseconds() const { return nanoseconds_; }
  int SnapLength() const { return snapLength_; }

 private:
  static void Receive(u_char* self, const struct pcap_pkthdr* header, const u_char* packet);
  void Store(const struct pcap_pkthdr& header, const u_char* packet);
  void Activate(const CaptureSettings& settings);
  void SetFilter(const std::string& expression);
  void SetDirection(const std::string& direction);

  pcap_t* handle_ = nullptr;
  std::string device_;
  std::string warning_;
  unsigned index_ = 0;  // 0: a device that is no interface ("any")
  int descriptor_ = -1;
  uint32_t linkType_ = 0;
  int snapLength_ = 0;
  bool nanoseconds_ = false;
  uint32_t lastDrops_ = 0;

  // While Fill runs.
  const CaptureRows* rows_ = nullptr;
  uint32_t count_ = 0;
  uint32_t used_ = 0;
  uint64_t filledBytes_ = 0;
};

}  // namespace bricks
