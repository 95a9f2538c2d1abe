#include "filter_program.h"

#include <stdexcept>

#include "link_type.h"

namespace bricks {

FilterProgram::~FilterProgram() {
  if (program_.bf_insns != nullptr) pcap_freecode(&program_);
}

void FilterProgram::Compile(const std::string& expression, uint32_t linkType, int snapLength) {
  pcap_t* dead = pcap_open_dead(DltOf(linkType), snapLength);
  if (dead == nullptr) throw std::runtime_error("out of memory");
  struct bpf_program program = {0, nullptr};
  const int status = pcap_compile(dead, &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN);
  const std::string message = status == 0 ? "" : pcap_geterr(dead);
  pcap_close(dead);
  if (status != 0) throw std::runtime_error(message);
  if (program_.bf_insns != nullptr) pcap_freecode(&program_);
  program_ = program;
}

}  // namespace bricks
