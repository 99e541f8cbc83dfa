#include "pending.hpp"

#include <algorithm>
#include <utility>

namespace vnet {

WaitingQueue* Pending::find(const FlowKey& key) {
  const auto it = queues_.find(key);
  return it == queues_.end() ? nullptr : &it->second;
}

WaitingQueue* Pending::open(const FlowKey& key, uint64_t now) {
  if (queues_.size() >= PENDING_KEYS) return nullptr;
  Share& share = byIngress_[key.ingress];
  if (share.keys >= PENDING_KEYS_PER_INGRESS) return nullptr;
  share.keys++;
  WaitingQueue& queue = queues_[key];
  queue.ingress = key.ingress;
  queue.sinceNs = now;
  return &queue;
}

bool Pending::hasRoom(const WaitingQueue& queue, size_t length) {
  const size_t frames = queue.held ? HOLD_FRAMES_PER_KEY : PENDING_FRAMES_PER_KEY;
  const size_t bytes = queue.held ? HOLD_BYTES_PER_KEY : PENDING_BYTES_PER_KEY;
  const bool full = queue.held ? heldBytes_ + length > HOLD_BYTES
                               : bytes_ + length > PENDING_BYTES ||
                                     byIngress_[queue.ingress].bytes + length > PENDING_BYTES_PER_INGRESS;
  return !full && queue.frames.size() < frames && queue.bytes + length <= bytes;
}

WaitingFrame* Pending::push(WaitingQueue& queue, const Frame& frame, uint64_t now) {
  if (!hasRoom(queue, frame.length)) return nullptr;
  WaitingFrame& waiting = queue.frames.emplace_back();
  waiting.octets.assign(frame.data, frame.data + frame.length);
  waiting.frame = frame;
  waiting.frame.data = waiting.octets.data();
  waiting.sinceNs = now;
  queue.bytes += frame.length;
  account(queue, frame.length, true);
  return &waiting;
}

bool Pending::pushFirst(WaitingQueue& queue, SentFrame frame, uint64_t now) {
  const size_t length = frame.frame.length;
  if (!hasRoom(queue, length)) return false;
  WaitingFrame& waiting = queue.frames.emplace_front();
  waiting.octets = std::move(frame.octets);
  waiting.frame = frame.frame;
  waiting.sinceNs = now;
  queue.bytes += length;
  account(queue, length, true);
  return true;
}

std::deque<WaitingFrame> Pending::take(WaitingQueue& queue) {
  account(queue, queue.bytes, false);
  queue.bytes = 0;
  return std::exchange(queue.frames, {});
}

void Pending::putBack(WaitingQueue& queue, WaitingFrame frame) {
  queue.bytes += frame.frame.length;
  account(queue, frame.frame.length, true);
  queue.frames.push_back(std::move(frame));
}

WaitingFrame Pending::pop(WaitingQueue& queue) {
  WaitingFrame first = std::move(queue.frames.front());
  queue.frames.pop_front();
  queue.bytes -= first.frame.length;
  account(queue, first.frame.length, false);
  return first;
}

void Pending::setHeld(WaitingQueue& queue, bool held) {
  if (queue.held == held) return;
  account(queue, queue.bytes, false);
  queue.held = held;
  account(queue, queue.bytes, true);
}

void Pending::account(const WaitingQueue& queue, size_t bytes, bool more) {
  const auto add = [&](size_t& sum) { sum = more ? sum + bytes : sum - bytes; };
  if (queue.held) return add(heldBytes_);
  add(bytes_);
  add(byIngress_[queue.ingress].bytes);
}

void Pending::forget(const FlowKey& key) {
  const auto it = byIngress_.find(key.ingress);
  if (it != byIngress_.end() && --it->second.keys == 0) byIngress_.erase(it);
}

void Pending::erase(const FlowKey& key) {
  const auto it = queues_.find(key);
  if (it == queues_.end()) return;
  account(it->second, it->second.bytes, false);
  forget(it->first);
  queues_.erase(it);
}

}  // namespace vnet
