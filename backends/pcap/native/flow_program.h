// The kernel's part of sharing an interface as a load balancer would (Linux): an eBPF program that works out the same hash.
#pragma once

#include <cstdint>
#include <vector>

namespace bricks {

// Program and maps of one group. The program answers the place, in the kernel's group, of the socket that gets a packet.
class FlowProgram {
 public:
  static constexpr uint32_t kSharesMaximum = 4096;
  // Instead of a place: nobody has the share, and the others get its packets.
  static constexpr uint32_t kGivenToOthers = UINT32_MAX;

  ~FlowProgram();
  // For Ethernet, else for packets that begin with an IP header. False where the kernel does not allow it: errno tells why.
  bool Open(bool ethernet);
  int Descriptor() const { return program_; }
  // The place of each share, and the places of those that are there.
  bool SetPlaces(const std::vector<uint32_t>& ofShares, const std::vector<uint32_t>& present);

 private:
  int program_ = -1;
  int places_ = -1;
  int fragments_ = -1;
};

}  // namespace bricks
