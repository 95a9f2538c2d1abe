// Expressions of libpcap's filter language over packets of one link type.
#pragma once

#include <pcap/pcap.h>

#include <cstdint>
#include <string>

namespace bricks {

// One expression. An empty one has no program and matches nothing.
class FilterProgram {
 public:
  FilterProgram() = default;
  ~FilterProgram();
  FilterProgram(const FilterProgram&) = delete;
  FilterProgram& operator=(const FilterProgram&) = delete;

  // Throws std::runtime_error with libpcap's words.
  void Compile(const std::string& expression, uint32_t linkType, int snapLength);
  bool Present() const { return program_.bf_insns != nullptr; }
  const struct bpf_program& Program() const { return program_; }

  // bpf_filter never reads past `length`: a load beyond it makes the answer "no".
  bool Matches(const uint8_t* packet, uint32_t length, uint32_t wireLength) const {
    return bpf_filter(program_.bf_insns, packet, wireLength, length) != 0;
  }

 private:
  struct bpf_program program_ = {0, nullptr};
};

// What a filter is made of: `accept` passes what the other two would not; `drop` drops; `expression`,
// if there is one, must match for a packet to pass.
struct FilterRules {
  FilterProgram expression;
  FilterProgram drop;
  FilterProgram accept;

  bool Passes(const uint8_t* packet, uint32_t length, uint32_t wireLength) const {
    if ((!expression.Present() || expression.Matches(packet, length, wireLength)) &&
        !(drop.Present() && drop.Matches(packet, length, wireLength))) {
      return true;
    }
    return accept.Present() && accept.Matches(packet, length, wireLength);
  }
};

}  // namespace bricks
