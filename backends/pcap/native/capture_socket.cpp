#include "capture_socket.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <unistd.h>

#include <cerrno>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

namespace bricks {

CaptureSocket::~CaptureSocket() { Close(); }

void CaptureSocket::Close() {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
}

bool CaptureSocket::Open() {
  descriptor_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  return descriptor_ >= 0;
}

bool CaptureSocket::Attach(std::vector<sock_filter> program) {
  if (program.empty()) return true;
  return Set(SOL_SOCKET, SO_ATTACH_FILTER, sock_fprog{static_cast<unsigned short>(program.size()), program.data()});
}

bool CaptureSocket::Bind(unsigned index, bool outgoing) {
  // Kernels that do not know it leave the choice to us.
  if (!outgoing) Set(SOL_PACKET, PACKET_IGNORE_OUTGOING, int{1});
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(index);
  return bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && TakeError() == 0;
}

int CaptureSocket::TakeError() {
  int number = 0;
  socklen_t size = sizeof number;
  return getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &number, &size) == 0 ? number : errno;
}

uint32_t CaptureSocket::TakeDrops() {
  tpacket_stats_v3 statistics = {};
  socklen_t size = sizeof statistics;
  // The kernel begins anew with each question.
  return getsockopt(descriptor_, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) == 0 ? statistics.tp_drops : 0;
}

}  // namespace bricks
