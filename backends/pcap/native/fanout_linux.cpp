#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <tuple>

#include "capture.h"
#include "capture_socket.h"
#include "fanout.h"
#include "flow_program.h"
#include "link_type.h"

#ifndef PACKET_FANOUT_FLAG_UNIQUEID
#define PACKET_FANOUT_FLAG_UNIQUEID 0x2000
#endif

namespace bricks {

namespace {

// Network namespace, interface, mode, sockets of each member.
using GroupKey = std::tuple<uint64_t, unsigned, std::string, size_t>;

struct Registry {
  std::recursive_mutex mutex;
  std::map<GroupKey, std::shared_ptr<FanoutGroup>> groups;
  std::multimap<std::pair<uint64_t, unsigned>, std::pair<std::string, const OpenedCapture*>> captures;
  uint64_t sockets = 0;  // made so far, by which their order is known
};

Registry& Known() {
  static Registry registry;
  return registry;
}

uint64_t NetworkNamespace() {
  struct stat status;
  return stat("/proc/thread-self/ns/net", &status) == 0 ? status.st_ino : 0;
}

int KernelMode(const std::string& mode) {
  return mode == "flow" ? PACKET_FANOUT_HASH : mode == "cpu" ? PACKET_FANOUT_CPU : mode == "queue" ? PACKET_FANOUT_QM : PACKET_FANOUT_EBPF;
}

[[noreturn]] void Fail(const std::string& what, int number) { throw CaptureError(PCAP_ERROR, what + ": " + std::strerror(number)); }

// One that takes nothing holds a share's place in the kernel's group.
std::unique_ptr<CaptureSocket> StandIn(unsigned index) {
  auto socket = std::make_unique<CaptureSocket>();
  if (!socket->Open() || !socket->Attach({BPF_STMT(BPF_RET | BPF_K, 0)}) || !socket->Bind(index, true)) throw CaptureError(PCAP_ERROR, "no packet socket");
  return socket;
}

}  // namespace

// In the order of the kernel's group: those who join stand at the end, and where one leaves the last takes its place.
struct FanoutGroup {
  struct Slot {
    int share;
    bool present;
    bool givenToOthers;
    uint64_t made;
    std::vector<std::unique_ptr<CaptureSocket>> standIns;
  };

  FanoutGroup(GroupKey itsKey, int kernelMode) : key(std::move(itsKey)), mode(kernelMode) {}

  Slot* Find(int share) {
    const auto found = std::find_if(slots.begin(), slots.end(), [share](const Slot& slot) { return slot.share == share; });
    return found == slots.end() ? nullptr : &*found;
  }

  int NextShare() {
    for (int share = 0;; share++) {
      const Slot* const slot = Find(share);
      if (slot == nullptr || !slot->present) return share;
    }
  }

  void Join(size_t part, int descriptor) {
    const bool first = ids.size() <= part;
    if (first) {
      Found(descriptor);
    } else {
      const int argument = ids[part] | (mode << 16);
      if (setsockopt(descriptor, SOL_PACKET, PACKET_FANOUT, &argument, sizeof argument) != 0) Fail("the interface can't be shared by that many engines (PACKET_FANOUT)", errno);
    }
    if (!first || !program) return;
    const int handle = program->Descriptor();
    if (setsockopt(descriptor, SOL_PACKET, PACKET_FANOUT_DATA, &handle, sizeof handle) != 0) Fail("the kernel rejects the program that shares the interface", errno);
  }

  // Makes a group of a number that no other process has. Kernels before 5.11 know no larger ones than 256.
  void Found(int descriptor) {
    struct {
      uint16_t id, flags;
      uint32_t most;
    } large = {0, static_cast<uint16_t>(mode | PACKET_FANOUT_FLAG_UNIQUEID), FlowProgram::kSharesMaximum};
    const int small = static_cast<int>(static_cast<unsigned>(mode | PACKET_FANOUT_FLAG_UNIQUEID) << 16);
    if (setsockopt(descriptor, SOL_PACKET, PACKET_FANOUT, &large, sizeof large) != 0 &&
        setsockopt(descriptor, SOL_PACKET, PACKET_FANOUT, &small, sizeof small) != 0) {
      Fail("the kernel can't share an interface this way (PACKET_FANOUT)", errno);
    }
    int made = 0;
    socklen_t size = sizeof made;
    if (getsockopt(descriptor, SOL_PACKET, PACKET_FANOUT, &made, &size) != 0) Fail("PACKET_FANOUT", errno);
    ids.push_back(static_cast<uint16_t>(made));
  }

  void SetPlaces() {
    if (!program) return;
    std::vector<std::pair<int, uint32_t>> byShare;
    std::vector<uint32_t> present;
    for (uint32_t place = 0; place < slots.size(); place++) {
      const Slot& slot = slots[place];
      byShare.emplace_back(slot.share, slot.present || !slot.givenToOthers ? place : FlowProgram::kGivenToOthers);
    }
    std::sort(byShare.begin(), byShare.end());
    for (const auto& [share, place] : byShare) {
      if (Find(share)->present) present.push_back(place);
    }
    std::vector<uint32_t> places;
    for (const auto& each : byShare) places.push_back(each.second);
    program->SetPlaces(places, present);
  }

  const GroupKey key;
  const int mode;
  std::vector<uint16_t> ids;  // of the kernel's groups: one for each socket of a member
  std::vector<Slot> slots;
  std::unique_ptr<FlowProgram> program;
};

FanoutMember::FanoutMember(const FanoutSettings& settings, unsigned index, uint32_t linkType, std::vector<int> descriptors)
    : share_([&] {
        const auto lock = LockFanout();
        Registry& known = Known();
        const bool ours = settings.mode == "balance" && (linkType == kLinkTypeEthernet || linkType == kLinkTypeRaw) && index != 0;
        const GroupKey key(NetworkNamespace(), index, settings.mode, descriptors.size());
        std::shared_ptr<FanoutGroup>& group = known.groups[key];
        if (!group) {
          auto program = std::make_unique<FlowProgram>();
          const bool loaded = ours && program->Open(linkType == kLinkTypeEthernet);
          const int number = errno;
          if (settings.mode == "balance" && !loaded) {
            warning_ = std::string("the interface is shared by the kernel's own flow hash, not ours: ") + (ours ? std::string("eBPF: ") + std::strerror(number) : "its link type has none");
          }
          group = std::make_shared<FanoutGroup>(key, settings.mode == "balance" && !loaded ? PACKET_FANOUT_HASH : KernelMode(settings.mode));
          if (loaded) group->program = std::move(program);
        }
        group_ = group;
        const int share = settings.share >= 0 ? settings.share : group->NextShare();
        FanoutGroup::Slot* const slot = group->Find(share);
        if (slot != nullptr && slot->present) throw CaptureError(PCAP_ERROR, "another engine already has share " + std::to_string(share) + " of this interface");
        if (slot == nullptr && group->slots.size() >= FlowProgram::kSharesMaximum) throw CaptureError(PCAP_ERROR, "more engines than can share an interface");
        try {
          for (size_t part = 0; part < descriptors.size(); part++) group->Join(part, descriptors[part]);
        } catch (...) {
          if (group->slots.empty()) known.groups.erase(key);
          throw;
        }
        const uint64_t made = ++known.sockets;
        // The last place is this one's: it moves to where the stand-in leaves.
        if (slot != nullptr) *slot = {share, true, false, made, {}};
        else group->slots.push_back({share, true, false, made, {}});
        group->SetPlaces();
        return share;
      }()),
      takeOver_(settings.takeOver) {}

FanoutMember::~FanoutMember() = default;

void FanoutMember::Leave(const std::function<void()>& close) {
  const auto lock = LockFanout();
  Registry& known = Known();
  FanoutGroup& group = *group_;
  const bool last = std::count_if(group.slots.begin(), group.slots.end(), [](const FanoutGroup::Slot& slot) { return slot.present; }) == 1;
  FanoutGroup::Slot& slot = *group.Find(share_);
  std::vector<std::unique_ptr<CaptureSocket>> standIns;
  if (!last && (group.program || !takeOver_)) {
    try {
      for (size_t part = 0; part < group.ids.size(); part++) {
        standIns.push_back(StandIn(std::get<1>(group.key)));
        group.Join(part, standIns.back()->Descriptor());
      }
    } catch (const CaptureError&) {
      // Without one the kernel gives the share to the others.
      standIns.clear();
    }
  }
  close();
  if (last) {
    known.groups.erase(group.key);
  } else if (standIns.empty()) {
    slot = std::move(group.slots.back());
    group.slots.pop_back();
  } else {
    slot = {share_, false, takeOver_, ++known.sockets, std::move(standIns)};
  }
  group.SetPlaces();
}

void FanoutMember::Reorder() {
  const auto lock = LockFanout();
  std::stable_sort(group_->slots.begin(), group_->slots.end(), [](const FanoutGroup::Slot& one, const FanoutGroup::Slot& other) { return one.made < other.made; });
  group_->SetPlaces();
}

std::unique_lock<std::recursive_mutex> LockFanout() { return std::unique_lock(Known().mutex); }

OpenedCapture::OpenedCapture(unsigned index, const std::string& mode) {
  const auto lock = LockFanout();
  auto& captures = Known().captures;
  const auto key = std::make_pair(NetworkNamespace(), index);
  const auto [begin, end] = captures.equal_range(key);
  for (auto each = begin; each != end; each++) others_ += mode.empty() || each->second.first != mode;
  captures.emplace(key, std::make_pair(mode, this));
}

OpenedCapture::~OpenedCapture() {
  const auto lock = LockFanout();
  auto& captures = Known().captures;
  for (auto each = captures.begin(); each != captures.end(); each++) {
    if (each->second.second != this) continue;
    captures.erase(each);
    return;
  }
}

}  // namespace bricks
