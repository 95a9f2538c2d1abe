#include "libpcap_capture.h"

#include <net/if.h>

#include <algorithm>
#include <cstring>

#include "flow_columns.h"
#include "link_type.h"

namespace bricks {

namespace {

// Packets begin at multiples of this, so that 32-bit views fit and small ones do not share a cache line needlessly.
constexpr uint32_t kAlignment = 16;

std::string StatusText(pcap_t* handle, int status) {
  const char* detail = pcap_geterr(handle);
  std::string text = pcap_statustostr(status);
  if (detail != nullptr && detail[0] != '\0' && text != detail) text = text.empty() ? detail : text + ": " + detail;
  return text;
}

}  // namespace

LibpcapCapture::LibpcapCapture(const CaptureSettings& settings) {
  char message[PCAP_ERRBUF_SIZE] = "";
  handle_ = pcap_create(settings.device.c_str(), message);
  if (handle_ == nullptr) throw CaptureError(PCAP_ERROR, message);
  try {
    Activate(settings);
    if (pcap_setnonblock(handle_, 1, message) != 0) throw CaptureError(PCAP_ERROR, message);
    if (!settings.filter.empty()) SetFilter(settings.filter);
    SetDirection(settings.direction);
  } catch (...) {
    pcap_close(handle_);
    throw;
  }
  descriptor_ = pcap_get_selectable_fd(handle_);
  linkType_ = LinkTypeOf(pcap_datalink(handle_));
  snapLength_ = pcap_snapshot(handle_);
  nanoseconds_ = pcap_get_tstamp_precision(handle_) == PCAP_TSTAMP_PRECISION_NANO;
  index_ = if_nametoindex(settings.device.c_str());
  if (settings.fanout.mode.empty()) return;
  try {
    fanout_ = std::make_unique<FanoutMember>(settings.fanout, index_, linkType_, std::vector<int>{pcap_fileno(handle_)});
    if (!fanout_->Warning().empty()) warning_ = fanout_->Warning();
  } catch (...) {
    pcap_close(handle_);
    throw;
  }
}

LibpcapCapture::~LibpcapCapture() {
  if (fanout_) fanout_->Leave([this] { pcap_close(handle_); });
  else pcap_close(handle_);
}

void LibpcapCapture::Activate(const CaptureSettings& settings) {
  pcap_set_snaplen(handle_, settings.snapLength);
  pcap_set_promisc(handle_, settings.promiscuous ? 1 : 0);
  pcap_set_timeout(handle_, std::max(1, settings.latencyMilliseconds));
  // Immediate mode costs Linux its packed blocks, so that it is used only where it is asked for.
  pcap_set_immediate_mode(handle_, settings.latencyMilliseconds == 0 ? 1 : 0);
  if (settings.bufferBytes > 0) pcap_set_buffer_size(handle_, settings.bufferBytes);
  if (settings.nanoseconds) pcap_set_tstamp_precision(handle_, PCAP_TSTAMP_PRECISION_NANO);
  if (!settings.timestampSource.empty()) {
    const int type = pcap_tstamp_type_name_to_val(settings.timestampSource.c_str());
    if (type < 0) throw CaptureError(PCAP_ERROR, "libpcap does not know the timestamp source \"" + settings.timestampSource + "\"");
    if (pcap_set_tstamp_type(handle_, type) != 0) {
      warning_ = "the timestamp source \"" + settings.timestampSource + "\" is not available here; the system's own is used";
    }
  }
  const int status = pcap_activate(handle_);
  if (status < 0) throw CaptureError(status, StatusText(handle_, status));
  if (status > 0) warning_ = StatusText(handle_, status);
}

void LibpcapCapture::SetFilter(const std::string& expression) {
  struct bpf_program program;
  if (pcap_compile(handle_, &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    throw CaptureError(0, pcap_geterr(handle_));
  }
  const int status = pcap_setfilter(handle_, &program);
  pcap_freecode(&program);
  if (status != 0) throw CaptureError(PCAP_ERROR, pcap_geterr(handle_));
}

void LibpcapCapture::SetDirection(const std::string& direction) {
  if (direction == "both") return;
  if (pcap_setdirection(handle_, direction == "in" ? PCAP_D_IN : PCAP_D_OUT) != 0) {
    throw CaptureError(PCAP_ERROR, pcap_geterr(handle_));
  }
}

void LibpcapCapture::Receive(u_char* self, const struct pcap_pkthdr* header, const u_char* packet) {
  reinterpret_cast<LibpcapCapture*>(self)->Store(*header, packet);
}

inline void LibpcapCapture::Store(const struct pcap_pkthdr& header, const u_char* packet) {
  const CaptureRows& rows = *rows_;
  const uint32_t row = count_++;
  const uint32_t length = std::min<uint32_t>(header.caplen, rows.memoryBytes - used_);
  uint8_t* target = rows.memory + used_;
  std::memcpy(target, packet, length);
  rows.offset[row] = used_;
  rows.length[row] = length;
  rows.wireLength[row] = std::max<uint32_t>(header.len, length);
  rows.seconds[row] = static_cast<uint32_t>(header.ts.tv_sec);
  rows.nanoseconds[row] = static_cast<uint32_t>(header.ts.tv_usec) * (nanoseconds_ ? 1u : 1000u);
  // What the columns are of another link type, src/flow finds out.
  rows.flowWord[row] = rows.flowColumns && linkType_ == kLinkTypeEthernet
                           ? FlowColumns(target, length, &rows.flowAddresses[row], &rows.flowPorts[row])
                           : kFlowNotComputed;
  filledBytes_ += length;
  used_ = std::min(rows.memoryBytes, (used_ + length + kAlignment - 1) & ~(kAlignment - 1));
  // The next packet may have snapLength_ bytes: stop while it can still be left to the kernel.
  if (rows.memoryBytes - used_ < static_cast<uint32_t>(snapLength_) && count_ < rows.capacity) pcap_breakloop(handle_);
}

int LibpcapCapture::Fill(const CaptureRows& rows) {
  rows_ = &rows;
  count_ = 0;
  used_ = 0;
  filledBytes_ = 0;
  const int status = pcap_dispatch(handle_, static_cast<int>(rows.capacity), &LibpcapCapture::Receive, reinterpret_cast<u_char*>(this));
  // What was stored before an error is handed out first; the error comes again if it lasts.
  if (count_ > 0 || status >= 0 || status == PCAP_ERROR_BREAK) return static_cast<int>(count_);
  if (fanout_) fanout_->Reorder();
  return -1;
}

uint32_t LibpcapCapture::TakeDrops() {
  struct pcap_stat statistics;
  std::memset(&statistics, 0, sizeof statistics);
  if (pcap_stats(handle_, &statistics) != 0) return 0;
  // libpcap's number has 32 bits and wraps: the difference is right all the same.
  const uint32_t difference = statistics.ps_drop - lastDrops_;
  lastDrops_ = statistics.ps_drop;
  return difference;
}

// That the interface went down or disappeared, libpcap may report when it is up again.
std::string LibpcapCapture::Error() {
  const std::string text = pcap_geterr(handle_);
  return text.find("went down") != std::string::npos || text.find("disappeared") != std::string::npos ? "" : text;
}

}  // namespace bricks
