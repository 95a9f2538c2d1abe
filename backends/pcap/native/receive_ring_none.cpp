// Systems other than Linux: libpcap only.
#include "receive_ring.h"

namespace bricks {

std::unique_ptr<Capture> OpenReceiveRing(const CaptureSettings&) { return nullptr; }

}  // namespace bricks
