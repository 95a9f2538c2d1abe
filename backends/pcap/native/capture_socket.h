// Linux: a packet socket bound to one interface.
#pragma once

#include <linux/filter.h>
#include <sys/socket.h>

#include <cstdint>
#include <vector>

namespace bricks {

class CaptureSocket {
 public:
  CaptureSocket() = default;
  ~CaptureSocket();
  CaptureSocket(const CaptureSocket&) = delete;
  CaptureSocket& operator=(const CaptureSocket&) = delete;

  void Close();
  // It receives nothing before Bind: no packet comes that the filter has not seen.
  bool Open();
  bool Attach(std::vector<sock_filter> program);
  // Frames that go out are left out where they are not wanted and the kernel can do so.
  bool Bind(unsigned index, bool outgoing);
  // Takes the pending error away: as long as it is there, waiting ends at once. 0 if there is none.
  int TakeError();
  // Packets that the kernel lost for want of room since the last call.
  uint32_t TakeDrops();
  int Descriptor() const { return descriptor_; }

  template <typename Value>
  bool Set(int level, int name, const Value& value) {
    return setsockopt(descriptor_, level, name, &value, sizeof value) == 0;
  }

 private:
  int descriptor_ = -1;
};

}  // namespace bricks
