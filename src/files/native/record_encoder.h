// The fast encoder of records into the ring of a file: src/files/record-encoder.ts is its definition
// and tells the meaning of the words. Little-endian machines only, as all of this project.
#pragma once

#include <cstdint>
#include <cstring>

#include "copy_packet.h"
#include "list_rows.h"

namespace bricks {

enum ControlWord : uint32_t {
  kHead = 0, kHints = 16, kHintCount = 16, kLinkTypes = 32, kLinkTypeTable = 33, kLinkTypesMaximum = 14,
  kRotations = 47, kRotationTable = 48, kRotationRoom = 8, kTail = 64, kRotationsDone = 65, kControlWords = 80,
};
enum FileState : uint32_t {
  kStatePcapng, kStateUnit, kStateSnapLength, kStateRotateBytes, kStateRotateSeconds, kStateFileBytes, kStateFileSeconds,
  kStateHeaderBytes, kStateLastHint, kStateHints, kStateWake, kStateNumbers = 12,
};

struct RecordColumns {
  const uint32_t* offset;
  const uint32_t* length;
  const uint32_t* wireLength;
  const uint32_t* seconds;
  const uint32_t* nanoseconds;
};

// The memory of packets, and the rows of a batch: what a brick wrote is not believed.
struct RecordMemory {
  const uint8_t* bytes;
  size_t size;
  uint32_t rows;
};

struct RecordRing {
  uint8_t* bytes;
  uint32_t size;
  uint32_t* control;
  double* state;
};

struct EncodeResult {
  uint32_t done;        // rows of the list that were looked at
  uint32_t packets;     // encoded
  uint64_t bytes;       // captured bytes of these
  uint32_t tooLong;     // longer than the ring
  uint32_t impossible;  // a row that there is not, or bytes outside the memory
};

inline int32_t InterfaceOf(const RecordRing& ring, uint32_t linkType) {
  const uint32_t count = ring.control[kLinkTypes];
  if (count > kLinkTypesMaximum) return -1;
  for (uint32_t index = 0; index < count; index++) {
    if (ring.control[kLinkTypeTable + index] == linkType) return static_cast<int32_t>(index);
  }
  if (count >= (ring.state[kStatePcapng] == 1 ? kLinkTypesMaximum : 1u)) return -1;
  ring.control[kLinkTypeTable + count] = linkType;
  __atomic_store_n(&ring.control[kLinkTypes], count + 1, __ATOMIC_SEQ_CST);
  return static_cast<int32_t>(count);
}

// The header and the end of a record, and the packet between them.
inline __attribute__((always_inline)) void WriteRecord(uint8_t* to, bool pcapng, uint32_t need, uint32_t unit, uint32_t index, uint32_t seconds, uint32_t nanoseconds,
                        uint32_t length, uint32_t wireLength, const uint8_t* packet) {
  if (pcapng) {
    const uint64_t stamp = seconds * 1000000000ull + nanoseconds;
    const uint32_t header[7] = {6, need, index, static_cast<uint32_t>(stamp >> 32), static_cast<uint32_t>(stamp), length, wireLength};
    std::memcpy(to, header, sizeof header);
    const uint32_t zero = 0;
    // First the padding, which the packet's last bytes then overwrite.
    if (length & 3) std::memcpy(to + need - 8, &zero, sizeof zero);
    CopyPacket(to + 28, packet, length);
    std::memcpy(to + need - 4, &need, sizeof need);
  } else {
    const uint32_t header[4] = {seconds, unit == 1 ? nanoseconds : nanoseconds / 1000, length, wireLength};
    std::memcpy(to, header, sizeof header);
    CopyPacket(to + 16, packet, length);
  }
}

// A record that crosses the ring's end, in parts.
inline void PutAround(const RecordRing& ring, uint32_t head, const uint8_t* source, uint32_t length) {
  const uint32_t at = head & (ring.size - 1);
  const uint32_t room = ring.size - at;
  const uint32_t firstPart = length < room ? length : room;
  std::memcpy(ring.bytes + at, source, firstPart);
  std::memcpy(ring.bytes, source + firstPart, length - firstPart);
}

inline void WriteRecordAround(const RecordRing& ring, uint32_t head, bool pcapng, uint32_t need, uint32_t unit, uint32_t index,
                              uint32_t seconds, uint32_t nanoseconds, uint32_t length, uint32_t wireLength, const uint8_t* packet) {
  uint8_t frame[40] = {0};
  // The record of an empty packet gives the header; what stands behind the packet follows by itself.
  WriteRecord(frame, pcapng, pcapng ? 32 : 16, unit, index, seconds, nanoseconds, 0, wireLength, packet);
  const uint32_t before = pcapng ? 28 : 16;
  std::memcpy(frame + (pcapng ? 20 : 8), &length, sizeof length);
  if (pcapng) std::memcpy(frame + 4, &need, sizeof need);
  PutAround(ring, head, frame, before);
  PutAround(ring, head + before, packet, length);
  if (!pcapng) return;
  const uint32_t padding = (0u - length) & 3u;
  uint8_t end[8] = {0};
  std::memcpy(end + padding, &need, sizeof need);
  PutAround(ring, head + before + length, end, 4 + padding);
}

inline bool Rotate(const RecordRing& ring, uint32_t head) {
  const uint32_t rotations = ring.control[kRotations];
  if (rotations - __atomic_load_n(&ring.control[kRotationsDone], __ATOMIC_SEQ_CST) >= kRotationRoom) return false;
  __atomic_store_n(&ring.control[kRotationTable + (rotations & (kRotationRoom - 1))], head, __ATOMIC_SEQ_CST);
  __atomic_store_n(&ring.control[kRotations], rotations + 1, __ATOMIC_SEQ_CST);
  ring.state[kStateFileBytes] = ring.state[kStateHeaderBytes];
  ring.state[kStateFileSeconds] = -1;
  return true;
}

inline void Publish(const RecordRing& ring, uint32_t head) {
  if (head - static_cast<uint32_t>(ring.state[kStateLastHint]) >= ring.size / kHintCount) {
    const uint32_t hints = static_cast<uint32_t>(ring.state[kStateHints]);
    __atomic_store_n(&ring.control[kHints + (hints & (kHintCount - 1))], head, __ATOMIC_SEQ_CST);
    ring.state[kStateHints] = (hints + 1) & 0xffff;
    ring.state[kStateLastHint] = head;
  }
  __atomic_store_n(&ring.control[kHead], head, __ATOMIC_SEQ_CST);
  if (head - __atomic_load_n(&ring.control[kTail], __ATOMIC_SEQ_CST) >= ring.size / 8) ring.state[kStateWake] = 1;
}

// How far ahead of the record that is written the ring's lines are fetched.
constexpr uint32_t kFetchAhead = 512;

// Encodes rows until the list ends or the ring is full. `linkIndex` is what InterfaceOf answered.
template <bool kPcapng>
EncodeResult EncodeRows(const RecordRing& ring, const RecordColumns& columns, const RecordMemory& memory, const ListRows& rows,
                        uint32_t count, uint32_t linkIndex) {
  EncodeResult result = {0, 0, 0, 0, 0};
  // All in variables: the bytes that are written could be any of them, as far as the compiler knows.
  uint8_t* const bytes = ring.bytes;
  const uint32_t size = ring.size;
  const uint32_t unit = static_cast<uint32_t>(ring.state[kStateUnit]);
  const uint32_t snapLength = static_cast<uint32_t>(ring.state[kStateSnapLength]);
  const double rotateBytes = ring.state[kStateRotateBytes];
  const double rotateSeconds = ring.state[kStateRotateSeconds];
  double fileBytes = ring.state[kStateFileBytes];
  double fileSeconds = ring.state[kStateFileSeconds];
  const RecordColumns from = columns;
  const RecordMemory packets = memory;
  uint32_t head = ring.control[kHead];
  uint32_t space = size - (head - __atomic_load_n(&ring.control[kTail], __ATOMIC_ACQUIRE));
  uint32_t done = 0;
  for (; done < count; done++) {
    const uint32_t row = rows[done];
    if (__builtin_expect(row >= packets.rows, 0)) {
      result.impossible++;
      continue;
    }
    const uint32_t offset = from.offset[row];
    const uint32_t captured = from.length[row];
    if (__builtin_expect(static_cast<uint64_t>(offset) + captured > packets.size, 0)) {
      result.impossible++;
      continue;
    }
    const uint32_t length = captured < snapLength ? captured : snapLength;
    const uint32_t need = kPcapng ? 32 + ((length + 3) & ~3u) : 16 + length;
    if (need > size) {
      result.tooLong++;
      continue;
    }
    if (need > space) {
      space = size - (head - __atomic_load_n(&ring.control[kTail], __ATOMIC_ACQUIRE));
      if (need > space) break;
    }
    const uint32_t seconds = from.seconds[row];
    if (fileSeconds >= 0 && (fileBytes + need > rotateBytes || seconds - fileSeconds >= rotateSeconds)) {
      if (!Rotate(ring, head)) break;
      fileBytes = ring.state[kStateFileBytes];
      fileSeconds = -1;
    }
    if (fileSeconds < 0) fileSeconds = seconds;
    const uint32_t at = head & (size - 1);
    __builtin_prefetch(bytes + ((head + kFetchAhead) & (size - 1)), 1);
    __builtin_prefetch(bytes + ((head + kFetchAhead + 64) & (size - 1)), 1);
    const uint8_t* packet = packets.bytes + offset;
    if (__builtin_expect(at + need <= size, 1)) {
      WriteRecord(bytes + at, kPcapng, need, unit, linkIndex, seconds, from.nanoseconds[row], length, from.wireLength[row], packet);
    } else {
      WriteRecordAround(ring, head, kPcapng, need, unit, linkIndex, seconds, from.nanoseconds[row], length, from.wireLength[row], packet);
    }
    head += need;
    space -= need;
    fileBytes += need;
    result.packets++;
    result.bytes += length;
  }
  result.done = done;
  ring.state[kStateFileBytes] = fileBytes;
  ring.state[kStateFileSeconds] = fileSeconds;
  Publish(ring, head);
  if (done < count) ring.state[kStateWake] = 1;
  return result;
}

inline EncodeResult EncodeRows(const RecordRing& ring, const RecordColumns& columns, const RecordMemory& memory, const ListRows& rows,
                               uint32_t count, uint32_t linkIndex) {
  return ring.state[kStatePcapng] == 1 ? EncodeRows<true>(ring, columns, memory, rows, count, linkIndex)
                                       : EncodeRows<false>(ring, columns, memory, rows, count, linkIndex);
}

}  // namespace bricks
