// The communication of one superstep, for each operation:
// - exchange: a message to each neighbour and one from each;
// - reduction: partial sums up a tree of the pattern's edges to rank 0, a short release down;
// - all-to-all: a message from each rank to each, relayed along shortest ways of the pattern.
#pragma once

#include "links.hpp"

namespace patterns {

class Superstep {
 public:
  Superstep(const Settings& settings, const Phase& phase, const Graph& graph, Links& links);

  // The header that all frames of this phase start from: phase, and what is known of its end.
  Header form;

  void begin(uint32_t step);
  // What arrived: of this superstep, or of the next one from a neighbour that is ahead (never farther).
  void receive(const Header& header);
  bool complete() const;

  // Hops from rank 0 to the farthest: how long news of rank 0 takes, in supersteps.
  size_t depth() const { return toRoot_.depth; }
  // Mean over all ranks, relayed messages included.
  double meanBytesSent() const;
  // Who is still awaited, for a message: some neighbour that has sent nothing yet.
  Rank awaited() const;

 private:
  struct Arrivals {
    size_t messages = 0;
    uint64_t sum = 0;
    bool released = false;
    std::vector<bool> from;
  };

  Arrivals& arrivals(uint32_t step) { return arrivals_[step % 2]; }
  const Arrivals& arrivals(uint32_t step) const { return arrivals_[step % 2]; }
  void send(Rank hop, Rank source, Rank destination, uint64_t value);
  void climb();
  void release();
  uint64_t ownValue() const;

  const Settings& settings_;
  const Operation operation_;
  const Graph& graph_;
  Links& links_;
  const Rank rank_;
  Tree toRoot_;
  std::vector<Rank> children_;
  std::vector<Rank> hop_;  // of an all-to-all: towards each rank
  size_t due_ = 0;         // messages that end here or pass through
  uint32_t step_ = 0;
  bool climbed_ = false;
  Arrivals arrivals_[2];
};

}  // namespace patterns
