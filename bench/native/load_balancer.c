// The hand-written peer of the load balancer. --way is as in balancer.h, with --queues 1 it decides all of a batch first; the fastest one counts.
#include "balancer.h"
#include "peer_rings.h"

static __attribute__((noinline)) void run_modulo(struct balancer *balancer, uint64_t packets) {
  while (balancer->received < packets) balancer_run_batch(balancer, 0, 0);
}

static __attribute__((noinline)) void run_table(struct balancer *balancer, uint64_t packets) {
  while (balancer->received < packets) balancer_run_batch(balancer, 1, 0);
}

static __attribute__((noinline)) void run_mask(struct balancer *balancer, uint64_t packets) {
  while (balancer->received < packets) balancer_run_batch(balancer, 2, 0);
}

static __attribute__((noinline)) void run_modulo_queues(struct balancer *balancer, uint64_t packets) {
  while (balancer->received < packets) balancer_run_batch(balancer, 0, 1);
}

static __attribute__((noinline)) void run_table_queues(struct balancer *balancer, uint64_t packets) {
  while (balancer->received < packets) balancer_run_batch(balancer, 1, 1);
}

static __attribute__((noinline)) void run_mask_queues(struct balancer *balancer, uint64_t packets) {
  while (balancer->received < packets) balancer_run_batch(balancer, 2, 1);
}

int main(int count, char **values) {
  static struct balancer balancer;
  const uint64_t packets = peer_number(count, values, "--packets", 10000000);
  const uint32_t outputs = (uint32_t)peer_number(count, values, "--outputs", 4);
  const uint64_t way = peer_number(count, values, "--way", 0);
  if (way > 2 || (way == 2 && (outputs & (outputs - 1)) != 0)) return 1;
  if (!peer_rings(&balancer.rings, outputs, count, values)) return 1;
  if (!balancer_create(&balancer, peer_number(count, values, "--tuple", 4) == 4)) return 1;

  static void (*const forms[])(struct balancer *, uint64_t) = {run_modulo, run_table, run_mask, run_modulo_queues, run_table_queues, run_mask_queues};
  void (*run)(struct balancer *, uint64_t) = forms[way + 3 * (peer_number(count, values, "--queues", 0) != 0)];
  run(&balancer, packets / 4);
  for (uint32_t k = 0; k < outputs; k++) balancer.outputs[k].packets = balancer.outputs[k].bytes = 0;
  balancer.received = 0;
  const struct peer_time begin = peer_begin();
  run(&balancer, packets);
  uint64_t check = 0;
  for (uint32_t k = 0; k < outputs; k++) check += balancer.outputs[k].packets;
  peer_report(begin, balancer.received, check);
  return 0;
}
