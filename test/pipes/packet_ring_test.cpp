// packet_ring.h by itself, under the sanitizers: random traffic, random rubbish, and two threads.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "packet_ring.h"

using namespace bricks;

namespace {

#define CHECK(condition)                                                  \
  do {                                                                    \
    if (!(condition)) {                                                   \
      std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition);        \
      std::exit(1);                                                       \
    }                                                                     \
  } while (0)

// Exactly as large as it must be, so that the sanitizer sees a step too far.
struct Ring {
  uint8_t* memory;
  uint32_t size;
  explicit Ring(uint32_t dataSize) : memory(static_cast<uint8_t*>(std::aligned_alloc(64, kRingHeaderBytes + dataSize))), size(dataSize) {
    InitialiseRing(memory, dataSize);
  }
  ~Ring() { std::free(memory); }
  RingHeader* header() { return reinterpret_cast<RingHeader*>(memory); }
};

// A packet in memory of its very length.
std::vector<uint8_t> PacketOf(uint32_t number, uint32_t length) {
  std::vector<uint8_t> bytes(length == 0 ? 1 : length);
  for (uint32_t k = 0; k < length; k++) bytes[k] = static_cast<uint8_t>(number * 31 + k);
  return bytes;
}

bool Write(RingWriter* writer, uint32_t number, uint32_t length) {
  const std::vector<uint8_t> packet = PacketOf(number, length);
  uint8_t* to = writer->Reserve(length, length + 1, number, number, 1);
  if (to == nullptr) return false;
  CopyPacket(to, packet.data(), length);
  return true;
}

void CheckPacket(const RingReader::Packet& packet, uint32_t number, uint32_t length) {
  CHECK(packet.seconds == number && packet.length == length && packet.wireLength == length + 1);
  CHECK(std::memcmp(packet.bytes, PacketOf(number, length).data(), length) == 0);
}

void RandomTraffic(uint32_t seed) {
  std::mt19937 random(seed);
  Ring ring(4096u << (seed % 4));
  ring.header()->head = ring.header()->tail = (random() | 0xfffff000u) & ~15u;
  RingWriter writer;
  RingReader reader;
  writer.Open(ring.memory, ring.size);
  reader.Open(ring.memory, ring.size);
  std::vector<uint32_t> lengths;
  uint32_t read = 0;
  for (int step = 0; step < 5000; step++) {
    if (random() % 3 != 0) {
      const uint32_t length = random() % (writer.longest() + 1);
      if (Write(&writer, static_cast<uint32_t>(lengths.size()), length)) lengths.push_back(length);
      writer.Commit();
    } else {
      RingReader::Packet packet;
      reader.Begin();
      for (uint32_t count = random() % 8; count > 0 && reader.Next(&packet); count--) {
        CheckPacket(packet, read, lengths[read]);
        read++;
      }
      if (random() % 2 != 0) reader.Release();
    }
  }
  RingReader::Packet packet;
  reader.Begin();
  for (; reader.Next(&packet); read++) CheckPacket(packet, read, lengths[read]);
  CHECK(read == lengths.size() && reader.corruptions == 0);
}

void Rubbish(uint32_t seed) {
  std::mt19937 random(seed);
  Ring ring(4096);
  RingWriter writer;
  writer.Open(ring.memory, ring.size);
  uint32_t* words = reinterpret_cast<uint32_t*>(ring.memory);
  for (int step = 0; step < 200; step++) {
    for (uint32_t k = random() % 30; k > 0; k--) words[16 + random() % (kRingHeaderBytes / 4 - 16)] = random() % 2 ? random() : (random() % 8192) & ~15u;
    for (uint32_t k = random() % 200; k > 0; k--) words[kRingHeaderBytes / 4 + random() % 1024] = random() % 3 ? random() : kSkipToStart;
    for (uint32_t k = random() % 10; k > 0; k--) Write(&writer, k, random() % 1100);
    writer.Commit();
    RingReader reader;
    reader.Open(ring.memory, ring.size);
    uint64_t sum = 0;
    RingReader::Packet packet;
    for (int round = 0; round < 3; round++) {
      reader.Begin();
      while (reader.Next(&packet)) {
        for (uint32_t k = 0; k < packet.length; k++) sum += packet.bytes[k];
      }
      reader.Release();
    }
    CHECK(sum < UINT64_MAX);
  }
}

void TwoThreads() {
  Ring ring(16384);
  RingWriter writer;
  writer.Open(ring.memory, ring.size);
  constexpr uint32_t kPackets = 30000;
  std::thread reading([&ring] {
    RingReader reader;
    reader.Open(ring.memory, ring.size);
    RingReader::Packet packet;
    for (uint32_t next = 0; next < kPackets;) {
      reader.Begin();
      bool any = false;
      for (; reader.Next(&packet); next++, any = true) CheckPacket(packet, next, 16 + next % 300);
      reader.Release();
      if (!any) std::this_thread::yield();
    }
    while (!reader.Ended()) std::this_thread::yield();
  });
  for (uint32_t number = 0; number < kPackets;) {
    if (Write(&writer, number, 16 + number % 300)) number++;
    else std::this_thread::yield();
    writer.Commit();
  }
  writer.MarkClosed();
  reading.join();
}

}  // namespace

int main() {
  for (uint32_t seed = 0; seed < 16; seed++) RandomTraffic(seed);
  for (uint32_t seed = 0; seed < 40; seed++) Rubbish(seed);
  TwoThreads();
  std::puts("ok");
}
