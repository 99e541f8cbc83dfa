// Stages 8 to 10 (see forwarder.hpp). I/O thread; ports and sockets copy what they send.
#include "forwarder.hpp"

namespace vnet {

// 8 for each action: ground, liveness, loop
void Forwarder::act(const Frame& frame, const Actions& actions) {
  bool ground = false, looped = false, done = false;
  Frame whole = frame;
  bool joinTried = false, joined = !frame.fragment, echoed = false;
  for (const Action& action : actions) {
    const bool back = !frame.ground && action.id == frame.ingress;
    switch (action.kind) {
      case ActionKind::hold:
        hold(frame, action, actions.size() > 1);
        done = true;
        break;
      case ActionKind::drop:
        drop(frame, action.reason);
        done = true;
        break;
      case ActionKind::ground:
        ground = true;
        break;
      case ActionKind::port:
        if (back) {
          looped = true;
          break;
        }
        done = true;
        if (!joined && !joinTried) joined = join(frame, whole);
        joinTried = true;
        // A stranger's echo buys one answer, however many ports its flow has.
        if (joined && !(frame.echo && echoed)) toPort(whole, action.id);
        echoed = true;
        break;
      case ActionKind::edge:
        if (back) looped = true;
        else if (toEdge(frame, action.id)) done = true;
        else ground = true;
        break;
    }
  }
  if (ground) return toGround(frame);
  if (looped && !done) drop(frame, Drop::loop);
  if (actions.empty()) drop(frame, Drop::noMatch);
}

// Sets the bit and looks up again, once.
void Forwarder::toGround(const Frame& frame) {
  if (frame.ground) return drop(frame, Drop::groundDead);
  Frame grounded = frame;
  grounded.ground = true;
  // Stamped anew: the paths of its epoch have failed it.
  if (const auto network = networks_.find(frame.network); network != networks_.end())
    grounded.epoch = network->second.epoch;
  enter(grounded);
}

// 10 edge. False: it has no live link, and the frame is to go by ground.
bool Forwarder::toEdge(const Frame& frame, uint32_t edge) {
  Link* link = links_.live(edge);
  if (!link) {
    if (frame.ground) drop(frame, Drop::groundDead);
    else if (isGroupMac(frame.destination())) drop(frame, Drop::groupEdgeDead);
    else return false;
    return true;
  }
  uint8_t hopLimit = frame.hopLimit;
  if (!frame.fromPort) {
    if (hopLimit <= 1) {
      drop(frame, Drop::hopLimit);
      return true;
    }
    hopLimit--;
  }
  const auto network = frame.ground && frame.ingress == edge ? networks_.find(frame.network) : networks_.end();
  if (network != networks_.end()) {
    // It has found nobody by the rules of its epoch: one that turns round is stamped anew.
    Frame turned = frame;
    turned.epoch = network->second.epoch;
    link->send(turned, hopLimit);
    return true;
  }
  link->send(frame, hopLimit);
  return true;
}

// 9 port: join, deliver
bool Forwarder::join(const Frame& piece, Frame& whole) {
  const bool complete = joiner_.add(piece, loop_.now(), whole, [this](Drop reason) { count(reason); });
  if (!joiner_.empty() && !joinTimer_.armed()) joinTimer_.at(loop_.now() + JOIN_SWEEP_NS);
  return complete;
}

void Forwarder::toPort(const Frame& frame, uint32_t id) {
  const auto it = ports_.find(id);
  if (it == ports_.end() || it->second->network() != frame.network) return drop(frame, Drop::portClosed);
  if (frame.echo) return echoArrived(frame, id);
  deliver(*it->second, frame);
}

void Forwarder::deliver(Port& port, const Frame& frame) {
  if (port.sent && port.allRead()) port.sent->allRead(loop_.now());
  if (!port.send(frame.data, frame.length)) return portDrop(port, Drop::portQueue);
  if (!port.dirty) {
    port.dirty = true;
    dirty_.push_back(&port);
  }
  if (port.sent) {
    port.sent->add(frame);
    if (!sentTimer_.armed()) sentTimer_.at(loop_.now() + SENT_LOOK_NS);
  }
  port.counters.outFrames++;
  port.counters.outBytes += frame.length;
  pairs_.left({frame.network, frame.source(), frame.destination()}, frame.length);
}

// A frame that goes nowhere counts for the plane, and for the port or the links' edge it came from.
void Forwarder::drop(const Frame& frame, Drop reason) {
  count(reason);
  if (!frame.fromPort) return;
  const auto it = ports_.find(frame.ingress);
  if (it != ports_.end()) it->second->counters.drops++;
}

}  // namespace vnet
