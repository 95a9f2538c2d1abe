// What is done to a column as a whole, four rows at a time.
#pragma once

#include <cstdint>
#include <cstring>

namespace bricks {

// The same value in all rows, four at a time: std::fill_n writes one by one at -O2.
inline void FillColumn(uint32_t* column, uint32_t count, uint32_t value) {
  const uint32_t four[4] = {value, value, value, value};
  uint32_t row = 0;
  for (; row + 4 <= count; row += 4) std::memcpy(column + row, four, sizeof four);
  for (; row < count; row++) column[row] = value;
}

// A value that grows by `step` from row to row.
inline void FillSteps(uint32_t* column, uint32_t count, uint32_t value, uint32_t step) {
  using Four = uint32_t __attribute__((vector_size(16)));
  Four four = {value, value + step, value + 2 * step, value + 3 * step};
  uint32_t row = 0;
  for (; row + 4 <= count; row += 4, four += 4 * step) std::memcpy(column + row, &four, sizeof four);
  for (; row < count; row++) column[row] = value + row * step;
}

// The sum of a column whose values are shorter than 20 bits each, of at most 4,096 rows.
inline uint32_t SumColumn(const uint32_t* column, uint32_t count) {
  using Four = uint32_t __attribute__((vector_size(16)));
  Four sums = {0, 0, 0, 0};
  uint32_t row = 0;
  for (; row + 4 <= count; row += 4) {
    Four four;
    std::memcpy(&four, column + row, sizeof four);
    sums += four;
  }
  uint32_t sum = sums[0] + sums[1] + sums[2] + sums[3];
  for (; row < count; row++) sum += column[row];
  return sum;
}

}  // namespace bricks
