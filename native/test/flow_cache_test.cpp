// The flow cache and its table against std::map; scopes against one at a time; the limits of what waits.
#include <algorithm>
#include <map>
#include <tuple>

#include "../src/flow_cache.hpp"
#include "../src/pending.hpp"
#include "check.hpp"

using namespace vnet;

struct SmallKey {
  uint32_t value = 0;
  bool operator==(const SmallKey&) const = default;
  uint64_t hash() const { return value % 37; }  // many collisions
};

static void tableAgainstMap(std::mt19937_64& random) {
  Table<SmallKey, int> table(1'000);
  std::map<uint32_t, int> oracle;
  for (int i = 0; i < 200'000; i++) {
    const SmallKey key{static_cast<uint32_t>(random() % 300)};
    int* found = table.find(key);
    const auto known = oracle.find(key.value);
    CHECK((found != nullptr) == (known != oracle.end()));
    if (found) CHECK(*found == known->second);
    if (random() % 2) {
      if (!found) table.insert(key) = oracle[key.value] = i;
    } else {
      CHECK(table.erase(key) == (oracle.erase(key.value) == 1));
    }
    if (i % 5'000 == 0) {
      table.eraseIf([](const SmallKey& k, int) { return k.value % 3 == 0; });
      std::erase_if(oracle, [](const auto& entry) { return entry.first % 3 == 0; });
    }
    CHECK(table.size() == oracle.size());
  }
}

static void evicts() {
  Table<SmallKey, int> table(100);
  size_t evicted = 0;
  for (uint32_t i = 0; i < 1'000; i++)
    table.insert({i}, [&](const SmallKey&, int&) { evicted++; }) = static_cast<int>(i);
  CHECK(table.size() == 100 && evicted == 900);
  CHECK(table.find({999}) && *table.find({999}) == 999);
}

static void cacheAgainstMap(std::mt19937_64& random) {
  FlowCache cache;
  using Key = std::tuple<uint32_t, uint64_t, uint64_t, bool>;
  std::map<Key, uint32_t> oracle;  // one version each
  for (int i = 0; i < 100'000; i++) {
    FlowKey key;
    key.network = random() % 2;
    key.ingress = 1;
    key.source = random() % 20;
    key.destination = random() % 20;
    key.ground = random() % 2;
    const Key simple{key.network, key.source, key.destination, key.ground};
    const uint32_t epoch = random() % 4;
    const Actions* actions = cache.find(key, epoch);
    const auto known = oracle.find(simple);
    CHECK((actions != nullptr) == (known != oracle.end()));
    if (actions) CHECK((*actions)[0].id == known->second);
    if (random() % 3) {
      const auto id = static_cast<uint32_t>(random());
      cache.install({key, 0, 100, {{ActionKind::port, Drop::noMatch, id}}});
      oracle[simple] = id;
    } else if (random() % 20 == 0) {
      FlowScope scope;
      scope.hasSource = true;
      scope.source = key.source;
      cache.invalidate(scope);
      std::erase_if(oracle, [&](const auto& entry) { return std::get<1>(entry.first) == key.source; });
    }
    CHECK(cache.size() == oracle.size());
  }
}

static void scopesAgainstEach(std::mt19937_64& random) {
  for (int round = 0; round < 500; round++) {
    std::vector<FlowScope> each(random() % 12);
    for (FlowScope& scope : each)
      scope = {random() % 3 > 0,
               random() % 3 > 0,
               random() % 3 > 0,
               static_cast<uint32_t>(random() % 3),
               random() % 5,
               random() % 5};
    const FlowScopes together(each);
    CHECK(together.empty() == each.empty());
    for (int i = 0; i < 50; i++) {
      const FlowKey key{static_cast<uint32_t>(random() % 3), 1, random() % 5, random() % 5, false};
      const bool any = std::any_of(each.begin(), each.end(), [&](const FlowScope& s) { return s.matches(key); });
      CHECK(together.matches(key) == any);
    }
  }
}

// Fills with frames of an ingress, 64 a key, until one does not fit: the frames that did.
static size_t fill(Pending& pending, uint32_t ingress, bool held) {
  const std::vector<uint8_t> octets(4'000);
  Frame frame;
  frame.data = octets.data();
  frame.length = static_cast<uint32_t>(octets.size());
  frame.ingress = ingress;
  for (size_t count = 0;; count++) {
    const FlowKey key{1, ingress, count / 64, 7, false};
    WaitingQueue* queue = pending.find(key);
    if (!queue) {
      queue = pending.open(key, 0);
      if (queue) pending.setHeld(*queue, held);
    }
    if (!queue || !pending.push(*queue, frame, 0)) return count;
  }
}

static void waiting() {
  Pending pending;
  CHECK(fill(pending, 1, false) == PENDING_BYTES_PER_INGRESS / 4'000);
  CHECK(fill(pending, 2, false) == PENDING_BYTES_PER_INGRESS / 4'000);  // the first took nothing from it
  CHECK(fill(pending, 3, true) == HOLD_BYTES / 4'000);
  CHECK(fill(pending, 4, false) == PENDING_BYTES_PER_INGRESS / 4'000);  // nor did what is held
  const auto none = [](const Frame&, Drop, const WaitingQueue&) {};
  pending.expire(PENDING_TIMEOUT_NS, none);
  CHECK(!pending.empty());  // the held ones
  pending.each([&](const FlowKey&, WaitingQueue& queue) { pending.setHeld(queue, false); });
  pending.expire(PENDING_TIMEOUT_NS, none);
  CHECK(pending.empty());
  CHECK(fill(pending, 3, false) == PENDING_BYTES_PER_INGRESS / 4'000);  // all room was given back
}

static void epochs() {
  FlowCache cache;
  const FlowKey key{1, 2, 3, 4, false};
  const auto idAt = [&](uint32_t epoch) {
    const Actions* a = cache.find(key, epoch);
    return a ? (*a)[0].id : 0;
  };
  cache.install({key, 0, 10, {{ActionKind::port, Drop::noMatch, 1}}});
  cache.install({key, 5, 20, {{ActionKind::port, Drop::noMatch, 2}}});
  CHECK(idAt(4) == 1 && idAt(5) == 2 && idAt(19) == 2 && idAt(20) == 0);
  cache.install({key, 20, 30, {{ActionKind::port, Drop::noMatch, 3}}});
  CHECK(idAt(4) == 0 && idAt(5) == 2 && idAt(25) == 3);  // of three, the oldest went
  cache.install({key, 9, 9, {}});
  CHECK(idAt(9) == 2 && cache.size() == 1);
}

int main() {
  auto random = seeded();
  tableAgainstMap(random);
  evicts();
  cacheAgainstMap(random);
  scopesAgainstEach(random);
  waiting();
  epochs();
  std::puts("flow cache: ok");
}
