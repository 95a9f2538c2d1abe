#include "flow_program.h"

#include <linux/bpf.h>
#include <unistd.h>

#include "bpf_assembler.h"
#include "flow_program_writer.h"

namespace bricks {

namespace {

bool Put(int map, uint32_t at, uint32_t value) { return UpdateBpfMap(map, &at, &value); }

}  // namespace

FlowProgram::~FlowProgram() {
  for (const int descriptor : {program_, places_, fragments_}) {
    if (descriptor >= 0) close(descriptor);
  }
}

bool FlowProgram::Open(bool ethernet) {
  places_ = CreateBpfMap(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(uint32_t), kPlaces);
  if (places_ < 0) return false;
  fragments_ = CreateBpfMap(BPF_MAP_TYPE_LRU_HASH, kKeyBytes, sizeof(uint64_t), kFragments);
  if (fragments_ < 0) return false;
  program_ = FlowProgramWriter(places_, fragments_).Write(ethernet);
  return program_ >= 0;
}

bool FlowProgram::SetPlaces(const std::vector<uint32_t>& ofShares, const std::vector<uint32_t>& present) {
  bool done = true;
  for (uint32_t k = 0; k < present.size(); k++) done = Put(places_, kFirstPresent + k, present[k]) && done;
  for (uint32_t k = 0; k < ofShares.size(); k++) done = Put(places_, kFirstShare + k, ofShares[k]) && done;
  return Put(places_, kPresent, static_cast<uint32_t>(present.size())) && Put(places_, kShares, static_cast<uint32_t>(ofShares.size())) && done;
}

}  // namespace bricks
