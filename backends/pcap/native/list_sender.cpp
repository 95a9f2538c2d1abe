#include "list_sender.h"

#include <cerrno>
#include <cstring>

namespace bricks {

namespace {

// A full queue refuses one frame after the other: after so many the rest of the list is not tried.
constexpr uint32_t kBusyFrames = 8;
constexpr auto kStall = std::chrono::seconds(1);

}  // namespace

// Frames of the rows that can be sent at all; the others are counted and taken off the list.
uint32_t ListSender::Gather(const SentBatch& batch, const ListRows& rows, uint32_t count) {
  if (frames_.size() < count) frames_.resize(count);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t row = rows[i];
    if (row >= batch.columns.capacity || uint64_t{batch.columns.offset[row]} + batch.columns.length[row] > batch.memoryBytes) {
      record_[kDropBackendError]++;
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
    record_[kDropLinkType] += *count;
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
    if (!Refuse(error, total - done, &skipped, wait)) {
      rows.TakeOff(done, total - done);
      *count = total - done;
      return;
    }
    done += skipped;
  }
  busyInARow_ = 0;
}

bool ListSender::Refuse(int error, uint32_t remaining, uint32_t* skipped, bool wait) {
  *skipped = 1;
  switch (error) {
    case EMSGSIZE:
      record_[kDropTooLong]++;
      return true;
    case EINVAL:  // shorter than a link header
      record_[kDropMalformed]++;
      return true;
    case ENOBUFS: case EAGAIN: case ENOMEM:
      if (wait && !Stalled()) return false;
      if (++busyInARow_ >= kBusyFrames) *skipped = remaining;
      record_[kDropInterfaceBusy] += *skipped;
      return true;
    case ENETDOWN: case ENXIO: case ENODEV:
      // None of the others would go out either.
      *skipped = remaining;
      record_[kDropInterfaceDown] += remaining;
      state_ = SinkState::kDown;
      error_ = error;
      return true;
    default:
      record_[kDropBackendError]++;
      state_ = SinkState::kFailed;
      error_ = error;
      return true;
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
