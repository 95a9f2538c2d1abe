#include "bpf_assembler.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace bricks {

namespace {

int Bpf(int command, bpf_attr* attributes) { return static_cast<int>(syscall(__NR_bpf, command, attributes, sizeof *attributes)); }

uint64_t Address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

bpf_attr NoAttributes() {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  return attributes;
}

}  // namespace

int BpfAssembler::LoadSocketFilter() {
  for (const Patch& patch : patches_) {
    code_[patch.at].off = static_cast<int16_t>(places_[static_cast<size_t>(patch.label)] - static_cast<int>(patch.at) - 1);
  }
  bpf_attr attributes = NoAttributes();
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insns = Address(code_.data());
  attributes.insn_cnt = static_cast<uint32_t>(code_.size());
  attributes.license = Address("BSD");
  return Bpf(BPF_PROG_LOAD, &attributes);
}

int CreateBpfMap(uint32_t type, uint32_t keyBytes, uint32_t valueBytes, uint32_t entries) {
  bpf_attr attributes = NoAttributes();
  attributes.map_type = type;
  attributes.key_size = keyBytes;
  attributes.value_size = valueBytes;
  attributes.max_entries = entries;
  return Bpf(BPF_MAP_CREATE, &attributes);
}

bool UpdateBpfMap(int map, const void* key, const void* value) {
  bpf_attr attributes = NoAttributes();
  attributes.map_fd = static_cast<uint32_t>(map);
  attributes.key = Address(key);
  attributes.value = Address(value);
  return Bpf(BPF_MAP_UPDATE_ELEM, &attributes) == 0;
}

}  // namespace bricks
