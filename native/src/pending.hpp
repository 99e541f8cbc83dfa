// Frames that wait: for the answer to a miss, or because their flow is held. One first-in-first-out queue a
// key, whatever the epochs of its frames, so that nothing overtakes. Bounded in keys (also for each ingress),
// frames, octets (also for each ingress) and time. I/O thread only.
#pragma once
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "drops.hpp"
#include "flow_cache.hpp"
#include "frame.hpp"
#include "sent.hpp"

namespace vnet {

struct WaitingFrame {
  std::vector<uint8_t> octets;
  Frame frame;  // its `data` points into `octets`
  uint64_t sinceNs = 0;
  bool counted = false;          // as held
  std::optional<uint32_t> copy;  // waits for this port alone; the others have had theirs
};

struct WaitingQueue {
  std::deque<WaitingFrame> frames;
  size_t bytes = 0;
  std::vector<uint32_t> asked;  // epochs whose miss has gone up and has no answer yet
  // Frames of it are held, or were until they asked: they keep their room until they leave.
  bool held = false;
  bool copies = false;             // nothing but copies for a held port: newer frames need not wait
  std::optional<uint32_t> target;  // the port that they are held for
  uint32_t ingress = 0;
  uint64_t sinceNs = 0;  // when the present kind of waiting began
  uint64_t askedNs = 0;  // when a miss last went up
};

class Pending {
 public:
  bool empty() const { return queues_.empty(); }
  WaitingQueue* find(const FlowKey& key);
  // Makes the key's queue; nullptr when there are too many keys.
  WaitingQueue* open(const FlowKey& key, uint64_t now);
  // Copies the frame to the queue's end; nullptr when that is full.
  WaitingFrame* push(WaitingQueue& queue, const Frame& frame, uint64_t now);
  // The same at its beginning, for one that was on its way before all others. False: it is full.
  bool pushFirst(WaitingQueue& queue, SentFrame frame, uint64_t now);
  // Takes all out, to decide on each; putBack() appends one again.
  std::deque<WaitingFrame> take(WaitingQueue& queue);
  void putBack(WaitingQueue& queue, WaitingFrame frame);
  // Frames that are held have room of their own, so that a hold takes none from the misses.
  void setHeld(WaitingQueue& queue, bool held);
  WaitingFrame pop(WaitingQueue& queue);
  void erase(const FlowKey& key);
  // Drops what waited too long; dropped(frame, reason, queue) for each.
  template <class Dropped>
  void expire(uint64_t now, Dropped&& dropped) {
    for (auto it = queues_.begin(); it != queues_.end();) {
      WaitingQueue& queue = it->second;
      const uint64_t limit = queue.held ? HOLD_TIMEOUT_NS : PENDING_TIMEOUT_NS;
      while (!queue.frames.empty() && now - std::max(queue.frames.front().sinceNs, queue.sinceNs) >= limit)
        dropped(pop(queue).frame, queue.held ? Drop::holdLimit : Drop::missTimeout, queue);
      if (queue.frames.empty()) {
        forget(it->first);
        it = queues_.erase(it);
      } else {
        ++it;
      }
    }
  }
  template <class Visit>
  void each(Visit&& visit) {
    for (auto& [key, queue] : queues_) visit(key, queue);
  }

 private:
  struct Hash {
    size_t operator()(const FlowKey& key) const { return key.hash(); }
  };
  struct Share {
    size_t keys = 0, bytes = 0;  // of these, only octets that are not held
  };
  bool hasRoom(const WaitingQueue& queue, size_t length);
  void forget(const FlowKey& key);
  void account(const WaitingQueue& queue, size_t bytes, bool more);
  std::unordered_map<FlowKey, WaitingQueue, Hash> queues_;
  std::unordered_map<uint32_t, Share> byIngress_;
  size_t bytes_ = 0, heldBytes_ = 0;
};

}  // namespace vnet
