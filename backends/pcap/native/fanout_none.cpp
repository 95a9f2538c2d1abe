// Systems other than Linux: an interface can't be shared.
#include <pcap/pcap.h>

#include "capture.h"
#include "fanout.h"

namespace bricks {

struct FanoutGroup {};

FanoutMember::FanoutMember(const FanoutSettings& settings, unsigned, uint32_t, std::vector<int>) : share_(settings.share), takeOver_(settings.takeOver) {
  throw CaptureError(PCAP_ERROR, "several engines can share an interface only on Linux");
}
FanoutMember::~FanoutMember() = default;
void FanoutMember::Leave(const std::function<void()>& close) { close(); }
void FanoutMember::Reorder() {}

std::unique_lock<std::recursive_mutex> LockFanout() {
  static std::recursive_mutex mutex;
  return std::unique_lock(mutex);
}

OpenedCapture::OpenedCapture(unsigned, const std::string&) {}
OpenedCapture::~OpenedCapture() = default;

}  // namespace bricks
