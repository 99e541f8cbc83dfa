#include "arrival_clock.hpp"

#include <time.h>

namespace vnet {

ArrivalClock::ArrivalClock() : openedNs_(nowNs()) {
  while (!read(offset_)) {
  }
}

bool ArrivalClock::read(int64_t& offset) const {
  const uint64_t before = nowNs();
  timespec wall;
  clock_gettime(CLOCK_REALTIME, &wall);
  const uint64_t after = nowNs();
  const auto wallNs =
      static_cast<uint64_t>(wall.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(wall.tv_nsec);
  offset = static_cast<int64_t>(wallNs - (before + (after - before) / 2));
  return after - before <= READING_NS;
}

void ArrivalClock::adjust() {
  int64_t offset;
  if (read(offset) && (offset - offset_ > STEP_NS || offset_ - offset > STEP_NS)) offset_ = offset;
}

double ArrivalClock::sinceOpenNs(uint64_t wallNs) const {
  const uint64_t monotonic = wallNs == 0 ? nowNs() : wallNs - static_cast<uint64_t>(offset_);
  return static_cast<double>(static_cast<int64_t>(monotonic - openedNs_));
}

}  // namespace vnet
