// A capture from a receive ring of our own, which rows point into: nothing is copied before it is sent on.
#pragma once

#include <memory>

#include "capture.h"

namespace bricks {

// Null where there can be none: another system, an interface that is not like Ethernet, settings that the ring does not know,
// a kernel that refuses, or anything that is wrong: libpcap then serves, or finds the words for it.
std::unique_ptr<Capture> OpenReceiveRing(const CaptureSettings& settings);

}  // namespace bricks
