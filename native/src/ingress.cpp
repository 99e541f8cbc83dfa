// Stages 1 to 7 (see forwarder.hpp). I/O thread; frames are borrowed from the port or socket that read them,
// and copied where they wait.
#include <algorithm>

#include "announcement.hpp"
#include "forwarder.hpp"
#include "mss.hpp"

namespace vnet {

namespace {
constexpr size_t USUAL_MTU = 1'500;
constexpr size_t USUAL_DATAGRAM = 1'472;

bool isTagged(const uint8_t* frame) {
  const uint16_t type = load16(frame + 12);
  return type == 0x8100 || type == 0x88a8;
}
}  // namespace

void Forwarder::fromPort(Port& port, uint8_t* octets, size_t length) {
  // 1 size
  const auto found = networks_.find(port.network());
  if (found == networks_.end()) return portDrop(port, Drop::unknownNetwork);
  const Network& network = found->second;
  if (length < ETHERNET_BYTES) return portDrop(port, Drop::runt);
  if (length > network.mostOctets(isTagged(octets)) || length > MAX_FRAME)
    return portDrop(port, Drop::oversize);

  // 2 guard or learning
  const uint64_t source = loadMac(octets + 6);
  if (!admit(port, octets, length)) return portDrop(port, Drop::guard);

  // 3 MSS clamp
  if (const size_t most = clampOctets(network)) clampMss(octets, length, most);

  // 4 count
  const auto size = static_cast<uint32_t>(length);
  port.counters.inFrames++;
  port.counters.inBytes += size;
  pairs_.entered({network.id, source, loadMac(octets)}, size);

  // 5 stamp
  Frame frame;
  frame.data = octets;
  frame.length = size;
  frame.network = network.id;
  frame.ingress = port.id();
  frame.epoch = network.epoch;
  frame.hopLimit = FIRST_HOP_LIMIT;
  frame.fromPort = true;
  enter(frame);
}

void Forwarder::fromLink(Link& link, const Header& header, const uint8_t* end, size_t length) {
  if (!(header.flags & FLAG_FRAGMENT) || header.offset == 0) link.counters.inFrames++;
  link.counters.inBytes += length;
  // 2 network
  const auto found = networks_.find(header.network);
  if (found == networks_.end()) return linkDrop(&link, Drop::unknownNetwork);
  const Network& network = found->second;

  Frame frame;
  frame.data = end;
  frame.length = static_cast<uint32_t>(length);
  frame.network = network.id;
  frame.ingress = link.edge();
  frame.epoch = header.epoch;
  frame.hopLimit = std::min(header.hopLimit, FIRST_HOP_LIMIT);  // no peer makes a loop longer
  frame.ground = header.flags & FLAG_GROUND;
  frame.echo = header.flags & FLAG_ECHO;
  frame.fragment = header.flags & FLAG_FRAGMENT;
  frame.fragmentId = header.fragmentId;
  frame.offset = header.offset;
  frame.total = header.total;
  // 3 epoch
  if (header.epoch < network.oldestEpoch || header.epoch > uint64_t{network.epoch} + 1) {
    frame.ground = true;
    frame.epoch = network.epoch;  // the rules of an epoch that is over are gone
  }
  // 4 size
  const size_t whole = frame.fragment ? MAC_PAIR_BYTES + size_t{frame.total} : length;
  if (whole > network.mostOctets(true)) return linkDrop(&link, Drop::oversize);
  enter(frame);
}

// The spoofing guard, or learning. False: not admitted.
bool Forwarder::admit(Port& port, const uint8_t* frame, size_t length) {
  const uint64_t source = loadMac(frame + 6);
  const bool admitted = !port.guarded() || port.admits(source);
  if (admitted && (port.guarded() || isGroupMac(source))) return true;
  const Learnt key{source, port.network()};
  LearntAt* at = admitted ? learnt_.find(key) : nullptr;
  // Whoever keeps the list forgets with age, and knows only by our reports who still talks.
  if (at && at->port == port.id() && loop_.now() - at->reported < LEARNT_REPORT_NS) return true;
  const bool announced = isAnnouncement(frame, length);
  // Learnt later, where there is no room now.
  if (!(announced ? port.announcements : port.sourceEvents).take(loop_.now())) return admitted;
  if (admitted) (at ? *at : learnt_.insert(key)) = LearntAt{port.id(), loop_.now()};
  Event event;
  event.kind = Event::Kind::source;
  event.id = port.id();
  event.source = source;
  event.yes = admitted;
  event.announced = announced;
  up_.event(std::move(event));
  return admitted;
}

// Largest frame that TCP should make, so that it goes in one datagram: what the narrowest live UDP link
// takes, at most what fits an Ethernet underlay, which is also assumed before a link is up. 0: no clamp
// (jumbo networks without UDP links).
size_t Forwarder::clampOctets(const Network& network) const {
  size_t datagram = links_.smallestDatagram();
  if (datagram == 0) {
    if (network.mtu > USUAL_MTU) return 0;
    datagram = USUAL_DATAGRAM;
  }
  if (network.mtu <= USUAL_MTU && datagram > USUAL_DATAGRAM) datagram = USUAL_DATAGRAM;
  return datagram - HEADER_BYTES;
}

void Forwarder::enter(const Frame& frame) {
  const FlowKey key{frame.network, frame.ingress, frame.source(), frame.destination(), frame.ground};
  // 6 what waits for the same key goes first
  WaitingQueue* waiting = pending_.empty() ? nullptr : pending_.find(key);
  if (waiting && !waiting->copies) return wait(key, frame);
  // 7 look up
  const Actions* actions = flows_.find(key, frame.epoch);
  if (!actions) return wait(key, frame);
  act(frame, *actions);
}

void Forwarder::wait(const FlowKey& key, const Frame& frame) {
  WaitingQueue* queue = pending_.find(key);
  const bool first = !queue || queue->copies;  // the first that needs an answer
  if (!queue) {
    if (!mayMiss(frame.ingress)) return drop(frame, Drop::missQueue);
    queue = pending_.open(key, loop_.now());
    if (!queue) return drop(frame, Drop::missQueue);
    if (!pendingTimer_.armed()) pendingTimer_.at(loop_.now() + PENDING_SWEEP_NS);
  }
  WaitingFrame* waiting = pending_.push(*queue, frame, loop_.now());
  if (!waiting) {
    if (queue->held) dropHeld(frame, Drop::holdLimit, queue->target);
    else drop(frame, Drop::missQueue);
    return;
  }
  queue->copies = false;
  if (queue->held && !first && queue->asked.empty()) return countHeld(*waiting, queue->target);
  if (first) {
    if (ask(*queue, key, frame.epoch)) return;
    for (WaitingFrame& lost : pending_.take(*queue)) drop(lost.frame, Drop::missQueue);
    pending_.erase(key);
  } else if (loop_.now() - queue->askedNs >= PENDING_TIMEOUT_NS) {
    // An answer that never came must not silence a flow that goes on.
    queue->asked.clear();
    ask(*queue, key, queue->frames.front().frame.epoch);
  }
}

// Sends the miss up, once for each epoch that waits. False: the queue to JavaScript is full.
bool Forwarder::ask(WaitingQueue& queue, const FlowKey& key, uint32_t epoch) {
  for (const uint32_t asked : queue.asked)
    if (asked == epoch) return true;
  if (!up_.miss({key, epoch})) return false;
  queue.asked.push_back(epoch);
  queue.askedNs = loop_.now();
  return true;
}

bool Forwarder::mayMiss(uint32_t ingress) {
  const auto port = ports_.find(ingress);
  if (port != ports_.end()) return port->second->misses.take(loop_.now());
  return edgeMisses_.try_emplace(ingress, MISSES_PER_SECOND, MISS_BURST).first->second.take(loop_.now());
}

}  // namespace vnet
