#include "list_sender.h"

#include <cerrno>
#include <cstring>

namespace bricks {

namespace {

// A full queue refuses one frame after the other: after so many the rest of the list is not tried.
constexpr uint32_t kBusyFrames = 8;
constexpr auto kStall = std::chrono::seconds(1);
constexpr uint32_t kKeep = UINT32_MAX;

}  // namespace

// Frames of the rows that can be sent at all; the others are counted and taken off the list.
uint32_t ListSender::Gather(const SentBatch& batch, const ListRows& rows, uint32_t count) {
  if (frames_.size() < count) frames_.resize(count);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t row = rows[i];
    if (row >= batch.columns.capacity || uint64_t{batch.columns.offset[row]} + batch.columns.length[row] > batch.memoryBytes) {
      Drop(rows.From(i), 1, kDropBackendError);
      continue;
    }
    frames_[kept].iov_base = batch.memory + batch.columns.offset[row];
    frames_[kept].iov_len = batch.columns.length[row];
    rows[kept++] = static_cast<uint16_t>(row);
  }
  return kept;
}

void ListSender::Send(const SentBatch& batch, const ListRows& rows, uint32_t* count, bool wait) {
  if (batch.linkType != sender_->LinkType()) {
    Drop(rows, *count, kDropLinkType);
    *count = 0;
    return;
  }
  const uint32_t total = Gather(batch, rows, *count);
  *count = 0;
  uint32_t done = 0;
  while (done < total) {
    int error = 0;
    const uint32_t taken = sender_->Send(frames_.data() + done, total - done, &error);
    if (taken > 0) {
      uint64_t bytes = 0;
      for (uint32_t i = done; i < done + taken; i++) bytes += frames_[i].iov_len;
      record_[kLinkPackets] += taken;
      record_[kLinkBytes] += bytes;
      done += taken;
      busyInARow_ = 0;
      stalling_ = false;
      state_ = SinkState::kWell;
    }
    if (done == total) break;
    uint32_t skipped = 0;
    const uint32_t reason = Refuse(error, total - done, &skipped, wait);
    if (reason == kKeep) {
      rows.TakeOff(done, total - done);
      *count = total - done;
      return;
    }
    Drop(rows.From(done), skipped, reason);
    done += skipped;
  }
  busyInARow_ = 0;
}

void ListSender::Drop(const ListRows& rows, uint32_t count, uint32_t reason) {
  record_[reason] += count;
  for (uint32_t i = 0; i < count; i++) drops_.Note(output_, rows[i], reason);
}

uint32_t ListSender::Refuse(int error, uint32_t remaining, uint32_t* skipped, bool wait) {
  *skipped = 1;
  switch (error) {
    case EMSGSIZE:
      return kDropTooLong;
    case EINVAL:  // shorter than a link header
      return kDropMalformed;
    case ENOBUFS: case EAGAIN: case ENOMEM:
      if (wait && !Stalled()) return kKeep;
      if (++busyInARow_ >= kBusyFrames) *skipped = remaining;
      return kDropInterfaceBusy;
    case ENETDOWN: case ENXIO: case ENODEV:
      // None of the others would go out either.
      *skipped = remaining;
      state_ = SinkState::kDown;
      error_ = error;
      return kDropInterfaceDown;
    default:
      state_ = SinkState::kFailed;
      error_ = error;
      return kDropBackendError;
  }
}

bool ListSender::Stalled() {
  const Clock::time_point now = Clock::now();
  if (!stalling_) {
    stalling_ = true;
    stalledSince_ = now;
  }
  return now - stalledSince_ > kStall;
}

void ListSender::Revive() {
  if (state_ == SinkState::kDown && error_ != ENETDOWN && sender_->Revive()) state_ = SinkState::kWell;
}

}  // namespace bricks
