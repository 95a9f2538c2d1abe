// Rules about IPv4 addresses as an eBPF program has them: a map of longest prefixes, or, with --map hash, of single addresses, which a program on the way in
// of an interface asks for both addresses of each packet. All packets are dropped and counted; those of a rule are counted by it as well.
//
//   bench_ebpf_rules --interface IFACE [--map lpm|hash|none] [--rules N] [--subnets 1] [--hit 1] [--flows 100000]
//
// Its instructions are written out, so that neither a compiler for eBPF nor a library is wanted. Prints a line of JSON when it is at work, with the bytes that the
// kernel charges for the map, and on SIGUSR1 another: how many packets have come, and how many of them had a rule. SIGTERM ends it.
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "peer.h"
#include "traffic.h"

// The headers may be older than the kernel: since Linux 5.12, and 6.6.
#ifndef BPF_ATOMIC
#define BPF_ATOMIC 0xc0
#endif
enum { TCX_INGRESS = 46, TCX_DROP = 2 };

enum { MOST_INSTRUCTIONS = 64, LOG_BYTES = 1 << 16 };

struct counts {
  uint64_t packets, bytes;
};

struct lpm_key {
  uint32_t length, address;
};

struct program {
  struct bpf_insn instructions[MOST_INSTRUCTIONS];
  uint32_t count;
};

static long bpf(int command, union bpf_attr *attributes) { return syscall(SYS_bpf, command, attributes, sizeof *attributes); }

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static int create_map(uint32_t type, uint32_t key_size, uint32_t entries, uint32_t flags) {
  union bpf_attr attributes = {.map_type = type, .key_size = key_size, .value_size = sizeof(struct counts), .max_entries = entries, .map_flags = flags};
  const int map = (int)bpf(BPF_MAP_CREATE, &attributes);
  if (map < 0) fail("no map");
  return map;
}

static void put(int map, const void *key) {
  static const struct counts none;
  union bpf_attr attributes = {.map_fd = (uint32_t)map, .key = (uintptr_t)key, .value = (uintptr_t)&none};
  if (bpf(BPF_MAP_UPDATE_ELEM, &attributes) != 0) fail("no room in the map");
}

static struct counts get(int map, uint32_t key) {
  struct counts found = {0, 0};
  union bpf_attr attributes = {.map_fd = (uint32_t)map, .key = (uintptr_t)&key, .value = (uintptr_t)&found};
  if (bpf(BPF_MAP_LOOKUP_ELEM, &attributes) != 0) fail("nothing in the map");
  return found;
}

static uint32_t emit(struct program *program, uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value) {
  program->instructions[program->count] = (struct bpf_insn){.code = code, .dst_reg = to & 15, .src_reg = from & 15, .off = offset, .imm = value};
  return program->count++;
}

static void load_map(struct program *program, uint8_t to, int map) {
  emit(program, BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, map);
  emit(program, 0, 0, 0, 0, 0);
}

// A jump to a place that comes later.
static void land(struct program *program, uint32_t jump) { program->instructions[jump].off = (int16_t)(program->count - jump - 1); }

// r0: what the map has for the key at r10 + offset.
static void look_up(struct program *program, int map, int32_t offset) {
  load_map(program, BPF_REG_1, map);
  emit(program, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0);
  emit(program, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, offset);
  emit(program, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
}

// One packet more, and its bytes, in the counts at r0.
static void count_at_r0(struct program *program) {
  emit(program, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1);
  emit(program, BPF_STX | BPF_DW | BPF_ATOMIC, BPF_REG_0, BPF_REG_1, 0, BPF_ADD);
  emit(program, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_1, BPF_REG_6, 0, 0);
  emit(program, BPF_STX | BPF_DW | BPF_ATOMIC, BPF_REG_0, BPF_REG_1, 8, BPF_ADD);
}

static void count_in(struct program *program, int totals, int32_t which) {
  emit(program, BPF_ST | BPF_W | BPF_MEM, BPF_REG_10, 0, -16, which);
  look_up(program, totals, -16);
  const uint32_t nothing = emit(program, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 0, 0);
  count_at_r0(program);
  land(program, nothing);
}

// Looks both addresses up: the source first.
static void emit_rules(struct program *program, int rules, int totals, int lpm) {
  uint32_t outs[4], count = 0;
  emit(program, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_2, BPF_REG_6, offsetof(struct __sk_buff, data), 0);
  emit(program, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_3, BPF_REG_6, offsetof(struct __sk_buff, data_end), 0);
  emit(program, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_4, BPF_REG_2, 0, 0);
  emit(program, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_4, 0, 0, 34);
  outs[count++] = emit(program, BPF_JMP | BPF_JGT | BPF_X, BPF_REG_4, BPF_REG_3, 0, 0);
  emit(program, BPF_LDX | BPF_H | BPF_MEM, BPF_REG_5, BPF_REG_2, 12, 0);
  // IPv4, as a processor of little end reads it.
  outs[count++] = emit(program, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 0, 0x0008);
  emit(program, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_7, BPF_REG_2, 26, 0);
  emit(program, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_8, BPF_REG_2, 30, 0);
  emit(program, BPF_ST | BPF_W | BPF_MEM, BPF_REG_10, 0, -8, 32);
  emit(program, BPF_STX | BPF_W | BPF_MEM, BPF_REG_10, BPF_REG_7, -4, 0);
  look_up(program, rules, lpm ? -8 : -4);
  const uint32_t hit = emit(program, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 0, 0);
  emit(program, BPF_STX | BPF_W | BPF_MEM, BPF_REG_10, BPF_REG_8, -4, 0);
  look_up(program, rules, lpm ? -8 : -4);
  outs[count++] = emit(program, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 0, 0);
  land(program, hit);
  count_at_r0(program);
  count_in(program, totals, 1);
  while (count > 0) land(program, outs[--count]);
}

static int load(const struct program *program) {
  static char log[LOG_BYTES];
  union bpf_attr attributes = {
      .prog_type = BPF_PROG_TYPE_SCHED_CLS, .insns = (uintptr_t)program->instructions, .insn_cnt = program->count, .license = (uintptr_t) "GPL", .expected_attach_type = (enum bpf_attach_type)TCX_INGRESS,
      .log_buf = (uintptr_t)log, .log_size = LOG_BYTES, .log_level = 1};
  const int loaded = (int)bpf(BPF_PROG_LOAD, &attributes);
  if (loaded < 0) {
    fputs(log, stderr);
    fail("the program is not taken");
  }
  return loaded;
}

// What the kernel charges for a map.
static uint64_t bytes_of(int map) {
  char path[64], line[128];
  unsigned long long bytes = 0;
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", map);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  while (fgets(line, sizeof line, file) != NULL) sscanf(line, "memlock: %llu", &bytes);
  fclose(file);
  return bytes;
}

int main(int count, char **values) {
  const char *kind = peer_option(count, values, "--map", "lpm");
  const int lpm = strcmp(kind, "lpm") == 0, none = strcmp(kind, "none") == 0;
  const uint64_t rules = peer_number(count, values, "--rules", 1000), flows = peer_number(count, values, "--flows", 100000);
  const int subnets = peer_number(count, values, "--subnets", 0) != 0;
  const int hit = peer_number(count, values, "--hit", 0) != 0;
  const uint32_t interface = if_nametoindex(peer_option(count, values, "--interface", ""));
  if (interface == 0) fail("no such interface");
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);

  const int totals = create_map(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), 2, 0);
  const uint32_t entries = rules > 0 ? (uint32_t)rules : 1;
  const int map = none  ? -1
                  : lpm ? create_map(BPF_MAP_TYPE_LPM_TRIE, sizeof(struct lpm_key), entries, BPF_F_NO_PREALLOC)
                        : create_map(BPF_MAP_TYPE_HASH, sizeof(uint32_t), entries, 0);
  for (uint64_t k = 0; k < rules && !none; k++) {
    const uint64_t random = hit && k < flows ? bench_random(k * 4 + 1) : bench_random(k * 4 + 0x100000000u);
    struct lpm_key key = {.length = subnets ? 17 + k % 15 : 32};
    memcpy(&key.address, &random, sizeof key.address);
    put(map, lpm ? (const void *)&key : &key.address);
  }
  static struct program program;
  emit(&program, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0);
  if (!none) emit_rules(&program, map, totals, lpm);
  count_in(&program, totals, 0);
  emit(&program, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, TCX_DROP);
  emit(&program, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  union bpf_attr link = {.link_create = {.prog_fd = (uint32_t)load(&program), .target_ifindex = interface, .attach_type = TCX_INGRESS}};
  if (bpf(BPF_LINK_CREATE, &link) < 0) fail("the program can't be put before the interface");
  printf("{\"bytes\": %llu}\n", none ? 0ull : (unsigned long long)bytes_of(map));
  fflush(stdout);
  int number = 0;
  while (sigwait(&signals, &number) == 0 && number == SIGUSR1) {
    printf("{\"packets\": %llu, \"hits\": %llu}\n", (unsigned long long)get(totals, 0).packets, (unsigned long long)get(totals, 1).packets);
    fflush(stdout);
  }
  return 0;
}
