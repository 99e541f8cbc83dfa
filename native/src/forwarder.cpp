#include "forwarder.hpp"

namespace vnet {

Forwarder::Forwarder(Loop& loop, Up& up, Trains& trains)
    : loop_(loop),
      up_(up),
      links_(loop, *this, trains, [this](const ArrivalColumns& columns) { return up_.arrivals(columns); }),
      pendingTimer_(loop,
                    [this] {
                      pending_.expire(loop_.now(),
                                      [this](const Frame& frame, Drop reason, const WaitingQueue& queue) {
                                        dropHeld(frame, reason, queue.held ? queue.target : std::nullopt);
                                      });
                      if (!pending_.empty()) pendingTimer_.at(loop_.now() + PENDING_SWEEP_NS);
                    }),
      joinTimer_(loop, [this] {
        joiner_.expire(loop_.now(), [this](Drop reason) { count(reason); });
        if (!joiner_.empty()) joinTimer_.at(loop_.now() + JOIN_SWEEP_NS);
      }),
      sentTimer_(loop, [this] { lookAtSent(); }) {}

Forwarder::~Forwarder() = default;

void Forwarder::removeNetwork(uint32_t id) {
  networks_.erase(id);
  FlowScope scope;
  scope.hasNetwork = true;
  scope.network = id;
  flows_.invalidate(scope);
}

void Forwarder::openPort(std::unique_ptr<Port> port) {
  Port& opened = *port;
  ports_[opened.id()] = std::move(port);
  opened.start(loop_, *this);
}

void Forwarder::setPortMacs(uint32_t id, std::vector<uint64_t> macs) {
  const auto it = ports_.find(id);
  if (it != ports_.end()) it->second->setMacs(std::move(macs));
}

void Forwarder::closePort(uint32_t id) {
  const auto it = ports_.find(id);
  if (it == ports_.end()) return;
  flush();
  echoAnswers_.erase(id);
  ports_.erase(it);  // between two turns: no event of this turn can still point at it
  learnt_.eraseIf([&](const Learnt&, const LearntAt& at) { return at.port == id; });
}

void Forwarder::removeEdge(uint32_t id) {
  links_.removeEdge(id);
  edgeMisses_.erase(id);
  echoAnswers_.erase(id);
}

void Forwarder::applyFlows(FlowDelta delta) {
  const bool stale = delta.generation < generation_;
  if (!stale) generation_ = delta.generation;
  std::vector<FlowKey> touched;
  const FlowScopes scopes(delta.invalidate);
  std::vector<FlowKey> erased;
  flows_.invalidate(scopes, &erased);
  if (!scopes.empty() && !pending_.empty()) {
    pending_.each([&](const FlowKey& key, WaitingQueue&) {
      if (scopes.matches(key)) touched.push_back(key);
    });
    // Held, by an entry that was found by where it leads.
    for (const FlowKey& key : erased)
      if (!scopes.matches(key) && pending_.find(key)) touched.push_back(key);
  }
  for (FlowEntry& entry : delta.install) {
    if (WaitingQueue* queue = pending_.find(entry.key)) {
      std::erase_if(queue->asked,
                    [&](uint32_t epoch) { return epoch >= entry.fromEpoch && epoch < entry.toEpoch; });
      touched.push_back(entry.key);
    }
    if (!stale) flows_.install(std::move(entry));
  }
  for (const FlowKey& key : touched) drain(key);
}

void Forwarder::flush() {
  for (size_t i = 0; i < dirty_.size(); i++) {
    dirty_[i]->flush();
    dirty_[i]->dirty = false;
  }
  dirty_.clear();
  links_.flush();
}

void Forwarder::portState(Port& port, bool up, const std::string& reason) {
  Event event;
  event.kind = Event::Kind::port;
  event.id = port.id();
  event.yes = up;
  event.reason = reason;
  up_.event(std::move(event));
}

void Forwarder::portDrop(Port& port, Drop reason) {
  count(reason);
  port.counters.drops++;
}

void Forwarder::linkState(Link& link, bool up, const std::string& reason, const std::string& remote) {
  Event event;
  event.kind = Event::Kind::link;
  event.id = link.id();
  event.yes = up;
  event.reason = reason;
  event.remote = remote;
  event.rttUs = link.rttUs();
  up_.event(std::move(event));
}

void Forwarder::linkNote(Link& link, const uint8_t* note, size_t length) {
  Event event;
  event.kind = Event::Kind::note;
  event.id = link.id();
  event.note.assign(note, note + length);
  up_.event(std::move(event));
}

void Forwarder::linkDrop(Link* link, Drop reason) {
  count(reason);
  if (link) link->counters.drops++;
}

void Forwarder::reportSnapshot(uint64_t ticket) {
  Snapshot out;
  out.ticket = ticket;
  out.pairs = pairs_.columns();
  links_.each([&](Link& link) { out.links.push_back(link.row()); });
  for (const auto& [id, port] : ports_) out.ports.push_back({{id, port->counters}, port->held, port->doubtful});
  out.drops = drops_;
  out.flowEntries = flows_.size();
  up_.snapshot(std::move(out));
}

}  // namespace vnet
