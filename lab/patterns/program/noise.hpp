// Traffic beside the pattern, as machines have it: what inference must see through.
#pragma once

#include "patterns.hpp"

namespace patterns {

// Answers any number of callers: `noise serve ADDRESS PORT`.
int noiseServe(const Arguments& arguments);
// A person at a shell: short messages back and forth at random moments. `noise chat ADDRESS PORT MEAN-GAP SEED`.
int noiseChat(const Arguments& arguments);
// A backup: one way, at a rate in bits per second. `noise stream ADDRESS PORT RATE`.
int noiseStream(const Arguments& arguments);

}  // namespace patterns
