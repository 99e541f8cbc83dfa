// What goes up to JavaScript: misses, events and snapshots, queued by the I/O thread and taken by the
// JavaScript thread in batches. One lock, held for moves only; `wake` (a thread-safe function) is called when
// there is something and nobody has been woken for it yet. Bounded: misses by UP_MISSES, events by UP_EVENTS.
#pragma once
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "counters.hpp"
#include "drops.hpp"
#include "flow_cache.hpp"

namespace vnet {

struct FlowMiss {
  FlowKey key;
  uint32_t epoch = 0;
};

struct Event {
  enum class Kind : uint8_t { link, port, source } kind = Kind::link;
  uint32_t id = 0;
  bool yes = false;  // up, or admitted
  uint64_t source = 0;
  uint32_t rttUs = 0;
  std::string reason, remote;
};

struct EndRow {
  uint32_t id = 0;
  EndCounters counters;
  bool up = false;
  uint32_t rttUs = 0, datagramBytes = 0;
};

struct Snapshot {
  uint64_t ticket = 0;  // which promise it answers
  PairColumns pairs;
  std::vector<EndRow> links, ports;
  DropCounts drops{};
  size_t flowEntries = 0;
};

struct UpBatch {
  std::vector<FlowMiss> misses;
  std::vector<Event> events;
  std::vector<Snapshot> snapshots;
  bool more = false;
};

class Up {
 public:
  explicit Up(std::function<void()> wake) : wake_(std::move(wake)) {}

  bool miss(const FlowMiss& miss) {
    return push([&] { return misses_.size() < UP_MISSES && (misses_.push_back(miss), true); });
  }
  void event(Event event) {
    push([&] {
      if (events_.size() >= UP_EVENTS && !makeRoom(event)) return false;
      events_.push_back(std::move(event));
      return true;
    });
  }
  void snapshot(Snapshot snapshot) {
    push([&] { return snapshots_.push_back(std::move(snapshot)), true; });
  }

  UpBatch take() {
    const std::lock_guard lock(mutex_);
    UpBatch batch;
    const auto some = [](auto& from, auto& to) {
      const size_t count = std::min(from.size(), UP_BATCH);
      to.assign(std::make_move_iterator(from.begin()),
                std::make_move_iterator(from.begin() + static_cast<long>(count)));
      from.erase(from.begin(), from.begin() + static_cast<long>(count));
    };
    some(misses_, batch.misses);
    some(events_, batch.events);
    some(snapshots_, batch.snapshots);
    batch.more = woken_ = !misses_.empty() || !events_.empty() || !snapshots_.empty();
    return batch;
  }

 private:
  template <class Push>
  bool push(Push&& push) {
    {
      const std::lock_guard lock(mutex_);
      if (!push()) return false;
      if (woken_) return true;
      woken_ = true;
    }
    wake_();
    return true;
  }
  // A full queue loses what matters least: reports of sources, then the older state of the same link or port.
  bool makeRoom(const Event& event) {
    if (event.kind == Event::Kind::source) return false;
    for (auto it = events_.begin(); it != events_.end(); ++it) {
      if (it->kind != Event::Kind::source && (it->kind != event.kind || it->id != event.id)) continue;
      events_.erase(it);
      return true;
    }
    return false;
  }

  std::mutex mutex_;
  std::deque<FlowMiss> misses_;
  std::deque<Event> events_;
  std::deque<Snapshot> snapshots_;
  bool woken_ = false;
  std::function<void()> wake_;
};

}  // namespace vnet
