#include "flow_cache.hpp"

#include <utility>

namespace vnet {

const Actions* FlowCache::find(const FlowKey& key, uint32_t epoch) {
  Versions* versions = table_.find(key);
  if (!versions) return nullptr;
  for (size_t i = 0; i < versions->count; i++) {
    const Version& version = versions->list[i];
    if (epoch >= version.fromEpoch && epoch < version.toEpoch) return &version.actions;
  }
  return nullptr;
}

void FlowCache::install(FlowEntry entry) {
  if (entry.fromEpoch >= entry.toEpoch) return;
  // A frame is held whole or not at all.
  for (const Action& action : entry.actions)
    if (action.kind == ActionKind::hold) {
      entry.actions = {Action(action)};
      break;
    }
  Versions* versions = table_.find(entry.key);
  if (!versions) versions = &table_.insert(entry.key);
  Versions kept;
  for (size_t i = 0; i < versions->count; i++) {
    Version& old = versions->list[i];
    const bool apart = old.toEpoch <= entry.fromEpoch || old.fromEpoch >= entry.toEpoch;
    if (!apart) {
      if (old.fromEpoch < entry.fromEpoch) old.toEpoch = entry.fromEpoch;
      else if (old.toEpoch > entry.toEpoch) old.fromEpoch = static_cast<uint32_t>(entry.toEpoch);
      else continue;
    }
    kept.list[kept.count++] = std::move(old);
  }
  if (kept.count == FLOW_VERSIONS) {  // the oldest gives way
    const size_t oldest = kept.list[0].fromEpoch <= kept.list[1].fromEpoch ? 0 : 1;
    if (oldest == 0) kept.list[0] = std::move(kept.list[1]);
    kept.count--;
  }
  kept.list[kept.count++] = {entry.fromEpoch, entry.toEpoch, std::move(entry.actions)};
  *versions = std::move(kept);
}

void FlowCache::invalidate(const FlowScope& scope) {
  table_.eraseIf([&](const FlowKey& key, const Versions&) { return scope.matches(key); });
}

}  // namespace vnet
