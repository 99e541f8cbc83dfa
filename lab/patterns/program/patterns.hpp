// Patterns, a bulk synchronous parallel program without a purpose: what all its files share.
//
// One process a VM, one thread a process. A superstep is a compute phase, then a communication phase that ends when
// everything this rank is due to send, receive and relay is done; that is the barrier. TCP connections exist between
// neighbours of the pattern alone, so the traffic's graph is the pattern's.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

namespace patterns {

using Arguments = std::vector<std::string>;
using Rank = uint16_t;

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kNanosPerMilli = 1'000'000;
constexpr int64_t kNanosPerMicro = 1'000;
constexpr size_t kMaxRanks = 1024;
constexpr int64_t kMaxMessageBytes = int64_t{1} << 30;

inline int64_t clockNanos(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * kNanosPerSecond + now.tv_nsec;
}

inline int64_t monotonicNanos() { return clockNanos(CLOCK_MONOTONIC); }

inline std::runtime_error systemError(const std::string& what, int error = errno) {
  return std::runtime_error(what + ": " + std::strerror(error));
}

}  // namespace patterns
