#include "pcap_encoder.h"

#include <unistd.h>

#include <cerrno>

#include "ring_memory.h"

namespace bricks {

Napi::Function PcapEncoder::Define(Napi::Env env) {
  return DefineClass(env, "PcapEncoder",
                     {InstanceMethod<&PcapEncoder::BindMemory>("bindMemory"), InstanceMethod<&PcapEncoder::Encode>("encode"),
                      InstanceMethod<&PcapEncoder::WriteEach>("writeEach")});
}

PcapEncoder::PcapEncoder(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PcapEncoder>(info) {
  columns_.Bind(info[0].ToObject());
}

void PcapEncoder::BindMemory(const Napi::CallbackInfo& info) {
  memory_ = TypedArrayBytes(info[0], &memoryBytes_);
  reference_ = Napi::Persistent(info[0]);
}

bool PcapEncoder::Row(uint32_t row) const { return size_t{columns_.offset[row]} + columns_.length[row] <= memoryBytes_; }

Napi::Value PcapEncoder::Encode(const Napi::CallbackInfo& info) {
  const uint32_t first = WholeNumber(info[0], "the first row");
  const uint32_t end = WholeNumber(info[1], "the last row");
  size_t room = 0;
  uint8_t* const target = TypedArrayBytes(info[2], &room);
  size_t position = WholeNumber(info[3], "a position");
  const uint32_t divisor = WholeNumber(info[4], "a divisor");
  if (end > columns_.capacity || first > end || divisor == 0) throw Napi::RangeError::New(info.Env(), "no such rows");
  for (uint32_t row = first; row < end; row++) {
    const uint32_t length = columns_.length[row];
    if (!Row(row)) throw Napi::RangeError::New(info.Env(), "a packet lies outside of its memory");
    if (position > room || room - position < 16 + size_t{length}) throw Napi::RangeError::New(info.Env(), "the packets do not fit");
    const uint32_t header[4] = {columns_.seconds[row], columns_.nanoseconds[row] / divisor, length, columns_.wireLength[row]};
    std::memcpy(target + position, header, sizeof header);
    CopyPacket(target + position + 16, memory_ + columns_.offset[row], length);
    position += 16 + length;
  }
  return Napi::Number::New(info.Env(), static_cast<double>(position));
}

Napi::Value PcapEncoder::WriteEach(const Napi::CallbackInfo& info) {
  const uint32_t first = WholeNumber(info[0], "the first row");
  const uint32_t end = WholeNumber(info[1], "the last row");
  const int descriptor = DescriptorArgument(info[2]);
  if (end > columns_.capacity || first > end) throw Napi::RangeError::New(info.Env(), "no such rows");
  uint32_t taken = 0;
  for (uint32_t row = first; row < end; row++) {
    if (!Row(row)) throw Napi::RangeError::New(info.Env(), "a packet lies outside of its memory");
    ssize_t written;
    while ((written = write(descriptor, memory_ + columns_.offset[row], columns_.length[row])) < 0 && errno == EINTR) {
    }
    taken += written == static_cast<ssize_t>(columns_.length[row]);
  }
  return Napi::Number::New(info.Env(), taken);
}

}  // namespace bricks
