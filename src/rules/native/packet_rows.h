// The rows of a batch, and where their packets lie: what keys are read from.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rule_hash.h"

namespace bricks {
namespace rules {

struct PacketRows {
  const uint16_t* rows = nullptr;
  const uint32_t* offset = nullptr;
  const uint32_t* length = nullptr;
  const uint32_t* wireLength = nullptr;
  uint64_t capacity = 0;
  const uint8_t* memory = nullptr;
  uint64_t memoryBytes = 0;
  // Whether tunnels are looked into.
  bool inner = false;

  bool Holds(uint32_t row) const { return row < capacity && uint64_t{offset[row]} + length[row] <= memoryBytes; }

  // Fetches a packet's first line. Always inline: a function that does no more than this has no effect as the compiler sees it, and calls of it go away.
  BRICKS_INLINE void Fetch(uint32_t row) const {
    if (row < capacity && offset[row] < memoryBytes) __builtin_prefetch(memory + offset[row], 0, 3);
  }
};

}  // namespace rules
}  // namespace bricks
