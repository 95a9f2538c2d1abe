// Instructions of eBPF with jumps to labels, and the system call that loads them. Linux only.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bricks {

class BpfAssembler {
 public:
  using Label = int;

  Label NewLabel() {
    places_.push_back(-1);
    return static_cast<Label>(places_.size()) - 1;
  }
  void Place(Label label) { places_[static_cast<size_t>(label)] = static_cast<int>(code_.size()); }

  void Move(int to, int from) { Add(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  void Set(int to, int32_t value) { Add(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
  // `operation` is BPF_ADD and the like.
  void Compute(uint8_t operation, int to, int32_t value) { Add(BPF_ALU64 | operation | BPF_K, to, 0, 0, value); }
  void ComputeWith(uint8_t operation, int to, int from) { Add(BPF_ALU64 | operation | BPF_X, to, from, 0, 0); }
  // Network order to the machine's.
  void FromNetwork(int to, int bits) { Add(BPF_ALU | BPF_END | BPF_TO_BE, to, 0, 0, bits); }
  // `size` is BPF_B, BPF_H, BPF_W or BPF_DW.
  void Load(uint8_t size, int to, int from, int16_t offset) { Add(BPF_LDX | BPF_MEM | size, to, from, offset, 0); }
  void Store(uint8_t size, int to, int16_t offset, int from) { Add(BPF_STX | BPF_MEM | size, to, from, offset, 0); }
  void Call(int helper) { Add(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }
  void Exit() { Add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }
  void Jump(Label label) { Branch(BPF_JMP | BPF_JA, 0, 0, label); }
  // `condition` is BPF_JEQ and the like; compares unsigned.
  void JumpIf(uint8_t condition, int left, int32_t right, Label label) { Branch(static_cast<uint8_t>(BPF_JMP | condition | BPF_K), left, right, label); }
  void LoadMap(int to, int descriptor) {
    Add(BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, descriptor);
    Add(0, 0, 0, 0, 0);
  }

  // A socket filter's descriptor, or -1 and errno.
  int LoadSocketFilter();

 private:
  struct Patch {
    size_t at;
    Label label;
  };
  void Add(int code, int to, int from, int16_t offset, int32_t value) {
    bpf_insn instruction = {};
    instruction.code = static_cast<uint8_t>(code);
    instruction.dst_reg = static_cast<uint8_t>(to) & 15;
    instruction.src_reg = static_cast<uint8_t>(from) & 15;
    instruction.off = offset;
    instruction.imm = value;
    code_.push_back(instruction);
  }
  void Branch(uint8_t code, int left, int32_t right, Label label) {
    patches_.push_back({code_.size(), label});
    Add(code, left, 0, 0, right);
  }

  std::vector<bpf_insn> code_;
  std::vector<int> places_;
  std::vector<Patch> patches_;
};

// Descriptors, or -1 and errno.
int CreateBpfMap(uint32_t type, uint32_t keyBytes, uint32_t valueBytes, uint32_t entries);
bool UpdateBpfMap(int map, const void* key, const void* value);

}  // namespace bricks
