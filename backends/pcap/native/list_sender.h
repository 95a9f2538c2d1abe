// Sends the rows of one packet list out of one interface, and counts each exactly once.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "contract.h"
#include "drop_notes.h"
#include "interface_sender.h"
#include "list_rows.h"

namespace bricks {

// The packets that row numbers stand for.
struct SentBatch {
  PacketColumns columns;
  uint8_t* memory = nullptr;
  uint64_t memoryBytes = 0;
  uint32_t linkType = 0;
};

enum class SinkState : uint32_t { kWell = 0, kDown = 1, kFailed = 2 };

class ListSender {
 public:
  // `drops`: where it notes what it drops, as of `output`.
  ListSender(std::unique_ptr<InterfaceSender> sender, uint64_t* record, const DropNotes& drops = {}, uint32_t output = 0)
      : sender_(std::move(sender)), record_(record), drops_(drops), output_(output) {}

  // Sends rows[0 .. *count), and empties the list; with `wait` it leaves what the interface can't take
  // now at the list's beginning, unless the interface has taken nothing for a second.
  void Send(const SentBatch& batch, const ListRows& rows, uint32_t* count, bool wait);

  SinkState State() const { return state_; }
  int Error() const { return error_; }
  void Revive();

 private:
  using Clock = std::chrono::steady_clock;

  uint32_t Gather(const SentBatch& batch, const ListRows& rows, uint32_t count);
  // Deals with the frame that was refused with `error`: the counter of why it is dropped, and those behind it as far as `skipped` says; or kKeep.
  uint32_t Refuse(int error, uint32_t remaining, uint32_t* skipped, bool wait);
  void Drop(const ListRows& rows, uint32_t count, uint32_t reason);
  bool Stalled();

  std::unique_ptr<InterfaceSender> sender_;
  uint64_t* record_;
  DropNotes drops_;
  uint32_t output_;
  std::vector<struct iovec> frames_;
  SinkState state_ = SinkState::kWell;
  int error_ = 0;
  uint32_t busyInARow_ = 0;
  bool stalling_ = false;
  Clock::time_point stalledSince_;
};

}  // namespace bricks
