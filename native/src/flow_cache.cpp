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
  // Without a port to wait for, a frame is held whole or not at all.
  for (const Action& action : entry.actions)
    if (action.kind == ActionKind::hold && !action.named) {
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

void FlowCache::invalidate(const FlowScopes& scopes, std::vector<FlowKey>* erased) {
  if (scopes.empty()) return;
  table_.eraseIf([&](const FlowKey& key, const Versions& versions) {
    bool goes = scopes.matches(key);
    for (size_t i = 0; i < versions.count && !goes; i++) goes = scopes.matches(key, versions.list[i].actions);
    if (goes && erased) erased->push_back(key);
    return goes;
  });
}

bool leadsTo(const Actions& actions, uint32_t port) {
  for (const Action& action : actions) {
    if (action.id != port) continue;
    if (action.kind == ActionKind::port || (action.kind == ActionKind::hold && action.named)) return true;
  }
  return false;
}

FlowScopes::FlowScopes(const std::vector<FlowScope>& scopes) {
  for (const FlowScope& scope : scopes) {
    if (scope.hasPort) {
      ofPorts_.push_back(scope);
      continue;
    }
    if (scope.group) {
      ofGroups_.push_back(scope);
      continue;
    }
    const int kind = scope.hasNetwork | scope.hasSource << 1 | scope.hasDestination << 2;
    used_ = static_cast<uint8_t>(used_ | 1 << kind);
    sets_[static_cast<size_t>(kind)].insert({scope.hasNetwork ? scope.network : 0,
                                             scope.hasSource ? scope.source : 0,
                                             scope.hasDestination ? scope.destination : 0});
  }
}

bool FlowScopes::matches(const FlowKey& key, const Actions& actions) const {
  for (const FlowScope& scope : ofPorts_)
    if (scope.matches(key) && leadsTo(actions, scope.port)) return true;
  return false;
}

bool FlowScopes::matches(const FlowKey& key) const {
  for (size_t kind = 0; kind < KINDS; kind++) {
    if (!(used_ >> kind & 1)) continue;
    if (sets_[kind].count(
            {kind & 1 ? key.network : 0, kind & 2 ? key.source : 0, kind & 4 ? key.destination : 0}) != 0)
      return true;
  }
  for (const FlowScope& scope : ofGroups_)
    if (scope.matches(key)) return true;
  return false;
}

}  // namespace vnet
