// Feeds damaged captures to the native parser and encoder, under the sanitizers: any access outside the
// window, which ends exactly where the memory ends, stops the program. Arguments: rounds, and a seed.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "capture_parser.h"
#include "record_encoder.h"
#include "test_columns.h"

namespace {

constexpr uint32_t kRows = 32;

struct Columns : bricks::TestColumns {
  Columns() : TestColumns(kRows), notes(3 * kRows) {}
  std::vector<uint32_t> notes;
};

void Put(std::vector<uint8_t>* bytes, uint32_t value, bool swap) {
  if (swap) value = __builtin_bswap32(value);
  const uint8_t* from = reinterpret_cast<const uint8_t*>(&value);
  bytes->insert(bytes->end(), from, from + 4);
}

std::vector<uint8_t> Capture(std::mt19937* random, bool nextGeneration, bool swap, uint32_t header) {
  std::vector<uint8_t> bytes;
  const uint32_t packets = (*random)() % 12;
  for (uint32_t packet = 0; packet < packets; packet++) {
    const uint32_t length = (*random)() % 150;
    if (nextGeneration) {
      // Some have options: a comment, or nonsense.
      const uint32_t options = (*random)() % 3 == 0 ? 4 * ((*random)() % 8) : 0;
      const uint32_t total = 32 + ((length + 3) & ~3u) + options;
      for (uint32_t word : {6u, total, static_cast<uint32_t>((*random)() % 4), static_cast<uint32_t>((*random)()), static_cast<uint32_t>((*random)()), length, length}) Put(&bytes, word, swap);
      for (uint32_t at = 0; at < ((length + 3) & ~3u); at++) bytes.push_back(static_cast<uint8_t>((*random)()));
      for (uint32_t word = 0; word < options / 4; word++) Put(&bytes, (*random)() % 2 ? 0x00040001u : (*random)(), false);
      Put(&bytes, total, swap);
    } else {
      for (uint32_t word : {1700000000u, static_cast<uint32_t>((*random)()), length, length + 5}) Put(&bytes, word, swap);
      bytes.resize(bytes.size() + header - 16);
      const size_t start = bytes.size();
      for (uint32_t at = 0; at < length; at++) bytes.push_back(static_cast<uint8_t>((*random)()));
      // Half of them look like IP, so that the flow columns are tried too.
      if (length > 14 && (*random)() % 2) bytes[start + 12] = (*random)() % 2 ? 0x08 : 0x86, bytes[start + 13] = bytes[start + 12] == 8 ? 0 : 0xdd;
    }
  }
  if (!bytes.empty()) {
    for (uint32_t change = (*random)() % 4; change > 0; change--) bytes[(*random)() % bytes.size()] = static_cast<uint8_t>((*random)());
    if ((*random)() % 2) bytes.resize((*random)() % (bytes.size() + 1));
  }
  return bytes;
}

bool Check(bool good, const char* what, unsigned round) {
  if (!good) std::fprintf(stderr, "round %u: %s\n", round, what);
  return good;
}

bool Encode(const Columns& columns, uint32_t rows, const bricks::RecordMemory& memory, std::mt19937* random, unsigned round) {
  const uint32_t size = 1024;
  std::unique_ptr<uint8_t[]> ringBytes(new uint8_t[size]);
  uint32_t control[bricks::kControlWords] = {0};
  double state[bricks::kStateNumbers] = {0};
  state[bricks::kStatePcapng] = (*random)() % 2;
  state[bricks::kStateUnit] = (*random)() % 2 ? 1 : 1000;
  state[bricks::kStateSnapLength] = 1 + (*random)() % 2000;
  state[bricks::kStateRotateBytes] = 500 + (*random)() % 5000;
  state[bricks::kStateRotateSeconds] = 10;
  state[bricks::kStateFileSeconds] = -1;
  control[bricks::kHead] = control[bricks::kTail] = (*random)();
  uint32_t map[bricks::kMapRows];
  for (uint32_t& number : map) number = (*random)() % 8 ? (*random)() % 100 : bricks::kNoNumber;
  const bricks::RecordRing ring = {ringBytes.get(), size, control, state, map};
  const bricks::RecordColumns read = {columns, (*random)() % 2 ? columns.notes.data() : nullptr};
  // Rows side by side, or interleaved with those of other lists.
  const uint32_t step = (*random)() % 3;
  std::vector<uint16_t> places(size_t{kRows} << step);
  const bricks::ListRows list = {places.data(), step};
  // Now and then a row that there is not, as of a brick that is wrong.
  for (uint32_t row = 0; row < rows; row++) list[row] = static_cast<uint16_t>((*random)() % 16 ? row : (*random)());
  uint32_t done = 0;
  while (done < rows) {
    const bricks::EncodeResult result = bricks::EncodeRows(ring, read, memory, list.From(done), rows - done);
    if (!Check(control[bricks::kHead] - control[bricks::kTail] <= size, "the ring overflows", round)) return false;
    // What native code asks about, TypeScript does.
    done += result.done + (result.asks ? 1 : 0);
    control[bricks::kTail] = control[bricks::kHead];
  }
  return true;
}

bool Round(std::mt19937* random, unsigned round) {
  const bool nextGeneration = (*random)() % 2;
  const bool swap = (*random)() % 2;
  const uint32_t header = (*random)() % 4 ? 16 : 24;
  const std::vector<uint8_t> capture = Capture(random, nextGeneration, swap, header);
  // Exactly as long as what was read, so that the sanitizer sees one byte more.
  uint8_t* window = static_cast<uint8_t*>(std::malloc(capture.size()));
  if (!capture.empty()) std::memcpy(window, capture.data(), capture.size());
  std::vector<uint32_t> state(bricks::kReaderWords);
  state[bricks::kEnd] = static_cast<uint32_t>(capture.size());
  state[bricks::kFormat] = nextGeneration;
  state[bricks::kSwapped] = swap;
  // All is due, or what a paced reader asks for.
  const bool paced = (*random)() % 4 == 0;
  state[bricks::kSpanSeconds] = state[bricks::kSpanNanoseconds] = paced ? (*random)() : 0xffffffff;
  state[bricks::kFloorSeconds] = paced ? (*random)() : 0;
  state[bricks::kUnits] = (*random)() % 2 ? 1000000 : 1000000000;
  state[bricks::kRecordHeader] = header;
  state[bricks::kOldLengths] = (*random)() % 2;
  state[bricks::kFlow] = 1;
  state[bricks::kLinkType] = 1;
  state[bricks::kInterfaces] = 3;
  state[bricks::kNotes] = (*random)() % 2;
  for (uint32_t index = 0; index < 3; index++) {
    state[bricks::kTable + index * bricks::kTableRow] = 1;
    state[bricks::kTable + index * bricks::kTableRow + 1] = index == 2 ? 0 : 1 + (*random)() % 2000000000;
  }
  std::unique_ptr<Columns> columns(new Columns());
  const bricks::ReaderColumns bound = {*columns, columns->notes.data()};
  bricks::ParseRecords(state.data(), window, bound);
  bool good = Check(state[bricks::kRows] <= kRows && state[bricks::kPosition] <= state[bricks::kEnd], "too far", round);
  for (uint32_t row = 0; good && row < state[bricks::kRows]; row++) {
    good = Check(columns->offset[row] % 4 == 0 && columns->offset[row] + columns->length[row] <= capture.size() && columns->nanoseconds[row] < 1000000000 &&
                     columns->wireLength[row] >= columns->length[row], "a row is wrong", round);
  }
  for (uint32_t row = 0; good && nextGeneration && state[bricks::kNotes] != 0 && row < state[bricks::kRows]; row++) {
    const uint32_t options = columns->notes[kRows + row];
    const uint32_t optionsBytes = columns->notes[2 * kRows + row];
    good = Check(columns->notes[row] < 3 && optionsBytes % 4 == 0 && options + optionsBytes <= capture.size(), "a note is wrong", round);
  }
  // And columns that point outside the memory.
  if (good && (*random)() % 4 == 0) columns->offset[(*random)() % kRows] = (*random)();
  if (good && (*random)() % 4 == 0) columns->length[(*random)() % kRows] = (*random)();
  if (good && (*random)() % 4 == 0) columns->notes[(*random)() % (3 * kRows)] = (*random)();
  good = good && Encode(*columns, state[bricks::kRows], {window, capture.size(), kRows}, random, round);
  std::free(window);
  return good;
}

}  // namespace

int main(int argumentCount, char** arguments) {
  const unsigned rounds = argumentCount > 1 ? static_cast<unsigned>(std::strtoul(arguments[1], nullptr, 10)) : 10000;
  std::mt19937 random(argumentCount > 2 ? static_cast<unsigned>(std::strtoul(arguments[2], nullptr, 10)) : 1);
  for (unsigned round = 0; round < rounds; round++) {
    if (!Round(&random, round)) return 1;
  }
  std::printf("%u rounds\n", rounds);
  return 0;
}
