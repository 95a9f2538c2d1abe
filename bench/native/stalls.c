// What the machine itself takes: an empty loop in steps as long as a batch takes, and how much longer
// some of them were. The figures beside an engine's batch times.
#include "peer.h"

enum { SLOTS = 40 };

int main(int count, char **values) {
  const double step = (double)peer_number(count, values, "--step", 5000);
  const double duration = (double)peer_number(count, values, "--milliseconds", 2000) * 1e6;
  uint64_t histogram[SLOTS] = {0};
  const double begin = peer_clock(CLOCK_MONOTONIC);
  double now = begin, most = 0;
  while (now - begin < duration) {
    const double from = now;
    do now = peer_clock(CLOCK_MONOTONIC);
    while (now - from < step);
    const double over = now - from;
    histogram[63 - __builtin_clzll((uint64_t)over | 1)]++;
    if (over > most) most = over;
  }
  printf("{\"most\": %.0f, \"histogram\": [", most);
  for (int k = 0; k < SLOTS; k++) printf("%s%llu", k ? ", " : "", (unsigned long long)histogram[k]);
  printf("]}\n");
  return 0;
}
