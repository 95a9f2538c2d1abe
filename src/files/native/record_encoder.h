// The fast encoder of records into the ring of a file: src/files/record-encoder.ts is its definition
// and tells the meaning of the words. Little-endian machines only, as all of this project.
#pragma once

#include <cstdint>
#include <cstring>

#include "contract.h"
#include "copy_packet.h"
#include "list_rows.h"

namespace bricks {

enum ControlWord : uint32_t {
  kHead = 0, kHints = 16, kHintCount = 16, kTail = 64, kControlWords = 80,
};
enum FileState : uint32_t {
  kStatePcapng, kStateUnit, kStateSnapLength, kStateRotateBytes, kStateRotateSeconds, kStateFileBytes, kStateFileSeconds,
  kStateAsks, kStateLastHint, kStateHints, kStateWake, kStateRevision, kStateCramped, kStateNumbers = 13,
};
// By the number of an interface in its section: its number in the file, or one of those from kNoNumber on, about which TypeScript is asked.
constexpr uint32_t kMapRows = 64;
constexpr uint32_t kNoNumber = 0xfffffffe;
// Room that TypeScript may need for a mark before a record.
constexpr uint32_t kMarkBytes = 16;

struct RecordColumns : PacketColumns {
  // Three columns of as many words as the batch has rows (src/model/packet-notes.ts), or nullptr.
  const uint32_t* notes = nullptr;
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
  const uint32_t* map;
};

struct EncodeResult {
  uint32_t done;        // rows of the list that were looked at
  uint32_t packets;     // encoded
  uint64_t bytes;       // captured bytes of these
  uint32_t tooLong;     // longer than the ring
  uint32_t impossible;  // a row that there is not, or bytes outside the memory
  bool asks;            // the next row is TypeScript's: a file begins, or an interface must be described, first
};

// The header and the end of a record, and the packet between them.
inline __attribute__((always_inline)) void WriteRecord(uint8_t* to, bool pcapng, uint32_t need, uint32_t unit, uint32_t index, uint32_t seconds, uint32_t nanoseconds,
                        uint32_t length, uint32_t wireLength, const uint8_t* packet, const uint8_t* options, uint32_t optionsBytes) {
  if (pcapng) {
    const uint64_t stamp = seconds * 1000000000ull + nanoseconds;
    const uint32_t header[7] = {6, need, index, static_cast<uint32_t>(stamp >> 32), static_cast<uint32_t>(stamp), length, wireLength};
    std::memcpy(to, header, sizeof header);
    const uint32_t zero = 0;
    // First the padding, which the packet's last bytes then overwrite.
    if (length & 3) std::memcpy(to + need - 8 - optionsBytes, &zero, sizeof zero);
    CopyPacket(to + 28, packet, length);
    if (__builtin_expect(optionsBytes > 0, 0)) std::memcpy(to + need - 4 - optionsBytes, options, optionsBytes);
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
                              uint32_t seconds, uint32_t nanoseconds, uint32_t length, uint32_t wireLength, const uint8_t* packet,
                              const uint8_t* options, uint32_t optionsBytes) {
  uint8_t frame[40] = {0};
  // The record of an empty packet gives the header; what stands behind the packet follows by itself.
  WriteRecord(frame, pcapng, pcapng ? 32 : 16, unit, index, seconds, nanoseconds, 0, wireLength, packet, nullptr, 0);
  const uint32_t before = pcapng ? 28 : 16;
  std::memcpy(frame + (pcapng ? 20 : 8), &length, sizeof length);
  if (pcapng) std::memcpy(frame + 4, &need, sizeof need);
  PutAround(ring, head, frame, before);
  PutAround(ring, head + before, packet, length);
  if (!pcapng) return;
  const uint32_t padding = (0u - length) & 3u;
  const uint8_t zeros[4] = {0};
  PutAround(ring, head + before + length, zeros, padding);
  if (optionsBytes > 0) PutAround(ring, head + before + length + padding, options, optionsBytes);
  PutAround(ring, head + need - 4, reinterpret_cast<const uint8_t*>(&need), sizeof need);
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

// Encodes rows until the list ends, the ring is full, or TypeScript must be asked: it alone begins files and describes interfaces.
template <bool kPcapng>
EncodeResult EncodeRows(const RecordRing& ring, const RecordColumns& columns, const RecordMemory& memory, const ListRows& rows,
                        uint32_t count) {
  EncodeResult result = {0, 0, 0, 0, 0, false};
  // All in variables: the bytes that are written could be any of them, as far as the compiler knows.
  uint8_t* const bytes = ring.bytes;
  const uint32_t size = ring.size;
  const uint32_t unit = static_cast<uint32_t>(ring.state[kStateUnit]);
  const uint32_t snapLength = static_cast<uint32_t>(ring.state[kStateSnapLength]);
  const double rotateBytes = ring.state[kStateRotateBytes];
  const double rotateSeconds = ring.state[kStateRotateSeconds];
  const double rotateBack = rotateSeconds > 2 ? rotateSeconds : 2;
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
    const uint32_t interface = from.notes == nullptr ? 0 : from.notes[row];
    uint32_t optionsBytes = kPcapng && from.notes != nullptr ? from.notes[2 * packets.rows + row] : 0;
    const uint32_t options = optionsBytes == 0 ? 0 : from.notes[packets.rows + row];
    if (__builtin_expect(optionsBytes > 0, 0)) {
      if ((optionsBytes & 3) != 0 || static_cast<uint64_t>(options) + optionsBytes > packets.size) optionsBytes = 0;
    }
    // In 64 bits: what a brick wrote may be any number.
    const uint64_t wanted = uint64_t{length} + optionsBytes + (kPcapng ? 32 + ((0u - length) & 3u) : 16);
    const uint32_t need = static_cast<uint32_t>(wanted);
    if (wanted + kMarkBytes > size) {
      result.tooLong++;
      continue;
    }
    if (need > space) {
      space = size - (head - __atomic_load_n(&ring.control[kTail], __ATOMIC_ACQUIRE));
      if (need > space) {
        // The ring holds fewer than four of these: a disk that is fast enough may seem slow then.
        if (need > size / 4 && length > ring.state[kStateCramped]) ring.state[kStateCramped] = length;
        break;
      }
    }
    const uint32_t seconds = from.seconds[row];
    const uint32_t number = interface < kMapRows ? ring.map[interface] : kNoNumber;
    // Modulo 2^32, as time stamps wrap; a clock that was set back begins a file too.
    const int32_t passed = static_cast<int32_t>(seconds - static_cast<uint32_t>(static_cast<int64_t>(fileSeconds)));
    const bool isOver = fileBytes + need > rotateBytes || passed >= rotateSeconds || -static_cast<double>(passed) >= rotateBack;
    if (__builtin_expect(number >= kNoNumber || (fileSeconds >= 0 && isOver), 0)) {
      result.asks = true;
      break;
    }
    if (fileSeconds < 0) fileSeconds = seconds;
    const uint32_t at = head & (size - 1);
    __builtin_prefetch(bytes + ((head + kFetchAhead) & (size - 1)), 1);
    __builtin_prefetch(bytes + ((head + kFetchAhead + 64) & (size - 1)), 1);
    const uint8_t* packet = packets.bytes + offset;
    if (__builtin_expect(at + need <= size, 1)) {
      WriteRecord(bytes + at, kPcapng, need, unit, number, seconds, from.nanoseconds[row], length, from.wireLength[row], packet,
                  packets.bytes + options, optionsBytes);
    } else {
      WriteRecordAround(ring, head, kPcapng, need, unit, number, seconds, from.nanoseconds[row], length, from.wireLength[row], packet,
                        packets.bytes + options, optionsBytes);
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
  if (done < count && !result.asks) ring.state[kStateWake] = 1;
  return result;
}

inline EncodeResult EncodeRows(const RecordRing& ring, const RecordColumns& columns, const RecordMemory& memory, const ListRows& rows, uint32_t count) {
  return ring.state[kStatePcapng] == 1 ? EncodeRows<true>(ring, columns, memory, rows, count) : EncodeRows<false>(ring, columns, memory, rows, count);
}

}  // namespace bricks
