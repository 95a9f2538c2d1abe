// /dev/netmap, also for a process that may not open it any more.
#pragma once

namespace bricks::netmap {

// A descriptor, or -1 and errno.
int OpenDevice();

// Before the process becomes another user: leaves a child behind that opens the device for it, and can do nothing else. It ends with the
// process. 0 or an error number.
int KeepDevice();

}  // namespace bricks::netmap
