// Where a transmitter notes which packets of the batch on its way it drops, while somebody wants to know (src/model/drop-notes.ts).
#pragma once

#include <cstdint>

#include "contract.h"

namespace bricks {

struct DropNotes {
  uint32_t* words = nullptr;
  // Drops that there is room for.
  uint32_t room = 0;

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
