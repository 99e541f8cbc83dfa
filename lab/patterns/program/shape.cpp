#include "shape.hpp"

#include <algorithm>
#include <numeric>
#include <set>

namespace patterns {
namespace {

using Kind = Shape::Kind;

struct Name {
  const char* text;
  Kind kind;
  bool hasSides;
};
constexpr Name kNames[] = {
    {"bus", Kind::bus, false},   {"ring", Kind::ring, false},           {"mesh", Kind::mesh, true},
    {"torus", Kind::torus, true}, {"hypercube", Kind::hypercube, false}, {"tree", Kind::tree, false},
    {"all-to-all", Kind::allToAll, false},
};

const char* nameOf(Kind kind) {
  return std::find_if(std::begin(kNames), std::end(kNames), [&](const Name& name) { return name.kind == kind; })->text;
}

std::vector<size_t> parseSides(const std::string& text) {
  std::vector<size_t> sides;
  size_t side = 0, digits = 0;
  for (const char c : text + "x") {
    if (c >= '0' && c <= '9' && digits < 4) {
      side = side * 10 + static_cast<size_t>(c - '0');
      ++digits;
    } else if (c == 'x' && side > 0) {
      sides.push_back(side);
      side = digits = 0;
    } else {
      throw std::runtime_error("'" + text + "' is not a list of sides such as 4x4");
    }
  }
  return sides;
}

void checkSize(const Shape& shape, size_t ranks) {
  if (ranks < 2) throw std::runtime_error("a pattern needs 2 ranks or more, here are " + std::to_string(ranks));
  if (ranks > kMaxRanks) throw std::runtime_error("at most " + std::to_string(kMaxRanks) + " ranks");
  if (!shape.sides.empty()) {
    const size_t product = std::accumulate(shape.sides.begin(), shape.sides.end(), size_t{1}, std::multiplies<>());
    if (product != ranks) {
      throw std::runtime_error(shape.text() + " has " + std::to_string(product) + " ranks, but there are " +
                               std::to_string(ranks));
    }
  }
  if (shape.kind == Kind::hypercube && (ranks & (ranks - 1)) != 0) {
    throw std::runtime_error("a hypercube needs a power of two of ranks, here are " + std::to_string(ranks));
  }
}

// One step forward along every side; a torus wraps.
void addGrid(const Shape& shape, size_t rank, std::vector<std::set<Rank>>& links) {
  size_t stride = 1;
  for (auto side = shape.sides.rbegin(); side != shape.sides.rend(); stride *= *side, ++side) {
    const size_t at = rank / stride % *side;
    const bool last = at + 1 == *side;
    if (last && (shape.kind == Kind::mesh || *side == 1)) continue;
    const size_t other = last ? rank - at * stride : rank + stride;
    links[rank].insert(static_cast<Rank>(other));
    links[other].insert(static_cast<Rank>(rank));
  }
}

}  // namespace

Shape Shape::parse(const std::string& text) {
  const size_t colon = text.find(':');
  const std::string word = text.substr(0, colon);
  const auto* name = std::find_if(std::begin(kNames), std::end(kNames), [&](const Name& n) { return word == n.text; });
  if (name == std::end(kNames)) {
    throw std::runtime_error("there is no shape '" + word +
                             "': bus, ring, mesh:SIDES, torus:SIDES, hypercube, tree, all-to-all");
  }
  if (name->hasSides != (colon != std::string::npos)) {
    throw std::runtime_error(name->hasSides ? word + " needs its sides, such as " + word + ":4x4"
                                            : word + " has no sides");
  }
  Shape shape{name->kind, {}};
  if (name->hasSides) shape.sides = parseSides(text.substr(colon + 1));
  return shape;
}

std::string Shape::text() const {
  std::string result = nameOf(kind);
  for (size_t i = 0; i < sides.size(); ++i) result += (i == 0 ? ":" : "x") + std::to_string(sides[i]);
  return result;
}

Graph graphOf(const Shape& shape, size_t ranks) {
  checkSize(shape, ranks);
  std::vector<std::set<Rank>> links(ranks);
  const auto join = [&](size_t a, size_t b) {
    if (a == b) return;
    links[a].insert(static_cast<Rank>(b));
    links[b].insert(static_cast<Rank>(a));
  };
  for (size_t rank = 0; rank < ranks; ++rank) {
    switch (shape.kind) {
      case Kind::bus:
        if (rank > 0) join(rank - 1, rank);
        break;
      case Kind::ring:
        join(rank, (rank + 1) % ranks);
        break;
      case Kind::mesh:
      case Kind::torus:
        addGrid(shape, rank, links);
        break;
      case Kind::hypercube:
        for (size_t bit = 1; bit < ranks; bit <<= 1) join(rank, rank ^ bit);
        break;
      case Kind::tree:
        if (rank > 0) join(rank, (rank - 1) / 2);
        break;
      case Kind::allToAll:
        for (size_t other = 0; other < rank; ++other) join(rank, other);
        break;
    }
  }
  Graph graph;
  for (const auto& set : links) graph.emplace_back(set.begin(), set.end());
  return graph;
}

Tree treeTowards(const Graph& graph, Rank root) {
  constexpr size_t kUnseen = SIZE_MAX;
  const size_t ranks = graph.size();
  std::vector<size_t> distance(ranks, kUnseen);
  std::vector<Rank> order{root};
  distance[root] = 0;
  for (size_t i = 0; i < order.size(); ++i) {  // breadth first; the list grows while it is walked
    for (const Rank neighbour : graph[order[i]]) {
      if (distance[neighbour] != kUnseen) continue;
      distance[neighbour] = distance[order[i]] + 1;
      order.push_back(neighbour);
    }
  }
  Tree tree{std::vector<Rank>(ranks, root), std::vector<size_t>(ranks, 1), distance[order.back()]};
  for (auto rank = order.rbegin(); *rank != root; ++rank) {
    for (const Rank neighbour : graph[*rank]) {
      if (distance[neighbour] + 1 != distance[*rank]) continue;
      tree.next[*rank] = neighbour;
      tree.below[neighbour] += tree.below[*rank];
      break;
    }
  }
  return tree;
}

}  // namespace patterns
