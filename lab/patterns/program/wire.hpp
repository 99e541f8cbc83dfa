// What goes over a connection: frames of a header and a payload without meaning.
#pragma once

#include "patterns.hpp"

namespace patterns {

enum class FrameKind : uint8_t {
  hello = 1,    // first on each connection; `value` is the sender's fingerprint
  message = 2,  // of an operation
  release = 3,  // ends a superstep of a reduction, from the root down
  bye = 4,      // the sender has finished this phase: what follows is the end of the stream
  failure = 5,  // the sender gives up because of rank `value`
};

// In the machine's own order of octets; the magic number shows a peer with the other one.
//
//    0       4       8   9   10      12      14      16      20      24              32
//    +-------+-------+---+---+-------+-------+-------+-------+-------+---------------+
//    | magic | octets|kind|fin| phase | source| destin| step  | last  | value         |
//    +-------+-------+---+---+-------+-------+-------+-------+-------+---------------+
struct Header {
  static constexpr uint32_t kMagic = 0x50544e31;

  uint32_t magic = kMagic;
  uint32_t frameBytes = sizeof(Header);  // this header and the payload
  FrameKind kind = FrameKind::hello;
  uint8_t isFinal = 0;  // the phase that ends with `last` is the run's last
  Rank phase = 0;       // counted from 0 through all cycles, modulo 2^16
  Rank source = 0;
  Rank destination = 0;
  uint32_t step = 0;
  uint32_t last = 0;    // the phase's last superstep; 0 while it is not decided
  uint64_t value = 0;
};
static_assert(sizeof(Header) == 32);

}  // namespace patterns
