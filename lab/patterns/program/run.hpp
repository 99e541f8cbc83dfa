#pragma once

#include "settings.hpp"

namespace patterns {

// Runs this rank to its end and returns the exit code. Rank 0 ends the run for all on SIGINT or SIGTERM; another
// rank that gets one leaves, which is an error for the others.
int run(const Settings& settings);

}  // namespace patterns
