// A frame, or a fragment of one, on its way through the plane. It borrows `data`: whoever keeps a frame past
// the call that handed it over copies the octets.
#pragma once
#include "bytes.hpp"

namespace vnet {

struct Frame {
  const uint8_t* data = nullptr;  // the end part: destination, source, the rest
  uint32_t length = 0;
  uint32_t network = 0;
  uint32_t ingress = 0;
  uint32_t epoch = 0;
  uint8_t hopLimit = 0;
  bool ground = false;
  bool fromPort = false;
  bool echo = false;  // answered by the plane, never delivered (echo.hpp)
  bool fragment = false;
  uint32_t fragmentId = 0;
  uint16_t offset = 0;  // of this piece, counted after the MAC pair
  uint16_t total = 0;   // of the whole frame, counted after the MAC pair

  uint64_t destination() const { return loadMac(data); }
  uint64_t source() const { return loadMac(data + 6); }
};

}  // namespace vnet
