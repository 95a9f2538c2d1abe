// Standard output of a script.
#pragma once

#include <cstddef>
#include <cstdio>

namespace bricks {

// Writes everything at once, also where another thread made the descriptor non-blocking.
// Returns false when the reader is gone or the disk is full.
bool WriteFully(int descriptor, const char* bytes, size_t length);

// A C stream over WriteFully, without a buffer, so that what a script writes is seen at once.
FILE* OpenOutput(int descriptor);

}  // namespace bricks
