// Where a transmitter notes which packets of the batch on its way it drops, while somebody wants to know (src/model/drop-notes.ts).
#pragma once

#include <cstdint>
#include <cstring>

#include "contract.h"

namespace bricks {

// Drops of packets that came with earlier batches, and seemed to be sent: their bytes stand with them.
struct LateDrops {
  static constexpr uint32_t kHeaderWords = 3;
  static constexpr uint32_t kRecordWords = 3;

  uint32_t* words = nullptr;
  // Words that records may take.
  uint32_t room = 0;

  // The first `captured` bytes of a packet are known.
  void Note(uint32_t output, uint32_t counter, const uint8_t* data, uint32_t captured, uint32_t length) const {
    if (words == nullptr || words[0] == 0) return;
    const uint32_t size = kRecordWords + (captured + 3) / 4;
    if (size > room - words[1]) {
      words[2]++;
      return;
    }
    uint32_t* const record = words + kHeaderWords + words[1];
    record[0] = output | (counter - kDropNoReader) << 16;
    record[1] = captured;
    record[2] = length;
    if (captured > 0) std::memcpy(record + kRecordWords, data, captured);
    words[1] += size;
  }
};

struct DropNotes {
  uint32_t* words = nullptr;
  // Drops that there is room for.
  uint32_t room = 0;
  LateDrops late;

  // `counter`: where the reason is counted in the link's record.
  void Note(uint32_t output, uint32_t row, uint32_t counter) const {
    if (words == nullptr || words[0] == 0) return;
    const uint32_t at = words[1]++;
    if (at >= room) return;
    words[2 + 2 * at] = output;
    words[3 + 2 * at] = row | (counter - kDropNoReader) << 16;
  }
};

}  // namespace bricks
