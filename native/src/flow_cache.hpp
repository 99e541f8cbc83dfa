// The flow cache: (network, ground, ingress, source, destination) to actions, with up to two versions by
// epoch. Filled by answers from TypeScript, bounded, evicted by a clock hand. I/O thread only.
#pragma once
#include <array>
#include <vector>

#include "bytes.hpp"
#include "drops.hpp"
#include "limits.hpp"
#include "table.hpp"

namespace vnet {

struct FlowKey {
  uint32_t network = 0;
  uint32_t ingress = 0;
  uint64_t source = 0;
  uint64_t destination = 0;
  bool ground = false;
  bool operator==(const FlowKey&) const = default;
  uint64_t hash() const {
    return mix(mix(source ^ uint64_t{ground} << 63, destination), uint64_t{network} << 32 | ingress);
  }
};

enum class ActionKind : uint8_t { port, edge, ground, drop, hold };
struct Action {
  ActionKind kind = ActionKind::drop;
  Drop reason = Drop::noMatch;
  uint32_t id = 0;
};
using Actions = std::vector<Action>;

struct FlowEntry {
  FlowKey key;
  uint32_t fromEpoch = 0;  // holds for epochs in [fromEpoch, toEpoch)
  uint64_t toEpoch = 0;
  Actions actions;
};

struct FlowScope {
  bool hasNetwork = false, hasSource = false, hasDestination = false;
  uint32_t network = 0;
  uint64_t source = 0, destination = 0;
  bool matches(const FlowKey& key) const {
    return (!hasNetwork || network == key.network) && (!hasSource || source == key.source) &&
           (!hasDestination || destination == key.destination);
  }
};

class FlowCache {
 public:
  explicit FlowCache(size_t limit = FLOW_ENTRIES) : table_(limit) {}
  // The actions for a frame of this epoch, or nullptr: a miss. Valid until the next install or invalidate.
  const Actions* find(const FlowKey& key, uint32_t epoch);
  // Where epochs overlap, the newer version wins; of three, the oldest goes.
  void install(FlowEntry entry);
  void invalidate(const FlowScope& scope);
  size_t size() const { return table_.size(); }

 private:
  struct Version {
    uint32_t fromEpoch = 0;
    uint64_t toEpoch = 0;
    Actions actions;
  };
  struct Versions {
    std::array<Version, FLOW_VERSIONS> list;
    size_t count = 0;
  };
  Table<FlowKey, Versions> table_;
};

}  // namespace vnet
