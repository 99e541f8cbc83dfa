#include "fragment.hpp"

namespace vnet {

// Marks [start, end) as here; false when the frame has come in too many separate stretches.
bool Joiner::Slot::cover(uint32_t start, uint32_t end) {
  size_t i = 0;
  while (i < covered.size() && covered[i].second < start) i++;
  while (i < covered.size() && covered[i].first <= end) {
    start = std::min(start, covered[i].first);
    end = std::max(end, covered[i].second);
    covered.erase(covered.begin() + static_cast<long>(i));
  }
  if (covered.size() >= JOIN_PIECES) return false;
  covered.insert(covered.begin() + static_cast<long>(i), {start, end});
  return true;
}

Joiner::Slot Joiner::open(const Frame& piece, uint64_t now) {
  Slot slot;
  if (!spare_.empty()) {
    slot.octets = std::move(spare_.back());
    spare_.pop_back();
  }
  slot.octets.resize(MAC_PAIR_BYTES + piece.total);
  std::copy_n(piece.data, MAC_PAIR_BYTES, slot.octets.data());
  slot.size = slot.octets.size();
  slot.sinceNs = now;
  return slot;
}

void Joiner::close(Slots::iterator it) {
  bytes_ -= it->second.size;
  if (spare_.size() < 16) spare_.push_back(std::move(it->second.octets));
  slots_.erase(it);
}

void Joiner::dropOldest() {
  auto oldest = slots_.begin();
  for (auto it = slots_.begin(); it != slots_.end(); ++it)
    if (it->second.sinceNs < oldest->second.sinceNs) oldest = it;
  close(oldest);
}

}  // namespace vnet
