#include "superstep.hpp"

namespace patterns {

Superstep::Superstep(const Settings& settings, const Phase& phase, const Graph& graph, Links& links)
    : settings_(settings),
      operation_(phase.operation),
      graph_(graph),
      links_(links),
      rank_(settings.rank),
      toRoot_(treeTowards(graph, 0)) {
  const auto ranks = static_cast<Rank>(graph.size());
  for (const Rank neighbour : graph[rank_]) {
    if (neighbour != 0 && toRoot_.next[neighbour] == rank_) children_.push_back(neighbour);
  }
  switch (operation_) {
    case Operation::exchange:
      due_ = graph[rank_].size();
      break;
    case Operation::reduction:
      due_ = children_.size();
      break;
    case Operation::allToAll:
      due_ = ranks - 1u;  // for us
      hop_.resize(ranks);
      for (Rank destination = 0; destination < ranks; ++destination) {
        if (destination == rank_) continue;
        const Tree tree = treeTowards(graph, destination);
        hop_[destination] = tree.next[rank_];
        due_ += tree.below[rank_] - 1;  // through us
      }
      break;
  }
  for (Arrivals& one : arrivals_) one.from.resize(ranks);
}

uint64_t Superstep::ownValue() const { return uint64_t{rank_} + step_; }

void Superstep::send(Rank hop, Rank source, Rank destination, uint64_t value) {
  Header header = form;
  header.kind = FrameKind::message;
  header.frameBytes = static_cast<uint32_t>(settings_.messageBytes);
  header.source = source;
  header.destination = destination;
  header.step = step_;
  header.value = value;
  links_.send(hop, header);
}

void Superstep::begin(uint32_t step) {
  arrivals(step_) = Arrivals{0, 0, false, std::vector<bool>(graph_.size())};  // of the step that is over
  step_ = step;
  climbed_ = false;
  switch (operation_) {
    case Operation::exchange:
      for (const Rank neighbour : graph_[rank_]) send(neighbour, rank_, neighbour, 0);
      break;
    case Operation::reduction:
      climb();
      break;
    case Operation::allToAll:
      for (size_t destination = 0; destination < hop_.size(); ++destination) {
        if (destination != rank_) send(hop_[destination], rank_, static_cast<Rank>(destination), 0);
      }
      break;
  }
}

// When all children have sent: their sum and ours goes up, or is whole at the root.
void Superstep::climb() {
  const Arrivals& now = arrivals(step_);
  if (climbed_ || now.messages < due_) return;
  climbed_ = true;
  if (rank_ != 0) return send(toRoot_.next[rank_], rank_, toRoot_.next[rank_], now.sum + ownValue());
  const uint64_t ranks = graph_.size();
  const uint64_t right = ranks * (ranks - 1) / 2 + ranks * step_;
  if (now.sum + ownValue() != right) {
    throw PeerLost(rank_, "the reduction of superstep " + std::to_string(step_) + " gave a wrong sum");
  }
  release();
}

void Superstep::release() {
  arrivals(step_).released = true;
  Header header = form;
  header.kind = FrameKind::release;
  header.step = step_;
  for (const Rank child : children_) {
    header.destination = child;
    links_.send(child, header);
  }
}

void Superstep::receive(const Header& header) {
  if (header.last != 0 && (form.last == 0 || header.last < form.last)) {
    form.last = header.last;
    form.isFinal = header.isFinal;
  }
  if (header.phase != form.phase || (header.step != step_ && header.step != step_ + 1)) {
    throw PeerLost(rank_, "in superstep " + std::to_string(step_) + " came a message of superstep " +
                              std::to_string(header.step));
  }
  if (header.kind == FrameKind::release) return release();
  Arrivals& then = arrivals(header.step);
  ++then.messages;
  then.sum += header.value;
  if (header.source < then.from.size()) then.from[header.source] = true;
  if (operation_ == Operation::reduction && header.step == step_) climb();
  if (operation_ == Operation::allToAll && header.destination != rank_) {
    Header onward = header;
    onward.last = form.last;
    onward.isFinal = form.isFinal;
    links_.send(hop_.at(header.destination), onward);
  }
}

bool Superstep::complete() const {
  const Arrivals& now = arrivals(step_);
  return operation_ == Operation::reduction ? now.released : now.messages >= due_;
}

double Superstep::meanBytesSent() const {
  const double ranks = static_cast<double>(graph_.size());
  size_t messages = 0;
  if (operation_ == Operation::reduction) messages = graph_.size() - 1;
  for (Rank rank = 0; rank < graph_.size(); ++rank) {
    if (operation_ == Operation::exchange) messages += graph_[rank].size();
    if (operation_ != Operation::allToAll) continue;
    const Tree tree = treeTowards(graph_, rank);
    for (Rank other = 0; other < graph_.size(); ++other) {
      if (other != rank) messages += tree.below[other];  // each passes one hop on from here
    }
  }
  return static_cast<double>(messages) * static_cast<double>(settings_.messageBytes) / ranks;
}

Rank Superstep::awaited() const {
  const Arrivals& now = arrivals(step_);
  if (operation_ == Operation::reduction && climbed_) return toRoot_.next[rank_];
  const std::vector<Rank>& candidates = operation_ == Operation::reduction ? children_ : graph_[rank_];
  for (const Rank rank : candidates) {
    if (!now.from[rank]) return rank;
  }
  return graph_[rank_].front();
}

}  // namespace patterns
