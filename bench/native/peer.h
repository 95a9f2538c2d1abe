// What the C peers have in common: options, clocks, and the line they print for bench/run.js.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline const char *peer_option(int count, char **values, const char *name, const char *otherwise) {
  for (int k = 1; k + 1 < count; k++) {
    if (strcmp(values[k], name) == 0) return values[k + 1];
  }
  return otherwise;
}

static inline uint64_t peer_number(int count, char **values, const char *name, uint64_t otherwise) {
  const char *text = peer_option(count, values, name, NULL);
  return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static inline double peer_clock(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

struct peer_time {
  double wall;
  double cpu;
};

static inline struct peer_time peer_begin(void) {
  struct peer_time begin = {peer_clock(CLOCK_MONOTONIC), peer_clock(CLOCK_THREAD_CPUTIME_ID)};
  return begin;
}

static inline void peer_report(struct peer_time begin, uint64_t packets, uint64_t check) {
  const double wall = peer_clock(CLOCK_MONOTONIC) - begin.wall;
  const double cpu = peer_clock(CLOCK_THREAD_CPUTIME_ID) - begin.cpu;
  printf("{\"packets\": %llu, \"wall\": %.0f, \"cpu\": %.0f, \"check\": %llu}\n", (unsigned long long)packets, wall, cpu,
         (unsigned long long)check);
}
