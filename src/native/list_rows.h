// Row numbers on the list of one output (src/model/packet-list.ts).
#pragma once

#include <cstddef>
#include <cstdint>

namespace bricks {

struct ListRows {
  uint16_t* first = nullptr;
  // The binary logarithm of the distance from one row to the next: 0, unless lists are interleaved.
  uint32_t step = 0;

  uint16_t& operator[](size_t position) const { return first[position << step]; }
  // For hot loops, which add it to a pointer to `first`.
  size_t stride() const { return size_t{1} << step; }
  ListRows From(size_t position) const { return {first + (position << step), step}; }
  // Takes the first `done` of them off, so that the `left` behind them come to the beginning.
  void TakeOff(size_t done, size_t left) const {
    for (size_t position = 0; position < left; position++) (*this)[position] = (*this)[done + position];
  }
};

}  // namespace bricks
