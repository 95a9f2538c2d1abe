/*
 * Tests of netmap in user space. Each runs in a process and a run directory of its own, linked
 * with the library, so that it makes the calls that any program makes. Arguments: names of tests,
 * or nothing for all. Exit status 1 if any fails.
 */
#define _GNU_SOURCE
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

enum { SKIPPED = 77, SECONDS_MAX = 40 };

static const struct {
  const char *name;
  void (*run)(void);
  const char *environment[5];
} tests[] = {
    {"layout", test_layout, {NULL}},
    {"errors", test_errors, {NULL}},
    {"modes", test_modes, {NULL}},
    {"memory", test_memory, {"NETMAP_USERSPACE_BUF_NUM=6000"}},
    {"limits", test_limits, {NULL}},
    {"older-calls", test_older_calls, {NULL}},
    {"pipe-order", test_pipe_order, {NULL}},
    {"pipe-between-processes", test_pipe_between_processes, {NULL}},
    {"pipe-swaps", test_pipe_swaps, {NULL}},
    {"pipe-fragments", test_pipe_fragments, {NULL}},
    {"pipe-late-reader", test_pipe_late_reader, {NULL}},
    {"pipe-garbage", test_pipe_garbage, {NULL}},
    {"pipe-thousand", test_pipe_thousand, {"NETMAP_USERSPACE_IF_NUM=2100", "NETMAP_USERSPACE_RING_NUM=4200", "NETMAP_USERSPACE_BUF_NUM=140000", "NETMAP_USERSPACE_MAX_PIPES=1000"}},
    {"pipe-speed", test_pipe_speed, {NULL}},
    {"vale-learning", test_vale_learning, {NULL}},
    {"vale-fragments", test_vale_fragments, {NULL}},
    {"vale-list", test_vale_list, {NULL}},
    {"vale-persistent", test_vale_persistent, {NULL}},
    {"waiting-poll", test_waiting_poll, {NULL}},
    {"waiting-select", test_waiting_select, {NULL}},
    {"waiting-epoll", test_waiting_epoll, {NULL}},
    {"waiting-wakes", test_waiting_wakes, {NULL}},
    {"descriptors", test_descriptors, {NULL}},
    {"fork", test_fork, {NULL}},
    {"threads", test_threads, {NULL}},
    {"reader-killed", test_reader_killed, {NULL}},
    {"writer-killed", test_writer_killed, {NULL}},
    {"balancer-killed", test_balancer_killed, {NULL}},
    {"register-killed", test_register_killed, {NULL}},
    {"interface", test_interface, {NULL}},
    {"interface-rings", test_interface_rings, {NULL}},
};

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where) {
  (void)status;
  (void)kind;
  (void)where;
  return remove(path);
}

static int run_one(unsigned index) {
  char directory[] = "/dev/shm/netmap-userspace-test-XXXXXX";
  if (mkdtemp(directory) == NULL) return 1;
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    setpgid(0, 0);
    setenv("NETMAP_USERSPACE_DIR", directory, 1);
    for (const char *const *variable = tests[index].environment; *variable != NULL; variable++) putenv((char *)(uintptr_t)*variable);
    alarm(SECONDS_MAX);
    tests[index].run();
    fflush(NULL);
    _exit(0);
  }
  int status = 1;
  waitpid(pid, &status, 0);
  /* Its children, if it has failed: they may run for ever, and whoever reads our output would wait for them. */
  kill(-pid, SIGKILL);
  nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int asked(int count, char **names, const char *name) {
  if (count < 2) return 1;
  for (int i = 1; i < count; i++) {
    if (strcmp(names[i], name) == 0) return 1;
  }
  return 0;
}

int main(int count, char **names) {
  int failed = 0;
  for (unsigned i = 0; i < sizeof tests / sizeof *tests; i++) {
    if (!asked(count, names, tests[i].name)) continue;
    uint64_t start = now_ns();
    int status = run_one(i);
    printf("%-8s %s (%u ms)\n", status == 0 ? "ok" : status == SKIPPED ? "skipped" : "FAILED", tests[i].name,
           (unsigned)((now_ns() - start) / 1000000));
    if (status != 0 && status != SKIPPED) {
      printf("         status %d\n", status);
      failed++;
    }
    fflush(stdout);
  }
  return failed == 0 ? 0 : 1;
}
