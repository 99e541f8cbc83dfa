// Background load: busy for a share of every period, asleep for the rest.
#include "emulator.hpp"

namespace lab {

constexpr int64_t kPeriod = 10 * kNanosPerMilli;

// The busy part is measured in CPU time, not in wall time: a host that is short of CPU still asks for its share.
int runLoad(const Arguments& arguments) {
  if (arguments.size() != 1) throw std::runtime_error("expected PERCENT");
  const int64_t busy = kPeriod * parseNumber(arguments[0], 1, 100) / 100;
  for (int64_t next = monotonicNanos() + kPeriod;; next += kPeriod) {
    const int64_t until = clockNanos(CLOCK_THREAD_CPUTIME_ID) + busy;
    while (clockNanos(CLOCK_THREAD_CPUTIME_ID) < until) {
    }
    const int64_t now = monotonicNanos();
    if (now > next + kPeriod) next = now;  // fell behind: do not make up for it
    const timespec wake{next / kNanosPerSecond, next % kNanosPerSecond};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nullptr);
  }
}

}  // namespace lab
