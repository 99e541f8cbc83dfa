// What a device with a vnet header hands over: frames whose checksum is not finished, and super-frames to be
// cut at their transport segments. Both are made whole here, in software, before the guard sees them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vnet {

// struct virtio_net_hdr without num_buffers: linux/virtio_net.h does not compile as C++.
struct VnetHeader {
  uint8_t flags;
  uint8_t gsoType;
  uint16_t headerLength;
  uint16_t gsoSize;
  uint16_t checksumStart;
  uint16_t checksumOffset;
};
static_assert(sizeof(VnetHeader) == 10);
constexpr uint8_t VNET_NEEDS_CHECKSUM = 1;
constexpr uint8_t VNET_GSO_NONE = 0, VNET_GSO_TCPV4 = 1, VNET_GSO_TCPV6 = 4, VNET_GSO_UDP_L4 = 5,
                  VNET_GSO_ECN = 0x80;

// Where the headers of a frame end.
struct Layers {
  size_t ip = 0;         // offset of the IP header
  size_t transport = 0;  // of the TCP or UDP header
  size_t payload = 0;
  bool v6 = false;
  uint8_t protocol = 0;  // 6 TCP, 17 UDP
};
// Finds them behind up to two VLAN tags; IPv6 extension headers are walked. False: not whole TCP or UDP over
// IP.
bool findLayers(const uint8_t* frame, size_t length, Layers& out);

// Finishes the checksum of `frame` in place as `vnet` asks. False: the header points outside the frame.
bool finishChecksum(uint8_t* frame, size_t length, const VnetHeader& vnet);

class Segmenter {
 public:
  // Prepares to cut `frame`. False: not what `vnet` says it is, or more than
  // SUPER_SEGMENTS. `frame` is borrowed until the last next().
  bool begin(const uint8_t* frame, size_t length, const VnetHeader& vnet);
  // The next segment, whole and with its checksums, in a buffer valid until the next call; nullptr: no more.
  uint8_t* next(size_t& length);

 private:
  const uint8_t* frame_ = nullptr;
  size_t length_ = 0, at_ = 0, size_ = 0;
  uint16_t index_ = 0;
  Layers layers_;
  std::vector<uint8_t> out_;
};

}  // namespace vnet
