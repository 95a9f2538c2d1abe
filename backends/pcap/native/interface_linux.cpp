// Linux: a raw packet socket for each interface, and sendmmsg, one system call a batch.
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "interface_sender.h"
#include "link_type.h"

namespace bricks {

namespace {

constexpr uint32_t kMessages = 256;

class PacketSocket final : public InterfaceSender {
 public:
  explicit PacketSocket(const SenderSettings& settings) : settings_(settings), messages_(kMessages) {
    std::memset(messages_.data(), 0, messages_.size() * sizeof(mmsghdr));
    for (mmsghdr& message : messages_) message.msg_hdr.msg_iovlen = 1;
    // Protocol 0: this socket only sends and takes no copies of what arrives.
    descriptor_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (descriptor_ < 0) throw SenderError(errno, std::strerror(errno));
    const int error = Bind();
    if (error != 0) {
      close(descriptor_);
      throw SenderError(error, std::strerror(error));
    }
    SetOptions();
  }

  ~PacketSocket() override { close(descriptor_); }

  uint32_t LinkType() const override { return linkType_; }
  bool Revive() override { return Bind() == 0; }

  uint32_t Send(struct iovec* frames, uint32_t count, int* error) override {
    uint32_t sent = 0;
    while (sent < count) {
      const uint32_t wanted = std::min(count - sent, kMessages);
      for (uint32_t i = 0; i < wanted; i++) messages_[i].msg_hdr.msg_iov = &frames[sent + i];
      const int taken = sendmmsg(descriptor_, messages_.data(), wanted, MSG_DONTWAIT);
      if (taken < 0) {
        if (errno == EINTR) continue;
        *error = errno;
        return sent;
      }
      sent += static_cast<uint32_t>(taken);
      // After a part the kernel keeps the next frame's error for the following call, where it would hit
      // a frame that has no part in it: take it away, and let that frame be tried again.
      if (static_cast<uint32_t>(taken) < wanted) ClearError();
    }
    return sent;
  }

 private:
  int Bind() {
    struct ifreq request;
    std::memset(&request, 0, sizeof request);
    if (settings_.device.size() >= sizeof request.ifr_name) return ENODEV;
    std::memcpy(request.ifr_name, settings_.device.c_str(), settings_.device.size());
    if (ioctl(descriptor_, SIOCGIFHWADDR, &request) != 0) return errno;
    linkType_ = LinkTypeOfHardware(request.ifr_hwaddr.sa_family);
    if (ioctl(descriptor_, SIOCGIFINDEX, &request) != 0) return errno;
    struct sockaddr_ll address;
    std::memset(&address, 0, sizeof address);
    address.sll_family = AF_PACKET;
    address.sll_ifindex = request.ifr_ifindex;
    if (bind(descriptor_, reinterpret_cast<struct sockaddr*>(&address), sizeof address) != 0) return errno;
    ClearError();  // of an interface that is down: it may come up later
    return 0;
  }

  static uint32_t LinkTypeOfHardware(unsigned family) {
    switch (family) {
      case ARPHRD_ETHER: case ARPHRD_LOOPBACK: return kLinkTypeEthernet;
      case ARPHRD_NONE: case ARPHRD_TUNNEL: case ARPHRD_TUNNEL6: case ARPHRD_SIT: return kLinkTypeRaw;
      default: return UINT32_MAX;  // nothing fits
    }
  }

  void SetOptions() {
    const int bytes = settings_.bufferBytes;
    if (setsockopt(descriptor_, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0) {
      setsockopt(descriptor_, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    }
    if (settings_.bypassQueue) {
      const int on = 1;
      setsockopt(descriptor_, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
    }
  }

  void ClearError() {
    int ignored = 0;
    socklen_t length = sizeof ignored;
    getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &ignored, &length);
  }

  SenderSettings settings_;
  std::vector<mmsghdr> messages_;
  int descriptor_ = -1;
  uint32_t linkType_ = UINT32_MAX;
};

}  // namespace

std::unique_ptr<InterfaceSender> OpenSender(const SenderSettings& settings) {
  return std::make_unique<PacketSocket>(settings);
}

}  // namespace bricks
