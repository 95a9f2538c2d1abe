// Descriptors that belong to a thread of script and are closed at its end, also when it is terminated.
// Node does the same for files that its fs opens, but these can be handed to another thread.
#pragma once

#include <napi.h>

namespace bricks {

// From now on it belongs to this thread, whichever it belonged to before.
void OwnDescriptor(Napi::Env env, int descriptor);
// Closes it, and gives up locks that another process holds by it. Nothing happens unless it belongs to this thread.
void CloseOwned(Napi::Env env, int descriptor);

}  // namespace bricks
