// The interfaces that libpcap sees.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <sys/socket.h>

#include "addon.h"

namespace bricks {

namespace {

Napi::Value AddressText(Napi::Env env, const struct sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address == nullptr) return env.Undefined();
  const void* bytes = nullptr;
  if (address->sa_family == AF_INET) bytes = &reinterpret_cast<const struct sockaddr_in*>(address)->sin_addr;
  if (address->sa_family == AF_INET6) bytes = &reinterpret_cast<const struct sockaddr_in6*>(address)->sin6_addr;
  if (bytes == nullptr || inet_ntop(address->sa_family, bytes, text, sizeof text) == nullptr) return env.Undefined();
  return Napi::String::New(env, text);
}

Napi::Value ListDevices(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  char message[PCAP_ERRBUF_SIZE] = "";
  pcap_if_t* all = nullptr;
  if (pcap_findalldevs(&all, message) != 0) throw Napi::Error::New(env, message);
  Napi::Array list = Napi::Array::New(env);
  uint32_t count = 0;
  for (const pcap_if_t* device = all; device != nullptr; device = device->next) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", device->name);
    entry.Set("description", device->description == nullptr ? "" : device->description);
    entry.Set("up", (device->flags & PCAP_IF_UP) != 0);
    entry.Set("loopback", (device->flags & PCAP_IF_LOOPBACK) != 0);
    Napi::Array addresses = Napi::Array::New(env);
    for (const pcap_addr_t* address = device->addresses; address != nullptr; address = address->next) {
      const Napi::Value text = AddressText(env, address->addr);
      if (text.IsString()) addresses.Set(addresses.Length(), text);
    }
    entry.Set("addresses", addresses);
    list.Set(count++, entry);
  }
  pcap_freealldevs(all);
  return list;
}

Napi::Value LibraryVersion(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), pcap_lib_version()); }

}  // namespace

void RegisterDevices(Napi::Env env, Napi::Object exports) {
  exports.Set("listDevices", Napi::Function::New(env, ListDevices, "listDevices"));
  exports.Set("libraryVersion", Napi::Function::New(env, LibraryVersion, "libraryVersion"));
}

}  // namespace bricks
