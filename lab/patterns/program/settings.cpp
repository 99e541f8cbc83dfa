#include "settings.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "wire.hpp"

namespace patterns {
namespace {

const std::vector<std::string> kKnown = {
    "rank",    "peers", "port",  "shape",  "operation", "iterations",      "duration",      "schedule", "cycles",
    "message", "compute", "flops", "ratio", "pause",     "report", "connect-timeout", "stall-timeout"};
constexpr double kMaxRatio = 1e9;
constexpr int64_t kMaxCount = INT32_MAX;
constexpr int64_t kMaxNanos = int64_t{7} * 24 * 3600 * kNanosPerSecond;

Operation parseOperation(const std::string& text) {
  for (const auto operation : {Operation::exchange, Operation::reduction, Operation::allToAll}) {
    if (text == operationName(operation)) return operation;
  }
  throw std::runtime_error("there is no operation '" + text + "': exchange, reduction, all-to-all");
}

double parseRatio(const std::string& text) {
  double value = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc{} && rest == end && value >= 0 && value <= kMaxRatio) return value;
  throw std::runtime_error("'" + text + "' is not a number of operations for each octet sent");
}

// `ring 5s`, `torus:4x4 reduction 100x`
Phase parsePhase(const std::string& text, Operation usual) {
  std::istringstream stream(text);
  std::vector<std::string> words{std::istream_iterator<std::string>(stream), {}};
  if (words.size() != 2 && words.size() != 3) {
    throw std::runtime_error("'" + text + "' is not SHAPE [OPERATION] DURATION or SHAPE [OPERATION] COUNTx");
  }
  Phase phase{Shape::parse(words[0]), words.size() == 3 ? parseOperation(words[1]) : usual, 0, 0};
  std::string& limit = words.back();
  if (limit.back() == 'x') {
    phase.iterations = parseWhole(limit.substr(0, limit.size() - 1), 1, kMaxCount);
  } else {
    phase.nanos = parseNanos(limit);
  }
  return phase;
}

std::vector<Phase> parseSchedule(const std::string& text, Operation usual) {
  std::vector<Phase> phases;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) phases.push_back(parsePhase(part, usual));
  if (phases.empty()) throw std::runtime_error("the schedule is empty");
  return phases;
}

// Lines of "rank address", in any order; # starts a comment.
std::vector<Peer> parsePeers(std::istream& stream, const std::string& name, uint16_t port) {
  std::map<int64_t, Peer> peers;
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string rank, address;
    if (!(words >> rank)) continue;
    if (!(words >> address)) throw std::runtime_error(name + ": '" + line + "' is not a rank and an address");
    const int64_t number = parseWhole(rank, 0, kMaxRanks - 1);
    if (!peers.emplace(number, parsePeer(address, port)).second) {
      throw std::runtime_error(name + ": rank " + rank + " is there twice");
    }
  }
  std::vector<Peer> list;
  for (auto& [rank, peer] : peers) {
    if (rank != static_cast<int64_t>(list.size())) {
      throw std::runtime_error(name + ": rank " + std::to_string(list.size()) + " is missing");
    }
    list.push_back(peer);
  }
  return list;
}

std::vector<Peer> readPeers(const std::string& file, uint16_t port) {
  if (file == "-") return parsePeers(std::cin, "standard input", port);
  std::ifstream stream(file);
  if (!stream) throw systemError("cannot read " + file);
  return parsePeers(stream, file, port);
}

}  // namespace

const char* operationName(Operation operation) {
  switch (operation) {
    case Operation::exchange: return "exchange";
    case Operation::reduction: return "reduction";
    case Operation::allToAll: return "all-to-all";
  }
  return "";
}

int64_t parseWhole(const std::string& text, int64_t low, int64_t high) {
  int64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end || value < low || value > high) {
    throw std::runtime_error("'" + text + "' is not a whole number from " + std::to_string(low) + " to " +
                             std::to_string(high));
  }
  return value;
}

namespace {

int64_t parseScaled(const std::string& text, const std::map<std::string, double>& units, int64_t high,
                           const char* what) {
  double value = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  const auto unit = units.find(std::string(rest, end));
  if (error != std::errc{} || unit == units.end() || !(value >= 0) ||
      value * unit->second > static_cast<double>(high)) {
    throw std::runtime_error("'" + text + "' is not " + what);
  }
  return static_cast<int64_t>(value * unit->second);
}

}  // namespace

int64_t parseNanos(const std::string& text) {
  static const std::map<std::string, double> units = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}};
  return parseScaled(text, units, kMaxNanos, "a time such as 200us, 5ms, 5s or 2m");
}

int64_t parseAmount(const std::string& text, int64_t high) {
  static const std::map<std::string, double> units = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}};
  const std::string what = "an amount such as 500, 16k or 1M, at most " + std::to_string(high);
  return parseScaled(text, units, high, what.c_str());
}

std::string secondsText(int64_t nanos) {
  char text[32];
  std::snprintf(text, sizeof text, "%g s", static_cast<double>(nanos) / kNanosPerSecond);
  return text;
}

Peer parsePeer(const std::string& text, uint16_t port) {
  Peer peer;
  peer.text = text;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&peer.address);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&peer.address);
  const size_t percent = text.find('%');
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    peer.addressBytes = sizeof *v4;
  } else if (inet_pton(AF_INET6, text.substr(0, percent).c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    if (percent != std::string::npos) v6->sin6_scope_id = if_nametoindex(text.c_str() + percent + 1);
    peer.addressBytes = sizeof *v6;
  } else {
    throw std::runtime_error("'" + text + "' is not an IPv4 or IPv6 address");
  }
  return peer;
}

std::map<std::string, std::string> parseOptions(const Arguments& arguments, const std::vector<std::string>& known) {
  std::map<std::string, std::string> options;
  for (size_t i = 0; i < arguments.size(); i += 2) {
    const std::string name = arguments[i].rfind("--", 0) == 0 ? arguments[i].substr(2) : "";
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw std::runtime_error("there is no option '" + arguments[i] + "'; --help lists them");
    }
    if (i + 1 == arguments.size()) throw std::runtime_error(arguments[i] + " needs a value");
    if (!options.emplace(name, arguments[i + 1]).second) throw std::runtime_error(arguments[i] + " is there twice");
  }
  return options;
}

Settings parseSettings(const Arguments& arguments) {
  auto options = parseOptions(arguments, kKnown);
  const auto get = [&](const char* name) { return options.count(name) ? options[name] : std::string(); };
  const auto nanos = [&](const char* name, int64_t& into) {
    if (options.count(name)) into = parseNanos(options[name]);
  };
  for (const auto* name : {"rank", "peers"}) {
    if (!options.count(name)) throw std::runtime_error(std::string("--") + name + " is missing; --help tells");
  }
  Settings settings;
  if (options.count("port")) settings.port = static_cast<uint16_t>(parseWhole(get("port"), 1, 65535));
  settings.peers = readPeers(get("peers"), settings.port);
  settings.rank = static_cast<Rank>(parseWhole(get("rank"), 0, static_cast<int64_t>(settings.peers.size()) - 1));
  const Operation operation = options.count("operation") ? parseOperation(get("operation")) : Operation::exchange;
  if (options.count("schedule")) {
    for (const auto* name : {"shape", "iterations", "duration"}) {
      if (options.count(name)) throw std::runtime_error(std::string("--schedule says what --") + name + " would");
    }
    settings.phases = parseSchedule(get("schedule"), operation);
    if (options.count("cycles")) settings.cycles = parseWhole(get("cycles"), 0, kMaxCount);
  } else {
    Phase phase{Shape::parse(options.count("shape") ? get("shape") : "ring"), operation, 0, 0};
    if (options.count("iterations")) phase.iterations = parseWhole(get("iterations"), 1, kMaxCount);
    nanos("duration", phase.nanos);
    settings.phases.push_back(phase);
  }
  for (const Phase& phase : settings.phases) graphOf(phase.shape, settings.peers.size());
  if (options.count("message")) settings.messageBytes = parseAmount(get("message"), kMaxMessageBytes);
  if (settings.messageBytes < static_cast<int64_t>(sizeof(Header))) {
    throw std::runtime_error("--message is at least " + std::to_string(sizeof(Header)) + ", the message's header");
  }
  nanos("compute", settings.computeNanos);
  nanos("pause", settings.pauseNanos);
  nanos("report", settings.reportNanos);
  nanos("connect-timeout", settings.connectNanos);
  nanos("stall-timeout", settings.stallNanos);
  if (settings.reportNanos < 10 * kNanosPerMilli) throw std::runtime_error("--report is at least 10ms");
  if (options.count("flops")) settings.flops = parseAmount(get("flops"), int64_t{1} << 50);
  if (options.count("ratio")) settings.flopsPerByte = parseRatio(get("ratio"));
  return settings;
}

uint64_t Settings::fingerprint() const {
  std::string text = std::to_string(messageBytes) + " " + std::to_string(cycles);
  for (const Peer& peer : peers) text += " " + peer.text;
  for (const Phase& phase : phases) {
    text += " " + phase.shape.text() + " " + operationName(phase.operation) + " " + std::to_string(phase.iterations);
  }
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace patterns
