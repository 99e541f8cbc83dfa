// The patterns as graphs over ranks 0 to n-1, and the routes along them.
#pragma once

#include "patterns.hpp"

namespace patterns {

struct Shape {
  enum class Kind { bus, ring, mesh, torus, hypercube, tree, allToAll } kind = Kind::ring;
  std::vector<size_t> sides;  // of mesh and torus; the last side varies fastest

  // `ring`, `torus:4x4`...; throws what is wrong with it.
  static Shape parse(const std::string& text);
  std::string text() const;
};

using Graph = std::vector<std::vector<Rank>>;  // neighbours of each rank, ascending

// Throws when the shape cannot have that many ranks.
Graph graphOf(const Shape& shape, size_t ranks);

// The way towards one rank: each rank's next hop is its lowest neighbour that is nearer.
struct Tree {
  std::vector<Rank> next;       // next[root] is root
  std::vector<size_t> below;    // ranks whose way passes here, the rank itself included
  size_t depth = 0;             // hops of the farthest rank
};
Tree treeTowards(const Graph& graph, Rank root);

}  // namespace patterns
