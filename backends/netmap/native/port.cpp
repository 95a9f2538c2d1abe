#include "port.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "device.h"

namespace bricks::netmap {

namespace {

#ifdef __FreeBSD__
// _IO there has a bit for "no argument".
constexpr unsigned long kSyncTransmit = 0x20006994UL;
constexpr unsigned long kSyncReceive = 0x20006995UL;
#else
constexpr unsigned long kSyncTransmit = NIOCTXSYNC;
constexpr unsigned long kSyncReceive = NIOCRXSYNC;
#endif

int Control(int descriptor, uint32_t version, uint16_t type, const std::string& name, void* body) {
  nmreq_header header = {};
  header.nr_version = static_cast<uint16_t>(version);
  header.nr_reqtype = type;
  header.nr_body = reinterpret_cast<uintptr_t>(body);
  std::memcpy(header.nr_name, name.data(), name.size());
  return ioctl(descriptor, NIOCCTRL, &header) == 0 ? 0 : errno;
}

int Sync(int descriptor, unsigned long request) {
  if (descriptor < 0) return 0;
  while (ioctl(descriptor, request, nullptr) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace

std::shared_ptr<Port> Port::Open(const PortRequest& request) {
  if (request.name.empty() || request.name.size() >= NETMAP_NAME_SIZE) throw PortError{ENAMETOOLONG, "register"};
  const int descriptor = OpenDevice();
  if (descriptor < 0) throw PortError{errno, "open"};
  nmreq_register body = {};
  body.nr_mode = request.mode;
  body.nr_ringid = static_cast<uint16_t>(request.ring);
  body.nr_flags = request.flags;
  body.nr_mem_id = static_cast<uint16_t>(request.memoryId);
  body.nr_extra_bufs = request.extraBuffers;
  body.nr_tx_slots = body.nr_rx_slots = request.slots;
  body.nr_tx_rings = body.nr_rx_rings = static_cast<uint16_t>(request.rings);
  const int refused = Control(descriptor, request.version, NETMAP_REQ_REGISTER, request.name, &body);
  if (refused != 0) {
    close(descriptor);
    throw PortError{refused, "register"};
  }
  std::shared_ptr<Region> region = Region::Attach(body.nr_mem_id, body.nr_memsize, descriptor);
  if (!region) {
    const int error = errno;
    close(descriptor);
    throw PortError{error, "map"};
  }
  if (body.nr_offset > body.nr_memsize - sizeof(netmap_if)) {
    region->Detach(descriptor);
    close(descriptor);
    throw PortError{EPROTO, "rings"};
  }
  auto port = std::make_shared<Port>(region, reinterpret_cast<netmap_if*>(region->base() + body.nr_offset), PortRequest{});
  port->descriptor_ = descriptor;
  port->registered_ = body;
  port->FindRings(request);
  port->MapBuffers();
  return port;
}

Port::Port(std::shared_ptr<Region> region, netmap_if* interface, const PortRequest& request) : region_(std::move(region)), interface_(interface) {
  // Open finds them itself, once it has a descriptor that must be closed if they are bad.
  if (!request.name.empty()) FindRings(request);
}

bool Port::RingGood(const netmap_ring* ring) const {
  const auto* const start = reinterpret_cast<const uint8_t*>(ring);
  if (start < region_->base() || start + sizeof(netmap_ring) > region_->base() + region_->bytes()) return false;
  const uint64_t left = static_cast<uint64_t>(region_->base() + region_->bytes() - start) - sizeof(netmap_ring);
  return ring->num_slots >= 2 && ring->num_slots <= left / sizeof(netmap_slot) && ring->nr_buf_size >= 64 &&
         ring->head < ring->num_slots && ring->tail < ring->num_slots;
}

// The table behind the netmap_if: transmit, host transmit, receive, host receive rings. Only those bound are valid.
void Port::FindRings(const PortRequest& request) {
  const uint32_t counts[2] = {interface_->ni_tx_rings, interface_->ni_rx_rings};
  const uint32_t hosts[2] = {interface_->ni_host_tx_rings, interface_->ni_host_rx_rings};
  const uint32_t starts[2] = {0, counts[0] + hosts[0]};
  const uint64_t skipped[2] = {NR_RX_RINGS_ONLY, NR_TX_RINGS_ONLY};
  for (int direction = 0; direction < 2; direction++) {
    if (request.flags & skipped[direction]) continue;
    const uint32_t rings = counts[direction];
    uint32_t first = 0;
    uint32_t end = rings;
    switch (request.mode) {
      case NR_REG_SW: first = rings; end = rings + hosts[direction]; break;
      case NR_REG_NIC_SW: end = rings + hosts[direction]; break;
      case NR_REG_ONE_NIC: first = request.ring < rings ? request.ring : 0; end = first + (rings != 0); break;
      case NR_REG_ONE_SW: first = rings + (request.ring < hosts[direction] ? request.ring : 0); end = first + 1; break;
      default: break;
    }
    for (uint32_t ring = first; ring < end; ring++) {
      netmap_ring* const found = netmap_if_ring(interface_, starts[direction] + ring);
      if (!RingGood(found)) throw PortError{EPROTO, "rings"};
      (direction == 0 ? transmitRings_ : receiveRings_).push_back(found);
    }
  }
}

// The first look at a page of shared memory costs a fault, of 20 to 50 µs in a virtual machine: now, and not when the first packets come.
void Port::MapBuffers() const {
  constexpr uint32_t kPage = 4096;
  for (const auto& rings : {transmitRings_, receiveRings_}) {
    for (const netmap_ring* ring : rings) {
      const uint8_t* const buffers = Buffers(ring);
      const uint32_t last = LastBuffer(ring);
      for (uint32_t slot = 0; slot < ring->num_slots; slot++) {
        const uint32_t index = netmap_ring_slots(ring)[slot].buf_idx;
        if (index < NETMAP_BUFFERS_RESERVED || index > last) continue;
        for (uint32_t at = 0; at < ring->nr_buf_size; at += kPage) {
          static_cast<void>(*static_cast<const volatile uint8_t*>(buffers + uint64_t{index} * ring->nr_buf_size + at));
        }
      }
    }
  }
}

void Port::Close() {
  if (descriptor_ >= 0) {
    region_->Detach(descriptor_);
    close(descriptor_);
    descriptor_ = -1;
  }
  transmitRings_.clear();
  receiveRings_.clear();
  region_.reset();
}

int Port::SyncTransmit() {
  if (pretended_) pretended_();
  return Sync(descriptor_, kSyncTransmit);
}
int Port::SyncReceive() { return Sync(descriptor_, kSyncReceive); }

uint32_t Port::LastBuffer(const netmap_ring* ring) const {
  const uint8_t* const buffers = Buffers(ring);
  if (buffers < region_->base() || buffers >= region_->base() + region_->bytes()) return 0;
  const uint64_t room = static_cast<uint64_t>(region_->base() + region_->bytes() - buffers) / ring->nr_buf_size;
  return room == 0 ? 0 : static_cast<uint32_t>(room - 1);
}

PortError Port::Probe(uint32_t version) {
  const int descriptor = OpenDevice();
  if (descriptor < 0) return PortError{errno, "open"};
  // Without a name this asks about the memory of interfaces, and changes nothing.
  nmreq_port_info_get body = {};
  const int refused = Control(descriptor, version, NETMAP_REQ_PORT_INFO_GET, "", &body);
  close(descriptor);
  return PortError{refused, "version"};
}

}  // namespace bricks::netmap
