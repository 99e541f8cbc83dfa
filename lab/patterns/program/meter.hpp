// Where the time of a run goes, and its report in JSON lines.
#pragma once

#include <array>

#include "links.hpp"

namespace patterns {

// Counts of durations in classes 3% wide: fixed memory however long the run.
class Histogram {
 public:
  void add(int64_t nanos);
  // Nanoseconds; 0 while there is nothing.
  int64_t quantile(double share) const;
  void clear() { counts_.fill(0), total_ = 0; }

 private:
  static constexpr int kSubBits = 5;
  std::array<uint64_t, 64 << kSubBits> counts_{};
  uint64_t total_ = 0;
};

enum class Activity { compute, communicate, pause, connect };

// A span of the run that is reported on: a second, a phase, the whole.
struct Span {
  int64_t startedAt = 0;
  uint64_t iterations = 0;
  std::array<int64_t, 4> nanos{};  // by activity
  Histogram durations;
};

class Meter {
 public:
  // Rank 0 reports all along, the others at the end.
  Meter(const Settings& settings, bool reportsAllAlong);

  void enter(Activity activity);
  void enterPhase(int64_t number, const Phase& phase);
  void iteration(int64_t nanos);
  // Prints the line of a second that is over.
  void tick();
  int64_t untilTick() const;
  void endPhase();
  // With what went over the wire: octets of messages and headers by peer.
  void end(const std::map<Rank, std::pair<uint64_t, uint64_t>>& traffic, double flopsPerSecond);

 private:
  void account();
  std::string figures(const Span& span) const;
  void print(const char* kind, const Span& span, const std::string& more = "") const;

  const Settings& settings_;
  const bool reportsAllAlong_;
  Activity activity_ = Activity::connect;
  int64_t since_;
  int64_t phaseNumber_ = 0;
  const Phase* phase_ = nullptr;
  Span second_, inPhase_, whole_;
};

}  // namespace patterns
