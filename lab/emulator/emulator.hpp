// The lab's helper program: one binary, one sub-command a source file.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

namespace lab {

using Arguments = std::vector<std::string>;

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kNanosPerMilli = 1'000'000;
constexpr int64_t kNanosPerMicro = 1'000;

inline int64_t clockNanos(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * kNanosPerSecond + now.tv_nsec;
}

inline int64_t monotonicNanos() { return clockNanos(CLOCK_MONOTONIC); }

inline std::runtime_error systemError(const std::string& what) {
  return std::runtime_error(what + ": " + std::strerror(errno));
}

// A whole decimal number within [low, high]; anything else throws.
int64_t parseNumber(const std::string& text, int64_t low, int64_t high);

int runDelay(const Arguments& arguments);       // delay.cpp
int runServe(const Arguments& arguments);       // probe.cpp
int runProbe(const Arguments& arguments);       // probe.cpp
int runThroughput(const Arguments& arguments);  // probe.cpp
int runLoad(const Arguments& arguments);        // load.cpp
int runStream(const Arguments& arguments);      // stream.cpp
int runCross(const Arguments& arguments);       // cross.cpp
int runSink(const Arguments& arguments);        // cross.cpp

}  // namespace lab
