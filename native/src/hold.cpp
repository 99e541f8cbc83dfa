// Frames that wait for a VM that is moving, those among them that left too late for it, and what becomes of those that
// waited (see forwarder.hpp). I/O thread.
//
// A flow that says nothing but hold waits whole. Beside other actions (a group frame) only a copy waits, for the one
// port; the flow goes on, and the copy is never sent anywhere else.
#include "forwarder.hpp"

namespace vnet {

void Forwarder::hold(const Frame& frame, const Action& action, bool copy) {
  const std::optional<uint32_t> port = action.named ? std::optional(action.id) : std::nullopt;
  const FlowKey key{frame.network, frame.ingress, frame.source(), frame.destination(), frame.ground};
  WaitingQueue* queue = pending_.find(key);
  const bool fresh = !queue;
  if (fresh) queue = pending_.open(key, loop_.now());
  if (!queue) return dropHeld(frame, Drop::holdLimit, port);
  if (!pendingTimer_.armed()) pendingTimer_.at(loop_.now() + PENDING_SWEEP_NS);
  pending_.setHeld(*queue, true);
  queue->target = port;
  if (fresh || !copy) queue->copies = copy;
  WaitingFrame* waiting = pending_.push(*queue, frame, loop_.now());
  if (!waiting) return dropHeld(frame, Drop::holdLimit, port);
  if (copy) waiting->copy = port;
  countHeld(*waiting, port);
}

void Forwarder::countHeld(WaitingFrame& waiting, const std::optional<uint32_t>& port) {
  if (waiting.counted) return;
  waiting.counted = true;
  const auto found = port ? ports_.find(*port) : ports_.end();
  if (found != ports_.end()) found->second->held++;
}

// What was meant for a held port is lost there, not where it came in.
void Forwarder::dropHeld(const Frame& frame, Drop reason, const std::optional<uint32_t>& port) {
  const auto found = port ? ports_.find(*port) : ports_.end();
  if (found == ports_.end()) return drop(frame, reason);
  portDrop(*found->second, reason);
}

// Lets the frames of a key go, in order, as far as the cache now has answers; asks for what it has not.
void Forwarder::drain(const FlowKey& key) {
  WaitingQueue* queue = pending_.find(key);
  if (!queue) return;
  std::deque<WaitingFrame> waiting = pending_.take(*queue);
  const auto keep = [&] {
    for (WaitingFrame& frame : waiting) pending_.putBack(*queue, std::move(frame));
  };
  queue->copies = true;
  while (!waiting.empty()) {
    WaitingFrame& first = waiting.front();
    const uint32_t epoch = first.frame.epoch;
    const Actions* actions = flows_.find(key, epoch);
    if (!actions) {
      queue->copies = false;
      keep();
      if (ask(*queue, key, epoch)) return;
      for (WaitingFrame& lost : pending_.take(*queue)) drop(lost.frame, Drop::missQueue);
      break;
    }
    if (actions->size() == 1 && actions->front().kind == ActionKind::hold) {
      const Action& hold = actions->front();
      if (!queue->held) queue->sinceNs = loop_.now();
      pending_.setHeld(*queue, true);
      queue->target = hold.named ? std::optional(hold.id) : std::nullopt;
      queue->copies = false;
      for (WaitingFrame& frame : waiting) countHeld(frame, queue->target);
      return keep();
    }
    if (!first.copy) act(first.frame, *actions);
    else if (!decideAgain(*queue, first, *actions)) dropHeld(first.frame, Drop::holdLimit, first.copy);
    waiting.pop_front();
  }
  if (queue->frames.empty()) pending_.erase(key);
}

// A copy goes to its own port or nowhere. False: its flow does not lead there any more.
bool Forwarder::decideAgain(WaitingQueue& queue, WaitingFrame& waiting, const Actions& actions) {
  for (const Action& action : actions) {
    if (action.id != *waiting.copy) continue;
    if (action.kind == ActionKind::hold && action.named) {
      pending_.putBack(queue, std::move(waiting));
      return true;
    }
    if (action.kind != ActionKind::port) continue;
    Frame whole = waiting.frame;
    if (!waiting.frame.fragment || join(waiting.frame, whole)) toPort(whole, action.id);
    return true;
  }
  return false;
}

void Forwarder::keepSent(uint32_t id, bool kept) {
  const auto found = ports_.find(id);
  if (found == ports_.end()) return count(Drop::portClosed);
  if (!kept) found->second->sent.reset();
  else if (!found->second->sent) found->second->sent = std::make_unique<Sent>();
}

void Forwarder::lookAtSent() {
  bool waits = false;
  for (const auto& [id, port] : ports_) {
    if (!port->sent || !port->sent->waits()) continue;
    if (port->allRead()) port->sent->allRead(loop_.now());
    else waits = true;
  }
  if (waits) sentTimer_.at(loop_.now() + SENT_LOOK_NS);
}

// They are on their way to the VM, wherever that is now, and first in the order in which they came. Counters that saw
// them leave do not forget it.
void Forwarder::recall(uint32_t id, uint64_t agoNs) {
  const auto found = ports_.find(id);
  if (found == ports_.end() || !found->second->sent) return;
  Port& port = *found->second;
  const uint64_t now = loop_.now();
  UnreadFrames unread = port.sent->takeUnread(now > agoNs ? now - agoNs : 0);
  port.doubtful += unread.doubtful;
  for (; unread.overflowed > 0; unread.overflowed--) portDrop(port, Drop::holdLimit);
  std::vector<FlowKey> fresh;
  for (auto& frames = unread.frames; !frames.empty(); frames.pop_back())
    recallOne(port, std::move(frames.back()), fresh);
  for (const FlowKey& key : fresh) {
    WaitingQueue* queue = pending_.find(key);
    if (!queue) continue;
    if (!queue->frames.empty() && ask(*queue, key, queue->frames.front().frame.epoch)) continue;
    for (WaitingFrame& lost : pending_.take(*queue)) dropHeld(lost.frame, Drop::missQueue, port.id());
    pending_.erase(key);
  }
}

void Forwarder::recallOne(Port& port, SentFrame sent, std::vector<FlowKey>& fresh) {
  const Frame& frame = sent.frame;
  const FlowKey key{frame.network, frame.ingress, frame.source(), frame.destination(), frame.ground};
  WaitingQueue* queue = pending_.find(key);
  if (!queue) {
    queue = pending_.open(key, loop_.now());
    if (!queue) return portDrop(port, Drop::holdLimit);
    if (!pendingTimer_.armed()) pendingTimer_.at(loop_.now() + PENDING_SWEEP_NS);
    fresh.push_back(key);
  }
  pending_.setHeld(*queue, true);
  queue->target = port.id();
  queue->copies = false;
  if (!pending_.pushFirst(*queue, std::move(sent), loop_.now())) return portDrop(port, Drop::holdLimit);
  countHeld(queue->frames.front(), port.id());
}

}  // namespace vnet
