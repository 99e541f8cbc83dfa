#include "work.hpp"

namespace patterns {
namespace {

constexpr int64_t kCalibrationFlops = 8'000'000;
constexpr int kChains = 8;             // independent, so that latency does not hide the unit's rate
constexpr int64_t kFlopsPerRound = 2 * kChains;
constexpr int64_t kSliceFlops = 4'000;  // between two looks at the clock

volatile double sink;  // keeps the compiler from leaving the work out

}  // namespace

void computeFlops(int64_t flops) {
  double chains[kChains];
  for (int i = 0; i < kChains; ++i) chains[i] = i;
  for (int64_t round = 0; round < flops / kFlopsPerRound; ++round) {
    for (double& chain : chains) chain = chain * 0.999999 + 1e-6;
  }
  double sum = 0;
  for (const double chain : chains) sum += chain;
  sink = sum;
}

double calibrateFlops() {
  const int64_t started = clockNanos(CLOCK_THREAD_CPUTIME_ID);
  computeFlops(kCalibrationFlops);
  const int64_t took = clockNanos(CLOCK_THREAD_CPUTIME_ID) - started;
  return static_cast<double>(kCalibrationFlops) * kNanosPerSecond / static_cast<double>(took > 0 ? took : 1);
}

void computeFor(int64_t nanos) {
  const int64_t until = clockNanos(CLOCK_THREAD_CPUTIME_ID) + nanos;
  while (clockNanos(CLOCK_THREAD_CPUTIME_ID) < until) computeFlops(kSliceFlops);
}

void pauseFor(int64_t nanos) {
  const timespec time{nanos / kNanosPerSecond, nanos % kNanosPerSecond};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

}  // namespace patterns
