// tun_packet DEVICE HEX: what the program behind a tun interface does, once: the packet comes in by the interface.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

int main(int count, char** words) {
  if (count != 3) return 2;
  std::vector<unsigned char> packet;
  const std::string text = words[2];
  for (size_t at = 0; at + 1 < text.size(); at += 2) packet.push_back(static_cast<unsigned char>(std::strtoul(text.substr(at, 2).c_str(), nullptr, 16)));
  const int tun = open("/dev/net/tun", O_RDWR);
  ifreq request = {};
  std::strncpy(request.ifr_name, words[1], IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (tun < 0 || ioctl(tun, TUNSETIFF, &request) != 0) return 1;
  return write(tun, packet.data(), packet.size()) == static_cast<ssize_t>(packet.size()) ? 0 : 1;
}
