// Frames that wait for a VM that is moving, and what becomes of those that waited (see forwarder.hpp). I/O thread.
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

}  // namespace vnet
