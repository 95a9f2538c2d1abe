// Writes a capture file for the benchmarks: microseconds, little endian, packets as traffic.h makes them.
#include "peer.h"
#include "traffic.h"

int main(int count, char **values) {
  const struct bench_traffic traffic = {peer_option(count, values, "--kind", "ipv4"), (uint32_t)peer_number(count, values, "--length", 60),
                                        (uint32_t)peer_number(count, values, "--flows", 10000)};
  const uint64_t packets = peer_number(count, values, "--packets", 1000000);
  FILE *file = fopen(peer_option(count, values, "--write", ""), "wb");
  if (file == NULL) return perror("no file"), 1;
  const uint32_t header[6] = {0xa1b2c3d4, 2 | 4u << 16, 0, 0, 65535, 1};
  fwrite(header, sizeof header, 1, file);
  static uint8_t packet[2048];
  for (uint64_t k = 0; k < packets; k++) {
    const uint32_t length = bench_packet(packet, k, &traffic);
    const uint32_t record[4] = {(uint32_t)(1700000000 + k / 1000000), (uint32_t)(k % 1000000), length, length};
    fwrite(record, sizeof record, 1, file);
    fwrite(packet, length, 1, file);
  }
  if (fclose(file) != 0) return perror("not written"), 1;
  printf("{\"packets\": %llu}\n", (unsigned long long)packets);
  return 0;
}
