// Several captures of this process that share one interface (Linux: PACKET_FANOUT): each packet goes to one of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace bricks {

struct FanoutSettings {
  std::string mode;       // "balance", "flow", "cpu" or "queue"; empty: not shared
  int share = -1;         // which of them this is, from 0 on; -1: the next one
  bool takeOver = false;  // when this capture ends the others get its share
};

struct FanoutGroup;

class FanoutMember {
 public:
  // Joins with a capture's sockets, which are bound and have a filter that takes nothing yet. Throws CaptureError.
  FanoutMember(const FanoutSettings& settings, unsigned index, uint32_t linkType, std::vector<int> descriptors);
  ~FanoutMember();
  FanoutMember(const FanoutMember&) = delete;
  FanoutMember& operator=(const FanoutMember&) = delete;

  // Leaves; `close` closes the sockets.
  void Leave(const std::function<void()>& close);
  // The interface was down: the kernel has put the sockets into the order in which they were made.
  void Reorder();
  // What could not be had; may be empty.
  const std::string& Warning() const { return warning_; }

 private:
  std::shared_ptr<FanoutGroup> group_;
  std::string warning_;
  const int share_;
  const bool takeOver_;
};

// To be held from the making of a capture's sockets until they have joined.
std::unique_lock<std::recursive_mutex> LockFanout();

// An open capture, for telling those who capture the same interface and do not share it.
class OpenedCapture {
 public:
  OpenedCapture(unsigned index, const std::string& mode);
  ~OpenedCapture();
  OpenedCapture(const OpenedCapture&) = delete;
  OpenedCapture& operator=(const OpenedCapture&) = delete;
  // How many other captures, or groups of them, got everything too when this one was opened.
  unsigned Others() const { return others_; }

 private:
  unsigned others_ = 0;
};

}  // namespace bricks
