// The opposite of segment.hpp: TCP segments that follow each other, leaving at a port whose device takes a
// vnet header, are put together again into one super-frame, so that the receiver's stack is entered once for
// many. A segment's checksum is verified before it disappears into the larger one. Pure.
#pragma once
#include "segment.hpp"

namespace vnet {

constexpr size_t COALESCED_BYTES = 65'000;  // below the 65,535 of an IP packet
constexpr size_t COALESCED_SEGMENTS = 64;

class Coalescer {
 public:
  // `frame` is the first of a run, at `frame` with room for COALESCED_BYTES behind. False: it cannot be one.
  bool begin(uint8_t* frame, size_t length);
  // Appends the payload of `frame` if it follows; false: it does not, and the run is as it was.
  bool append(const uint8_t* frame, size_t length);
  // Writes lengths and checksums for the run. False: one segment only, which needs no vnet header.
  bool finish(VnetHeader& vnet);
  size_t length() const { return length_; }
  void clear() { frame_ = nullptr; }

 private:
  bool sameHeaders(const uint8_t* frame) const;
  uint8_t* frame_ = nullptr;
  size_t length_ = 0, segment_ = 0, count_ = 0;
  uint32_t nextSequence_ = 0;
  bool closed_ = false;
  Layers layers_;
};

}  // namespace vnet
