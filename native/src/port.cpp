#include "port.hpp"

#include <net/if.h>

#include <algorithm>

namespace vnet {

Port::Port(PortConfig config) : config_(std::move(config)) { setMacs(std::move(config_.macs)); }

bool Port::admits(uint64_t mac) const {
  return std::binary_search(config_.macs.begin(), config_.macs.end(), mac);
}

void Port::setMacs(std::vector<uint64_t> macs) {
  std::sort(macs.begin(), macs.end());
  config_.macs = std::move(macs);
}

void checkDeviceName(const std::string& name) {
  const bool bad = name.empty() || name.size() >= IFNAMSIZ || name == "." || name == ".." ||
                   std::any_of(name.begin(), name.end(), [](char c) {
                     return c == '/' || c == ':' || isspace(static_cast<unsigned char>(c));
                   });
  if (bad)
    throw PlaneError("VNET_ERR_INVALID", "\"" + name + "\" is not a device's name",
                     "use 1 to 15 characters without spaces, slashes and colons");
}

std::unique_ptr<Port> openPort(PortConfig config) {
  const size_t colon = config.spec.find(':');
  const std::string kind = config.spec.substr(0, colon);
  const std::string name = colon == std::string::npos ? "" : config.spec.substr(colon + 1);
  if (kind == "tap") return openTapPort(std::move(config), name);
  if (kind == "bridge") return openBridgePort(std::move(config), name);
  if (kind == "packet") return openPacketPort(std::move(config), name);
  if (kind == "unix") return openUnixPort(std::move(config), name);
  if (kind == "unix-connect") return openUnixConnectPort(std::move(config), name);
  throw PlaneError("VNET_ERR_INVALID", "\"" + config.spec + "\" is not a port",
                   "write tap:NAME, bridge:NAME, packet:NAME, unix:PATH or unix-connect:PATH");
}

}  // namespace vnet
