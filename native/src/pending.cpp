#include "pending.hpp"

#include <algorithm>

namespace vnet {

WaitingQueue* Pending::find(const FlowKey& key) {
  const auto it = queues_.find(key);
  return it == queues_.end() ? nullptr : &it->second;
}

WaitingQueue* Pending::open(const FlowKey& key, uint64_t now) {
  if (queues_.size() >= PENDING_KEYS) return nullptr;
  size_t& keys = keysByIngress_[key.ingress];
  if (keys >= PENDING_KEYS_PER_INGRESS) return nullptr;
  keys++;
  WaitingQueue& queue = queues_[key];
  queue.sinceNs = now;
  return &queue;
}

bool Pending::push(WaitingQueue& queue, const Frame& frame, uint64_t now) {
  const size_t frames = queue.held ? HOLD_FRAMES_PER_KEY : PENDING_FRAMES_PER_KEY;
  const size_t bytes = queue.held ? HOLD_BYTES_PER_KEY : PENDING_BYTES_PER_KEY;
  const size_t all = queue.held ? HOLD_BYTES : PENDING_BYTES;
  if (queue.frames.size() >= frames || queue.bytes + frame.length > bytes || bytes_ + frame.length > all)
    return false;
  WaitingFrame& waiting = queue.frames.emplace_back();
  waiting.octets.assign(frame.data, frame.data + frame.length);
  waiting.frame = frame;
  waiting.frame.data = waiting.octets.data();
  waiting.sinceNs = now;
  queue.bytes += frame.length;
  bytes_ += frame.length;
  return true;
}

WaitingFrame Pending::pop(WaitingQueue& queue) {
  WaitingFrame first = std::move(queue.frames.front());
  queue.frames.pop_front();
  queue.bytes -= first.frame.length;
  bytes_ -= first.frame.length;
  return first;
}

void Pending::forget(const FlowKey& key) {
  const auto it = keysByIngress_.find(key.ingress);
  if (it != keysByIngress_.end() && --it->second == 0) keysByIngress_.erase(it);
}

void Pending::erase(const FlowKey& key) {
  const auto it = queues_.find(key);
  if (it == queues_.end()) return;
  bytes_ -= it->second.bytes;
  forget(it->first);
  queues_.erase(it);
}

}  // namespace vnet
