// Writes the lists of all pipes of an engine to their rings, in one call a batch.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "batch_columns.h"
#include "ring_memory.h"
#include "send_together.h"

namespace bricks {

class RingTransmitter : public Napi::ObjectWrap<RingTransmitter> {
 public:
  static Napi::Function Define(Napi::Env env);
  // ({batches, sinks: [{ring, lists, output, counters, record, before?: the transmitter that had the ring until now, index?: its number
  // there}], copies: whether a packet may go to several sinks})
  explicit RingTransmitter(const Napi::CallbackInfo& info);

 private:
  struct alignas(64) Sink {
    uint32_t* count;
    ListRows rows;
    uint32_t room;
    uint32_t stalledAt = 0;
    uint64_t* counters;
    int64_t stalledSince = -1;
    bool dirty = false;
    // Whether somebody read it when this batch began.
    bool read = false;
    int wake = -1;
    uint32_t output = 0;
    DropNotes drops;
  };
  struct Batch {
    BatchColumns columns;
    const uint8_t* memory = nullptr;
    size_t memoryBytes = 0;
    Napi::Reference<Napi::Value> reference;
  };

  // (batch, Uint8Array)
  void BindMemory(const Napi::CallbackInfo& info);
  // (batch, linkType, wait): packets that remain on the lists
  int32_t Transmit(Napi::Env env, const int32_t* arguments);
  int32_t Flush(Napi::Env env, const int32_t* arguments);
  // (sink): whether somebody reads it
  int32_t HasReader(Napi::Env env, const int32_t* arguments);
  // (): goes on in the rings of readers that have made their pipes anew, also where nothing is to be sent.
  int32_t Follow(Napi::Env env, const int32_t* arguments);
  // (Uint8Array: 1 for each sink that another transmitter has now)
  void Close(const Napi::CallbackInfo& info);

  static const RingWriter& WriterOf(const Napi::Object& request, const RingMemory& ring);
  void Fetch(uint32_t index) const;
  uint32_t Send(uint32_t index, const Batch& batch, uint32_t linkType, bool wait, uint32_t first, uint32_t end);
  uint32_t SendTogether(const Batch& batch, uint32_t linkType, bool wait, uint32_t found);
  uint32_t Listed(uint32_t index) const;
  uint32_t TakeOff(uint32_t index, uint32_t done);
  static void Drop(Sink& sink, uint32_t row, uint32_t reason);
  uint32_t ReasonToDrop(Sink& sink, const RingWriter& writer, uint32_t length, uint32_t linkType, bool wait);
  void TakeBackSkipped(Sink& sink, RingWriter& writer);
  void TakeBack(Sink& sink, uint32_t packets, uint32_t bytes);
  void MoveOn(uint32_t index);
  bool Stalled(Sink& sink, const RingWriter& writer);
  void Wake(uint32_t index);

  // Apart, and each on one cache line: what the hot loop touches of each sink.
  std::unique_ptr<RingWriter[]> writers_;
  std::vector<uint32_t*> counts_;
  std::vector<Sink> sinks_;
  std::vector<RingMemory> rings_;
  std::vector<std::unique_ptr<Batch>> batches_;
  std::vector<std::unique_ptr<PacketLists>> lists_;
  std::vector<uint32_t> active_;
  // How far each active sink has come with its list, where packets go to several.
  std::vector<SinkProgress> progress_;
  bool copies_ = false;
  std::vector<uint32_t> dirty_;
  // How often rings had been made anew when it looked last.
  uint32_t moves_ = 0;
  // What it was made of: the memory of the counters must not go before it.
  Napi::ObjectReference settings_;
  uint32_t noReader_, ringFull_, tooLong_, linkType_, backendError_;
};

}  // namespace bricks
