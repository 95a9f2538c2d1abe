// The floor of writing capture files: the same bytes from memory that stays in the cache, to as many files, in large
// pieces. Existing files are emptied first, as all contestants do. Prints what bench/run.js reads.
#include <fcntl.h>
#include <unistd.h>

#include "peer.h"

enum { OUTPUTS = 4, PIECE = 256 * 1024 };

int main(int count, char **values) {
  const char *target = peer_option(count, values, "--write", "");
  const uint64_t packets = peer_number(count, values, "--packets", 1), bytes = peer_number(count, values, "--bytes", 0);
  static uint8_t piece[PIECE];
  memset(piece, 1, sizeof piece);
  const struct peer_time begin = peer_begin();
  int files[OUTPUTS];
  for (int k = 0; k < OUTPUTS; k++) {
    char name[4096];
    snprintf(name, sizeof name, "%s%d.pcap", target, k);
    files[k] = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (files[k] < 0) return perror(name), 1;
  }
  uint64_t written = 0;
  for (int k = 0; written < bytes; k = (k + 1) % OUTPUTS) {
    const uint64_t left = bytes - written;
    const ssize_t done = write(files[k], piece, left < PIECE ? left : PIECE);
    if (done <= 0) return perror("not written"), 1;
    written += (uint64_t)done;
  }
  for (int k = 0; k < OUTPUTS; k++) close(files[k]);
  peer_report(begin, packets, written);
  return 0;
}
