#include "capture.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "libpcap_capture.h"
#include "receive_ring.h"

namespace bricks {

DeviceState Capture::State() const {
  if (index_ == 0) return DeviceState::kUp;
  char name[IF_NAMESIZE] = "";
  // By index, not by name: another interface may have the name by now.
  if (if_indextoname(index_, name) == nullptr) return DeviceState::kGone;
  const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return DeviceState::kUp;
  struct ifreq request;
  std::memset(&request, 0, sizeof request);
  std::memcpy(request.ifr_name, name, std::min(sizeof request.ifr_name, sizeof name));
  const int status = ioctl(descriptor, SIOCGIFFLAGS, &request);
  close(descriptor);
  if (status != 0) return DeviceState::kGone;
  return (request.ifr_flags & IFF_UP) ? DeviceState::kUp : DeviceState::kDown;
}

std::unique_ptr<Capture> OpenCapture(const CaptureSettings& settings) {
  const auto lock = settings.fanout.mode.empty() ? std::unique_lock<std::recursive_mutex>() : LockFanout();
  std::unique_ptr<Capture> capture = OpenReceiveRing(settings);
  if (!capture) capture = std::make_unique<LibpcapCapture>(settings);
  capture->opened_ = std::make_unique<OpenedCapture>(capture->index_, settings.fanout.mode);
  return capture;
}

}  // namespace bricks
