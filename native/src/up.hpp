// What goes up to JavaScript: misses, events, snapshots and arrivals, queued by the I/O thread and taken by
// the JavaScript thread in batches. One lock, held for moves only; `wake` (a thread-safe function) is called
// when there is something and nobody has been woken for it yet. Bounded: misses by UP_MISSES, events by
// UP_EVENTS, arrivals by ARRIVALS_WAITING.
#pragma once
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "counters.hpp"
#include "drops.hpp"
#include "flow_cache.hpp"
#include "record.hpp"
#include "tcp_state.hpp"

namespace vnet {

struct FlowMiss {
  FlowKey key;
  uint32_t epoch = 0;
};

struct Event {
  enum class Kind : uint8_t { link, port, source, note, echo } kind = Kind::link;
  uint32_t id = 0;
  bool yes = false;  // up, or admitted
  bool announced = false;
  uint64_t source = 0;
  uint32_t rttUs = 0;
  uint32_t hops = 0;
  std::string reason, remote;
  std::vector<uint8_t> note;
  // What matters when the queue is full: the state of links and ports.
  bool isState() const { return kind == Kind::link || kind == Kind::port; }
};

struct EndRow {
  uint32_t id = 0;
  EndCounters counters;
};

struct PortRow : EndRow {
  uint64_t held = 0, doubtful = 0;
};

struct LinkRow : EndRow {
  bool up = false;
  uint32_t rttUs = 0, datagramBytes = 0;
  uint64_t arrived = 0, lost = 0, late = 0;
  std::optional<TcpState> tcp;
};

struct Snapshot {
  uint64_t ticket = 0;  // which promise it answers
  PairColumns pairs;
  std::vector<LinkRow> links;
  std::vector<PortRow> ports;
  DropCounts drops{};
  size_t flowEntries = 0;
};

struct UpBatch {
  std::vector<FlowMiss> misses;
  std::vector<Event> events;
  std::vector<Snapshot> snapshots;
  ArrivalColumns arrivals;
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
  // False: JavaScript does not keep up, and these rows are lost.
  bool arrivals(const ArrivalColumns& columns) {
    return push([&] {
      if (arrivals_.rows() + columns.rows() > ARRIVALS_WAITING) return false;
      arrivals_.add(columns);
      return true;
    });
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
    std::swap(arrivals_, batch.arrivals);
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
  // A full queue loses what matters least: sources, notes and echoes, then the older state of the same link
  // or port.
  bool makeRoom(const Event& event) {
    if (!event.isState()) return false;
    for (auto it = events_.begin(); it != events_.end(); ++it) {
      if (it->isState() && (it->kind != event.kind || it->id != event.id)) continue;
      events_.erase(it);
      return true;
    }
    return false;
  }

  std::mutex mutex_;
  std::deque<FlowMiss> misses_;
  std::deque<Event> events_;
  std::deque<Snapshot> snapshots_;
  ArrivalColumns arrivals_;
  bool woken_ = false;
  std::function<void()> wake_;
};

}  // namespace vnet
