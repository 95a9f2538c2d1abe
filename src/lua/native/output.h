// Standard output of a script.
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>

#include "control.h"

namespace bricks {

// Writes everything at once, also where another thread made the descriptor non-blocking.
// Returns false when the reader is gone, the disk is full, or the script was interrupted and the reader takes nothing.
bool WriteFully(int descriptor, const char* bytes, size_t length, const Control& control);

// A C stream over WriteFully, without a buffer, so that what a script writes is seen at once.
FILE* OpenOutput(int descriptor, std::shared_ptr<Control> control);

}  // namespace bricks
