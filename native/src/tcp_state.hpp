// What the kernel says of a TCP connection (TCP_INFO, tcp(7)).
#pragma once
#include <cstdint>
#include <optional>

namespace vnet {

struct TcpState {
  uint32_t rttUs = 0, rttVarUs = 0, minRttUs = 0;
  double deliveryBitsPerSecond = 0;
  bool appLimited = false;
  uint32_t sentSegments = 0, retransmittedSegments = 0;
  double congestionWindowBytes = 0;
  uint32_t unsentBytes = 0;
};

// Empty when `fd` is no TCP socket; what an older kernel does not know is 0.
std::optional<TcpState> readTcpState(int fd);

}  // namespace vnet
