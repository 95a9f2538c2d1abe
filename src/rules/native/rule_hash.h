// What a look-up computes: hashes of keys (src/rules/rule-hash.ts, word by word) and comparisons of tags.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "rule_layout.h"

#define BRICKS_INLINE inline __attribute__((always_inline))

namespace bricks {
namespace rules {

// Which of a line's places have the tag: one bit each. Byte 0 is not a place, but says whether rules went on from here.
BRICKS_INLINE uint32_t SameTags(const uint8_t* line, uint32_t tag) {
#if defined(__SSE2__)
  const __m128i tags = _mm_loadu_si128(reinterpret_cast<const __m128i*>(line));
  const __m128i wanted = _mm_set1_epi32(static_cast<int>(tag * 0x01010101u));
  const uint32_t found = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(tags, wanted)));
#else
  uint32_t found = 0;
  for (uint32_t place = 0; place < kLineWords; place++) found |= static_cast<uint32_t>(line[place] == tag) << place;
#endif
  return found & ~1u;
}

BRICKS_INLINE uint32_t TagOf(uint32_t hash) {
  const uint32_t tag = hash >> 24;
  return tag + (tag == 0);
}

BRICKS_INLINE uint32_t Mix(uint32_t hash, uint32_t word) {
  hash = (hash ^ word) * 0xcc9e2d51u;
  return hash ^ hash >> 15;
}

BRICKS_INLINE uint32_t Finish(uint32_t hash) {
  hash *= 0x1b873593u;
  return hash ^ hash >> 13;
}

BRICKS_INLINE uint32_t ExchangedPorts(uint32_t ports) { return ports << 16 | ports >> 16; }

// Both ends of a connection in order, so that both directions have one key. Addresses have so many words.
template <uint32_t words>
BRICKS_INLINE bool IsExchanged(const uint32_t* key, bool ports) {
  for (uint32_t word = 0; word < words; word++) {
    const uint32_t source = key[kKeySource + word];
    const uint32_t destination = key[kKeyDestination + word];
    if (source != destination) return source > destination;
  }
  return ports && (key[kKeyPorts] >> 16) > (key[kKeyPorts] & 0xffff);
}

}  // namespace rules
}  // namespace bricks
