// Drop reasons: the numbers of DROP_REASONS in core/data-plane.ts, never reused.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace vnet {

enum class Drop : uint8_t {
  noMatch = 1,
  rule,
  guard,
  hopLimit,
  oversize,
  runt,
  malformed,
  unknownNetwork,
  unknownPeer,
  missQueue,
  missTimeout,
  portQueue,
  linkQueue,
  groupEdgeDead,
  groundDead,
  joinTimeout,
  joinLimit,
  portClosed,
  holdLimit,
  handshake,
  loop,
  noteRate,
};
constexpr size_t DROP_COUNT = 23;
using DropCounts = std::array<uint64_t, DROP_COUNT>;

}  // namespace vnet
