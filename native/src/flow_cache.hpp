// The flow cache: (network, ground, ingress, source, destination) to actions, with up to two versions by
// epoch. Filled by answers from TypeScript, bounded, evicted by a clock hand. I/O thread only.
#pragma once
#include <array>
#include <unordered_set>
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
  bool named = false;  // hold: `id` is the port that the frame is meant for
};
using Actions = std::vector<Action>;

struct FlowEntry {
  FlowKey key;
  uint32_t fromEpoch = 0;  // holds for epochs in [fromEpoch, toEpoch)
  uint64_t toEpoch = 0;
  Actions actions;
};

struct FlowScope {
  bool hasNetwork = false, hasSource = false, hasDestination = false, hasPort = false;
  bool group = false;  // to a group address
  uint32_t network = 0;
  uint64_t source = 0, destination = 0;
  uint32_t port = 0;  // an action leads there, or holds for it
  bool matches(const FlowKey& key) const {
    return (!hasNetwork || network == key.network) && (!hasSource || source == key.source) &&
           (!hasDestination || destination == key.destination) && (!group || isGroupMac(key.destination));
  }
};

bool leadsTo(const Actions& actions, uint32_t port);

// Many scopes at once: they are kept by which fields they name, so that a key is looked up once for each of
// the eight kinds there are, however many scopes. Those that name a port, or groups, are few, and looked at one by one.
class FlowScopes {
 public:
  explicit FlowScopes(const std::vector<FlowScope>& scopes);
  bool empty() const { return used_ == 0 && ofPorts_.empty() && ofGroups_.empty(); }
  // By the key alone: whatever an entry of it says.
  bool matches(const FlowKey& key) const;
  // By where the entry leads.
  bool matches(const FlowKey& key, const Actions& actions) const;

 private:
  struct Fields {
    uint32_t network = 0;
    uint64_t source = 0, destination = 0;
    bool operator==(const Fields&) const = default;
  };
  struct Hash {
    size_t operator()(const Fields& f) const { return mix(mix(f.source, f.destination), f.network); }
  };
  static constexpr size_t KINDS = 8;
  std::array<std::unordered_set<Fields, Hash>, KINDS> sets_;
  uint8_t used_ = 0;  // a bit for each kind that has any
  std::vector<FlowScope> ofPorts_, ofGroups_;
};

class FlowCache {
 public:
  explicit FlowCache(size_t limit = FLOW_ENTRIES) : table_(limit) {}
  // The actions for a frame of this epoch, or nullptr: a miss. Valid until the next install or invalidate.
  const Actions* find(const FlowKey& key, uint32_t epoch);
  // Where epochs overlap, the newer version wins; of three, the oldest goes.
  void install(FlowEntry entry);
  void invalidate(const FlowScope& scope);
  // @param erased  gets the keys, where given
  void invalidate(const FlowScopes& scopes, std::vector<FlowKey>* erased = nullptr);
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
