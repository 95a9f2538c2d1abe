// Interfaces on FreeBSD: capabilities (SIOCSIFCAP), flags, sysctl. Written from ifnet(9), netintro(4) and
// netmap(4); it was not run.
#include "interface.h"

#include <sys/types.h>

#include <net/if.h>
#include <net/if_media.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sockio.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace bricks::netmap {

namespace {

struct Offload {
  const char* name;
  int capability;
};

// By the names of ifconfig(8).
constexpr Offload kOffloads[] = {
    {"lro", IFCAP_LRO}, {"tso4", IFCAP_TSO4}, {"tso6", IFCAP_TSO6}, {"vlanhwtag", IFCAP_VLAN_HWTAGGING}, {"rxcsum", IFCAP_RXCSUM}, {"txcsum", IFCAP_TXCSUM}, {"rxcsum6", IFCAP_RXCSUM_IPV6}, {"txcsum6", IFCAP_TXCSUM_IPV6},
};

int Ask(const std::string& name, unsigned long request, ifreq* question) {
  if (name.empty() || name.size() >= IFNAMSIZ) return ENXIO;
  const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return errno;
  std::memcpy(question->ifr_name, name.c_str(), name.size() + 1);
  const int error = ioctl(descriptor, request, question) == 0 ? 0 : errno;
  close(descriptor);
  return error;
}

// IFF_PPROMISC is the administrator's own promiscuous flag, in the upper half.
int SetPromiscuous(const std::string& name, bool on) {
  ifreq question = {};
  int error = Ask(name, SIOCGIFFLAGS, &question);
  if (error != 0) return error;
  int flags = (question.ifr_flags & 0xffff) | (question.ifr_flagshigh << 16);
  flags = on ? flags | IFF_PPROMISC : flags & ~IFF_PPROMISC;
  question.ifr_flags = static_cast<short>(flags & 0xffff);
  question.ifr_flagshigh = static_cast<short>(flags >> 16);
  return Ask(name, SIOCSIFFLAGS, &question);
}

std::string ParameterName(const std::string& parameter) { return "dev.netmap." + parameter; }

}  // namespace

InterfaceState LookAtInterface(const std::string& name) {
  InterfaceState state;
  ifreq question = {};
  if (Ask(name, SIOCGIFFLAGS, &question) != 0) return state;
  state.exists = true;
  state.up = (question.ifr_flags & IFF_UP) != 0;
  state.linkUp = true;
  ifmediareq media = {};
  std::memcpy(media.ifm_name, name.c_str(), name.size() + 1);
  const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor >= 0) {
    // Only what has media has a PHY.
    if (ioctl(descriptor, SIOCGIFMEDIA, &media) == 0 && (media.ifm_status & IFM_AVALID) != 0) {
      state.physical = name.compare(0, 5, "epair") != 0;
      state.linkUp = (media.ifm_status & IFM_ACTIVE) != 0;
    }
    close(descriptor);
  }
  question = {};
  if (Ask(name, SIOCGIFCAP, &question) != 0) return state;
  for (const Offload& offload : kOffloads) {
    if (question.ifr_curcap & offload.capability) state.offloads.push_back(offload.name);
  }
  return state;
}

int SetOffload(const std::string& name, const std::string& offload, bool on) {
  for (const Offload& known : kOffloads) {
    if (offload != known.name) continue;
    ifreq question = {};
    const int error = Ask(name, SIOCGIFCAP, &question);
    if (error != 0) return error;
    const int current = question.ifr_curcap;
    question = {};
    question.ifr_reqcap = on ? current | known.capability : current & ~known.capability;
    return Ask(name, SIOCSIFCAP, &question);
  }
  return EINVAL;
}

int BeginPromiscuous(const std::string& name) {
  const int error = SetPromiscuous(name, true);
  errno = error;
  return error == 0 ? 0 : -1;
}

void EndPromiscuous(const std::string& name, int) { SetPromiscuous(name, false); }

int UsableProcessors() { return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)); }

int64_t ReadModuleParameter(const std::string& parameter) {
  int value = -1;
  size_t size = sizeof value;
  return sysctlbyname(ParameterName(parameter).c_str(), &value, &size, nullptr, 0) == 0 ? value : -1;
}

int WriteModuleParameter(const std::string& parameter, int64_t value) {
  const int wanted = static_cast<int>(value);
  return sysctlbyname(ParameterName(parameter).c_str(), nullptr, nullptr, &wanted, sizeof wanted) == 0 ? 0 : errno;
}

}  // namespace bricks::netmap
