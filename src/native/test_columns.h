// A batch's columns with their own memory, each exactly as long as it must be: for native tests.
#pragma once

#include <memory>
#include <type_traits>
#include <vector>

#include "contract.h"

namespace bricks {

class TestColumns : public PacketColumns {
 public:
  explicit TestColumns(uint32_t rows) {
    capacity = rows;
    ForEach([this, rows](auto*& column, const char*) {
      using Element = std::remove_pointer_t<std::remove_reference_t<decltype(column)>>;
      memory_.push_back(std::make_unique<uint8_t[]>(rows * sizeof(Element)));
      column = reinterpret_cast<Element*>(memory_.back().get());
    });
  }

 private:
  std::vector<std::unique_ptr<uint8_t[]>> memory_;
};

}  // namespace bricks
