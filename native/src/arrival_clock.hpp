// The kernel stamps arrivals by the wall clock (SO_TIMESTAMPNS), which may be set while we run. Here they
// become nanoseconds since the plane opened, by the monotonic clock: small enough to be exact in a double.
// I/O thread only.
#pragma once
#include <cstdint>

#include "sys.hpp"

namespace vnet {

class ArrivalClock {
 public:
  ArrivalClock();
  // Before a batch is read: has the wall clock been set?
  void adjust();
  // `wallNs`: 0 where the kernel gave none; the present stands in for it.
  double sinceOpenNs(uint64_t wallNs) const;

 private:
  // Slewing moves both clocks alike; only a step changes what is between them. A reading is this exact at
  // best, so a smaller difference is no step, and all rows of a run share one offset.
  static constexpr int64_t STEP_NS = 20'000;
  static constexpr uint64_t READING_NS = 10'000;  // a reading that took longer was interrupted
  bool read(int64_t& offset) const;
  uint64_t openedNs_;
  int64_t offset_ = 0;  // wall clock minus monotonic clock
};

}  // namespace vnet
