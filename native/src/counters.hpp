// What is counted: pairs (bounded, evicted rows folded into one row of zero addresses per network), ends
// (ports and links) and drops. I/O thread only; a snapshot copies.
#pragma once
#include <vector>

#include "bytes.hpp"
#include "limits.hpp"
#include "table.hpp"

namespace vnet {

struct EndCounters {
  uint64_t inFrames = 0, inBytes = 0, outFrames = 0, outBytes = 0, drops = 0;
};

struct PairKey {
  uint32_t network = 0;
  uint64_t source = 0, destination = 0;
  bool operator==(const PairKey&) const = default;
  uint64_t hash() const { return mix(mix(source, destination), network); }
};

struct PairCounts {
  uint64_t inFrames = 0, inBytes = 0, outFrames = 0, outBytes = 0;
};

struct PairColumns {
  std::vector<double> network, source, destination, inFrames, inBytes, outFrames, outBytes;
};

class PairCounters {
 public:
  explicit PairCounters(size_t limit = PAIR_ROWS) : table_(limit) {}
  void entered(const PairKey& key, uint32_t bytes) {
    PairCounts& c = row(key);
    c.inFrames++;
    c.inBytes += bytes;
  }
  void left(const PairKey& key, uint32_t bytes) {
    PairCounts& c = row(key);
    c.outFrames++;
    c.outBytes += bytes;
  }
  PairColumns columns();

 private:
  PairCounts& row(const PairKey& key);
  Table<PairKey, PairCounts> table_;
  std::vector<std::pair<uint32_t, PairCounts>> folded_;  // by network
};

// So many at once, then so many a second.
class TokenBucket {
 public:
  TokenBucket(double perSecond, double burst) : perSecond_(perSecond), burst_(burst), tokens_(burst) {}
  bool take(uint64_t nowNs, double count = 1) {
    if (last_ != 0) tokens_ += static_cast<double>(nowNs - last_) * perSecond_ / 1e9;
    last_ = nowNs;
    if (tokens_ > burst_) tokens_ = burst_;
    if (tokens_ < count) return false;
    tokens_ -= count;
    return true;
  }
  // Takes back what was not used.
  void give(double count) { tokens_ += count; }

 private:
  double perSecond_, burst_, tokens_;
  uint64_t last_ = 0;
};

}  // namespace vnet
