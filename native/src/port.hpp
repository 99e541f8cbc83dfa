// A port: where frames of this host enter and leave. One file a kind (port_tap.cpp, port_packet.cpp,
// port_unix.cpp); this holds what they share.
//
// Made on the JavaScript thread, so that errors throw there at once; start() and all after it on the I/O
// thread.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "counters.hpp"
#include "drops.hpp"
#include "limits.hpp"
#include "loop.hpp"
#include "sent.hpp"

namespace vnet {

class Port;

// What a port tells the forwarder.
class PortSink {
 public:
  virtual ~PortSink() = default;
  // A whole frame came in; the octets may be changed and are the port's again when this returns.
  virtual void fromPort(Port& port, uint8_t* frame, size_t length) = 0;
  virtual void portState(Port& port, bool up, const std::string& reason) = 0;
  // A frame that never became one, or one that the device did not take.
  virtual void portDrop(Port& port, Drop reason) = 0;
};

struct PortConfig {
  uint32_t id = 0;
  uint32_t network = 0;
  uint32_t mtu = 0;  // of the network; 0: not known yet
  std::string spec;
  bool guarded = false;
  std::vector<uint64_t> macs;
  uint16_t linkPort = 0;  // where this daemon's links listen; 0: they do not
};

class Port : public Pollable {
 public:
  explicit Port(PortConfig config);
  virtual void start(Loop& loop, PortSink& sink) = 0;
  // Queues a copy for the device; false: it takes no more.
  virtual bool send(const uint8_t* frame, size_t length) = 0;
  virtual void flush() {}
  // Whoever reads the device has all that was sent. Where the kernel does not tell, it is taken to be quick.
  virtual bool allRead() const { return true; }

  uint32_t id() const { return config_.id; }
  uint32_t network() const { return config_.network; }
  bool guarded() const { return config_.guarded; }
  bool admits(uint64_t mac) const;
  void setMacs(std::vector<uint64_t> macs);

  EndCounters counters;
  uint64_t held = 0;  // frames for this port that waited in a hold
  uint64_t doubtful = 0;  // read just before the moment of a recall
  TokenBucket misses{MISSES_PER_SECOND, MISS_BURST};
  TokenBucket sourceEvents{SOURCE_EVENTS_PER_SECOND, SOURCE_EVENT_BURST};
  TokenBucket announcements{SOURCE_EVENTS_PER_SECOND, SOURCE_EVENT_BURST};  // a flood of others takes none
  bool dirty = false;  // has frames to flush
  std::unique_ptr<Sent> sent;  // while its VM may stop at any time

 protected:
  PortConfig config_;
  Loop* loop_ = nullptr;
  PortSink* sink_ = nullptr;
};

// Opens what `config.spec` names. Throws PlaneError, and leaves nothing behind then.
std::unique_ptr<Port> openPort(PortConfig config);
std::unique_ptr<Port> openTapPort(PortConfig config, const std::string& name);
std::unique_ptr<Port> openBridgePort(PortConfig config, const std::string& bridge);
std::unique_ptr<Port> openPacketPort(PortConfig config, const std::string& name);
std::unique_ptr<Port> openUnixPort(PortConfig config, const std::string& path);
std::unique_ptr<Port> openUnixConnectPort(PortConfig config, const std::string& path);

// A device's name that the kernel will take; throws VNET_ERR_INVALID otherwise.
void checkDeviceName(const std::string& name);

}  // namespace vnet
