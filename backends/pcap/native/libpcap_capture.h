// A capture by libpcap: whatever it can capture, on any system. Its packets are valid in its callback only, so each is copied.
#pragma once

#include <pcap/pcap.h>

#include "capture.h"

namespace bricks {

class LibpcapCapture final : public Capture {
 public:
  explicit LibpcapCapture(const CaptureSettings& settings);
  ~LibpcapCapture() override;

  int Fill(const CaptureRows& rows) override;
  uint32_t TakeDrops() override;
  std::string Error() override;

 private:
  static void Receive(u_char* self, const struct pcap_pkthdr* header, const u_char* packet);
  void Store(const struct pcap_pkthdr& header, const u_char* packet);
  void Activate(const CaptureSettings& settings);
  void SetFilter(const std::string& expression);
  void SetDirection(const std::string& direction);

  pcap_t* handle_ = nullptr;
  std::unique_ptr<FanoutMember> fanout_;
  uint32_t lastDrops_ = 0;

  // While Fill runs.
  const CaptureRows* rows_ = nullptr;
  uint32_t count_ = 0;
  uint32_t used_ = 0;
};

}  // namespace bricks
