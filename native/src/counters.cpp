#include "counters.hpp"

namespace vnet {

PairCounts& PairCounters::row(const PairKey& key) {
  if (PairCounts* found = table_.find(key)) return *found;
  return table_.insert(key, [this](const PairKey& gone, PairCounts& counts) {
    PairCounts* sum = nullptr;
    for (auto& [network, row] : folded_)
      if (network == gone.network) sum = &row;
    if (!sum) sum = &folded_.emplace_back(gone.network, PairCounts{}).second;
    sum->inFrames += counts.inFrames;
    sum->inBytes += counts.inBytes;
    sum->outFrames += counts.outFrames;
    sum->outBytes += counts.outBytes;
  });
}

PairColumns PairCounters::columns() {
  PairColumns out;
  for (auto* column : {&out.network, &out.source, &out.destination, &out.inFrames, &out.inBytes,
                       &out.outFrames, &out.outBytes})
    column->reserve(table_.size() + folded_.size());
  const auto add = [&out](const PairKey& key, const PairCounts& counts) {
    out.network.push_back(key.network);
    out.source.push_back(static_cast<double>(key.source));
    out.destination.push_back(static_cast<double>(key.destination));
    out.inFrames.push_back(static_cast<double>(counts.inFrames));
    out.inBytes.push_back(static_cast<double>(counts.inBytes));
    out.outFrames.push_back(static_cast<double>(counts.outFrames));
    out.outBytes.push_back(static_cast<double>(counts.outBytes));
  };
  table_.each(add);
  for (const auto& [network, counts] : folded_) add(PairKey{network, 0, 0}, counts);
  return out;
}

}  // namespace vnet
