// The command line and the list of ranks.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <map>

#include "shape.hpp"

namespace patterns {

enum class Operation { exchange, reduction, allToAll };

// A stretch of the run with one pattern. Ends after `iterations` or after `nanos`; with neither, when it is stopped.
struct Phase {
  Shape shape;
  Operation operation = Operation::exchange;
  int64_t iterations = 0;
  int64_t nanos = 0;
};

struct Peer {
  sockaddr_storage address{};
  socklen_t addressBytes = 0;
  std::string text;
};

struct Settings {
  Rank rank = 0;
  std::vector<Peer> peers;  // by rank
  uint16_t port = 9900;
  std::vector<Phase> phases;
  int64_t cycles = 1;  // times through the phases; 0 is for ever
  int64_t messageBytes = 16'384;
  int64_t computeNanos = 0;  // of CPU time
  int64_t flops = 0;
  double flopsPerByte = 0;
  int64_t pauseNanos = 0;
  int64_t reportNanos = kNanosPerSecond;
  int64_t connectNanos = 30 * kNanosPerSecond;
  int64_t stallNanos = 30 * kNanosPerSecond;

  // Equal for processes that can run together.
  uint64_t fingerprint() const;
};

const char* operationName(Operation operation);
Settings parseSettings(const Arguments& arguments);

// `--name value` pairs; throws on anything else and on a name not in `known`.
std::map<std::string, std::string> parseOptions(const Arguments& arguments, const std::vector<std::string>& known);
int64_t parseWhole(const std::string& text, int64_t low, int64_t high);
int64_t parseNanos(const std::string& text);             // 200us, 5ms, 5s, 2m
int64_t parseAmount(const std::string& text, int64_t high);  // 16k, 1M, 2G: powers of 1000
std::string secondsText(int64_t nanos);                      // 0.3 s
Peer parsePeer(const std::string& address, uint16_t port);

}  // namespace patterns
