// The peers of reading captures, on libpcap: `count` reads a file, `split` writes it to four others by
// the flow, as few lines of C do that. Prints what bench/run.js reads.
#include <pcap/pcap.h>

#include "peer.h"
#include "peer_flow.h"

enum { OUTPUTS = 4 };

int main(int count, char **values) {
  char message[PCAP_ERRBUF_SIZE];
  const char *file = peer_option(count, values, "--read", "");
  const char *target = peer_option(count, values, "--write", NULL);
  static struct peer_hash hash;
  peer_hash_create(&hash);
  const struct peer_time begin = peer_begin();
  pcap_t *capture = pcap_open_offline(file, message);
  if (capture == NULL) return fprintf(stderr, "%s\n", message), 1;
  pcap_dumper_t *outputs[OUTPUTS] = {NULL};
  for (int k = 0; target != NULL && k < OUTPUTS; k++) {
    char name[4096];
    snprintf(name, sizeof name, "%s%d.pcap", target, k);
    outputs[k] = pcap_dump_open(capture, name);
    if (outputs[k] == NULL) return fprintf(stderr, "%s\n", pcap_geterr(capture)), 1;
  }
  uint64_t packets = 0, bytes = 0, uncommon = 0, sent[OUTPUTS] = {0};
  struct pcap_pkthdr *header;
  const u_char *packet;
  while (pcap_next_ex(capture, &header, &packet) == 1) {
    packets++;
    bytes += header->caplen;
    if (target == NULL) continue;
    const uint32_t word = peer_flow_word(packet, header->caplen, 1, 1, &uncommon);
    const uint32_t chosen = (hash.high[word >> 8] ^ hash.low[word & 255]) % OUTPUTS;
    pcap_dump((u_char *)outputs[chosen], header, packet);
    sent[chosen]++;
  }
  for (int k = 0; target != NULL && k < OUTPUTS; k++) pcap_dump_close(outputs[k]);
  pcap_close(capture);
  peer_report(begin, packets, target == NULL ? bytes : sent[0] + sent[1] + sent[2] + sent[3]);
  return 0;
}
