// Copying long packets to several sinks: some to all of them, then the next ones. Sink by sink, a long packet would have left the
// caches when the next sink's turn comes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "list_rows.h"

namespace bricks {

// Bytes of packets that all sinks get before the next ones: they stay in the first-level cache for every copy.
constexpr uint32_t kBytesTogether = 16'384;
// A list of no more stays in the second-level cache from sink to sink, at less cost.
constexpr uint64_t kBytesInCache = 262'144;

// How far a sink has come with its list: the next to send, and where to stop.
struct SinkProgress {
  uint32_t reached;
  uint32_t end;
};

// Captured bytes of the packets on a list; `lengths` are those of the `capacity` rows of its batch.
inline uint64_t BytesListed(const ListRows& rows, uint32_t count, const uint32_t* lengths, uint32_t capacity) {
  uint64_t bytes = 0;
  for (uint32_t k = 0; k < count; k++) bytes += rows[k] < capacity ? lengths[rows[k]] : 0;
  return bytes;
}

// Brings `progress` of `found` sinks to its end, or to the first packet that a sink leaves. `rowsOf(k)` is the list of the k-th;
// `send(k, first, end)` sends some of it, and returns the first that it leaves, or `end`.
template <typename RowsOf, typename Send>
void SendTogether(const uint32_t* lengths, uint32_t capacity, SinkProgress* progress, uint32_t found, const RowsOf& rowsOf, const Send& send) {
  uint32_t limit = 0;
  for (bool more = true; more;) {
    more = false;
    for (uint32_t bytes = 0; bytes < kBytesTogether && limit < capacity; limit++) bytes += std::min(lengths[limit], kBytesTogether);
    for (uint32_t k = 0; k < found; k++) {
      SinkProgress& sink = progress[k];
      const ListRows rows = rowsOf(k);
      // With the last ones goes what a brick wrote in no order, or of rows that there are not.
      uint32_t end = limit == capacity ? sink.end : sink.reached;
      while (end < sink.end && rows[end] < limit) end++;
      if (end > sink.reached) {
        sink.reached = send(k, sink.reached, end);
        if (sink.reached < end) sink.end = sink.reached;
      }
      more |= sink.reached < sink.end;
    }
  }
}

}  // namespace bricks
