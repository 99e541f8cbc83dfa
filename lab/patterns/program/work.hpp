// The compute phase: work without a result.
#pragma once

#include "settings.hpp"

namespace patterns {

// Floating-point operations per second of this CPU, from some milliseconds of them.
double calibrateFlops();

// This much work: operations, so that a slower or busier CPU takes longer.
void computeFlops(int64_t flops);
// Until this much CPU time of ours is used: a busy or throttled CPU takes longer, a slower one does not.
void computeFor(int64_t nanos);
// Takes this long without the CPU: where many VMs share few cores.
void pauseFor(int64_t nanos);

}  // namespace patterns
