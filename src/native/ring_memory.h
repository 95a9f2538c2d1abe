// Where a port's ring is: an end of a pipe (by its number), or any memory that script gives (tests, benchmarks).
#pragma once

#include <napi.h>

#include <memory>
#include <utility>

#include "arguments.h"
#include "packet_ring.h"
#include "pipe_registry.h"

namespace bricks {

// The bytes of a typed array, over shared memory too (which Napi::TypedArray does not know).
inline uint8_t* TypedArrayBytes(const Napi::Value& value, size_t* bytes) {
  if (!value.IsTypedArray()) throw Napi::TypeError::New(value.Env(), "a Uint8Array is wanted");
  napi_typedarray_type type;
  void* data = nullptr;
  size_t length = 0;
  if (napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr) != napi_ok || type != napi_uint8_array) {
    throw Napi::TypeError::New(value.Env(), "a Uint8Array is wanted");
  }
  *bytes = length;
  return static_cast<uint8_t*>(data);
}

struct RingMemory {
  uint8_t* memory = nullptr;
  uint32_t dataSize = 0;
  size_t bytes = 0;
  Event event;
  std::shared_ptr<PipeHandle> pipe;
  std::shared_ptr<PipeRing> ring;
  Napi::Reference<Napi::Value> reference;

  void Take(const std::shared_ptr<PipeRing>& taken) {
    ring = taken;
    memory = taken->mapping;
    dataSize = taken->dataSize;
    bytes = taken->bytes;
    event = taken->event;
  }

  // A writer's, to the ring where its pipe goes on. The ring before, nothing if there is no other.
  std::shared_ptr<PipeRing> MoveOn() {
    const std::shared_ptr<PipeRing> next = pipe ? pipe->TakeNext() : nullptr;
    if (!next) return nullptr;
    std::shared_ptr<PipeRing> before = std::move(ring);
    Take(next);
    return before;
  }

  void Bind(const Napi::Value& value) {
    if (value.IsNumber()) {
      pipe = FindPipe(value.As<Napi::Number>().Uint32Value());
      const std::shared_ptr<PipeRing> known = pipe ? pipe->Ring() : nullptr;
      if (!known) throw Napi::Error::New(value.Env(), "this pipe is closed");
      Take(known);
      return;
    }
    memory = TypedArrayBytes(value, &bytes);
    dataSize = RingDataSize(memory, bytes);
    if (dataSize == 0) throw Napi::Error::New(value.Env(), "this memory holds no packet ring");
    reference = Napi::Persistent(value);
  }
};

}  // namespace bricks
