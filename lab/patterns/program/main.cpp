// patterns: a synthetic bulk synchronous parallel program (Sundararaj, VNET thesis proposal, sections 9.1 and 9.4).
#include <csignal>

#include "noise.hpp"
#include "run.hpp"

namespace {

constexpr int kExitUsage = 2;
constexpr const char* kUsage =
    R"(Patterns: a synthetic bulk synchronous parallel program. One process for each rank, on any machine:

  patterns run --rank N --peers FILE [OPTION VALUE]...

  --peers FILE         lines of "rank address" (IPv4 or IPv6), the same for all; - is standard input
  --shape SHAPE        who is whose neighbour: bus, ring, mesh:4x4, torus:2x2x2, hypercube, tree, all-to-all. Default ring
  --operation NAME     exchange: a message to each neighbour; reduction: sums up a tree of the shape to rank 0;
                       all-to-all: to each rank, relayed along the shape. Default exchange
  --message BYTES      size of a message with its header of 32 octets: 500, 16k, 1M. Default 16k
  --iterations N, --duration TIME    the end. Default: when rank 0 gets SIGINT or SIGTERM
  --schedule "ring 5s, torus:4x4 reduction 100x"    shapes one after the other, each for a time or for iterations
  --cycles N           times through the schedule; 0 is for ever. Default 1
  --port N             where each rank listens, at its own address. Default 9900

What a superstep computes (these add up; default nothing):
  --flops N            floating-point operations: 20k, 5M
  --ratio N            as many for each octet that a rank sends in a superstep on average
  --compute TIME       CPU time: 200us, 5ms
  --pause TIME         time without CPU, for machines that share theirs

  --report TIME        between the lines of rank 0. Default 1s
  --connect-timeout TIME    until all neighbours are there, at the start of each shape. Default 30s
  --stall-timeout TIME      without any message. Default 30s

Output: JSON lines. Rank 0 writes "interval" and "phase", each rank "end" with what it sent to whom.
Exit codes: 0 done, 1 failed, 2 wrong options, 3 a neighbour went away, 128 + signal when another rank is stopped.

  patterns graph SHAPE RANKS                      the edges, a line each
  patterns noise serve ADDRESS PORT               the other side of
  patterns noise chat ADDRESS PORT MEAN-GAP SEED  short messages to and fro, as of a shell
  patterns noise stream ADDRESS PORT RATE         a backup: bits per second, one way

Three ranks on this machine:
  for i in 0 1 2; do printf '0 127.0.0.1\n1 127.0.0.2\n2 127.0.0.3\n' |
    patterns run --rank $i --peers - --duration 5s & done; wait
)";

int printGraph(const patterns::Arguments& arguments) {
  if (arguments.size() != 2) throw std::runtime_error("expected SHAPE RANKS");
  const auto ranks = static_cast<size_t>(patterns::parseWhole(arguments[1], 2, patterns::kMaxRanks));
  const patterns::Graph graph = patterns::graphOf(patterns::Shape::parse(arguments[0]), ranks);
  for (size_t rank = 0; rank < ranks; ++rank) {
    for (const patterns::Rank other : graph[rank]) {
      if (rank < other) std::printf("%zu %u\n", rank, unsigned{other});
    }
  }
  return 0;
}

int dispatch(const patterns::Arguments& words) {
  const std::string verb = words.empty() ? "" : words[0];
  const patterns::Arguments rest(words.begin() + (words.empty() ? 0 : 1), words.end());
  for (const auto& word : words) {
    if (word != "--help" && word != "-h") continue;
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (verb == "run") return patterns::run(patterns::parseSettings(rest));
  if (verb == "graph") return printGraph(rest);
  if (verb == "noise" && !rest.empty()) {
    const patterns::Arguments more(rest.begin() + 1, rest.end());
    if (rest[0] == "serve") return patterns::noiseServe(more);
    if (rest[0] == "chat") return patterns::noiseChat(more);
    if (rest[0] == "stream") return patterns::noiseStream(more);
  }
  std::fputs(kUsage, stderr);
  return kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return dispatch(patterns::Arguments(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "patterns: %s\n", error.what());
    return kExitUsage;
  }
}
