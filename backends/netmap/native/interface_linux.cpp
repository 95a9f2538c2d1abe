// Interfaces on Linux: ethtool's calls, packet sockets, sysfs.
#include "interface.h"

#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace bricks::netmap {

namespace {

struct Offload {
  const char* name;
  uint32_t get;
  uint32_t set;
  uint32_t bit;  // of a flags word; 0: the whole word
};

// By the names of `ethtool -K`.
constexpr Offload kOffloads[] = {
    {"gro", ETHTOOL_GGRO, ETHTOOL_SGRO, 0},
    {"lro", ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_LRO},
    {"tso", ETHTOOL_GTSO, ETHTOOL_STSO, 0},
    {"gso", ETHTOOL_GGSO, ETHTOOL_SGSO, 0},
    {"rxvlan", ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_RXVLAN},
    {"rx", ETHTOOL_GRXCSUM, ETHTOOL_SRXCSUM, 0},
    {"tx", ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM, 0},
};

class ControlSocket {
 public:
  ControlSocket() : descriptor_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
  ~ControlSocket() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int Ask(const std::string& name, unsigned long request, ifreq* question) const {
    if (name.empty() || name.size() >= IFNAMSIZ) return ENODEV;
    std::memcpy(question->ifr_name, name.c_str(), name.size() + 1);
    return ioctl(descriptor_, request, question) == 0 ? 0 : errno;
  }
  int Ethtool(const std::string& name, ethtool_value* value) const {
    ifreq question = {};
    question.ifr_data = reinterpret_cast<char*>(value);
    return Ask(name, SIOCETHTOOL, &question);
  }

 private:
  int descriptor_;
};

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::string ParameterPath(const std::string& parameter) { return "/sys/module/netmap/parameters/" + parameter; }

}  // namespace

InterfaceState LookAtInterface(const std::string& name) {
  InterfaceState state;
  const ControlSocket control;
  ifreq question = {};
  if (control.Ask(name, SIOCGIFFLAGS, &question) != 0) return state;
  state.exists = true;
  state.up = (question.ifr_flags & IFF_UP) != 0;
  state.linkUp = (question.ifr_flags & IFF_RUNNING) != 0;
  state.physical = Exists("/sys/class/net/" + name + "/device");
  for (const Offload& offload : kOffloads) {
    ethtool_value value = {offload.get, 0};
    if (control.Ethtool(name, &value) != 0) continue;
    if (offload.bit == 0 ? value.data != 0 : (value.data & offload.bit) != 0) state.offloads.push_back(offload.name);
  }
  return state;
}

int SetOffload(const std::string& name, const std::string& offload, bool on) {
  const ControlSocket control;
  for (const Offload& known : kOffloads) {
    if (offload != known.name) continue;
    ethtool_value value = {known.set, on ? 1u : 0u};
    if (known.bit != 0) {
      ethtool_value now = {known.get, 0};
      const int error = control.Ethtool(name, &now);
      if (error != 0) return error;
      value.data = on ? now.data | known.bit : now.data & ~known.bit;
    }
    return control.Ethtool(name, &value);
  }
  return EINVAL;
}

int BeginPromiscuous(const std::string& name) {
  const unsigned index = if_nametoindex(name.c_str());
  if (index == 0) return -1;
  // Protocol 0: it never receives anything. The kernel counts who wants the mode.
  const int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  packet_mreq membership = {};
  membership.mr_ifindex = static_cast<int>(index);
  membership.mr_type = PACKET_MR_PROMISC;
  if (setsockopt(descriptor, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership) != 0) {
    const int error = errno;
    close(descriptor);
    errno = error;
    return -1;
  }
  return descriptor;
}

void EndPromiscuous(const std::string&, int descriptor) { close(descriptor); }

// Of the process's first thread: this one may be kept on one CPU by its engine.
int UsableProcessors() {
  cpu_set_t set;
  return sched_getaffinity(getpid(), sizeof set, &set) == 0 ? CPU_COUNT(&set) : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
}

int64_t ReadModuleParameter(const std::string& parameter) {
  std::FILE* const file = std::fopen(ParameterPath(parameter).c_str(), "re");
  if (file == nullptr) return -1;
  long long value = -1;
  if (std::fscanf(file, "%lld", &value) != 1) value = -1;
  std::fclose(file);
  return value;
}

int WriteModuleParameter(const std::string& parameter, int64_t value) {
  std::FILE* const file = std::fopen(ParameterPath(parameter).c_str(), "we");
  if (file == nullptr) return errno;
  int error = std::fprintf(file, "%lld\n", static_cast<long long>(value)) < 0 ? EIO : 0;
  if (std::fclose(file) != 0 && error == 0) error = errno;
  return error;
}

}  // namespace bricks::netmap
