// Systems other than Linux: libpcap sends, one system call a frame.
#include <pcap/pcap.h>

#include <cerrno>

#include "interface_sender.h"
#include "link_type.h"

namespace bricks {

namespace {

class Injector final : public InterfaceSender {
 public:
  explicit Injector(const SenderSettings& settings) : device_(settings.device) {
    const int error = Open();
    if (error != 0) throw SenderError(error, message_);
  }

  ~Injector() override {
    if (handle_ != nullptr) pcap_close(handle_);
  }

  uint32_t LinkType() const override { return linkType_; }
  bool Revive() override { return Open() == 0; }

  uint32_t Send(struct iovec* frames, uint32_t count, int* error) override {
    for (uint32_t sent = 0; sent < count; sent++) {
      errno = 0;
      if (handle_ == nullptr || pcap_inject(handle_, frames[sent].iov_base, frames[sent].iov_len) < 0) {
        *error = handle_ == nullptr ? ENXIO : errno != 0 ? errno : EIO;
        return sent;
      }
    }
    return count;
  }

 private:
  int Open() {
    if (handle_ != nullptr) pcap_close(handle_);
    char message[PCAP_ERRBUF_SIZE] = "";
    handle_ = pcap_create(device_.c_str(), message);
    if (handle_ == nullptr) return Fail(message, ENXIO);
    pcap_set_snaplen(handle_, 1);  // nothing is read from it
    const int status = pcap_activate(handle_);
    if (status < 0) {
      const int error = status == PCAP_ERROR_NO_SUCH_DEVICE ? ENODEV
                        : status == PCAP_ERROR_PERM_DENIED  ? EPERM
                        : status == PCAP_ERROR_IFACE_NOT_UP ? ENETDOWN
                                                            : EIO;
      Fail(pcap_geterr(handle_), error);
      pcap_close(handle_);
      handle_ = nullptr;
      return error;
    }
    linkType_ = LinkTypeOf(pcap_datalink(handle_));
    return 0;
  }

  int Fail(const std::string& message, int error) {
    message_ = message;
    return error;
  }

  std::string device_;
  std::string message_;
  pcap_t* handle_ = nullptr;
  uint32_t linkType_ = UINT32_MAX;
};

}  // namespace

std::unique_ptr<InterfaceSender> OpenSender(const SenderSettings& settings) {
  return std::make_unique<Injector>(settings);
}

}  // namespace bricks
