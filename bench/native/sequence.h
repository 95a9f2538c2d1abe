// The number of a frame, behind Ethernet, IPv4 and UDP: where programs on a link look for what they have missed.
#pragma once

#include <stdint.h>
#include <string.h>

enum { SEQUENCE_AT = 42, SEQUENCE_END = SEQUENCE_AT + 8, SEQUENCE_MARK = 0x62726963 };

static inline void sequence_write(uint8_t *frame, uint32_t number) {
  const uint32_t words[2] = {SEQUENCE_MARK, number};
  memcpy(frame + SEQUENCE_AT, words, sizeof words);
}

// Whether it is a frame of ours; then its number. Others are on a link too (neighbours looked for, say).
static inline int sequence_read(const uint8_t *frame, uint32_t length, uint32_t *number) {
  uint32_t words[2];
  if (length < SEQUENCE_END) return 0;
  memcpy(words, frame + SEQUENCE_AT, sizeof words);
  *number = words[1];
  return words[0] == SEQUENCE_MARK;
}
