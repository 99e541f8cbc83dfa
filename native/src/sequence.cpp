#include "sequence.hpp"

namespace vnet {

// Whatever was sent before the first that is heard is nobody's loss.
void SequenceWindow::begin(uint32_t sequence) {
  begun_ = true;
  newest_ = sequence;
  seen_.set();
  arrived_++;
}

void SequenceWindow::take(uint32_t sequence) {
  const auto ahead = static_cast<int32_t>(sequence - newest_);
  if (!begun_ || ahead >= JUMP || ahead <= -JUMP) return begin(sequence);
  const size_t place = sequence % WINDOW;
  if (ahead > 0) {
    if (ahead >= static_cast<int32_t>(WINDOW)) seen_.reset();
    else
      for (uint32_t number = newest_ + 1; number != sequence; number++) seen_.reset(number % WINDOW);
    seen_.set(place);
    newest_ = sequence;
    lost_ += static_cast<uint32_t>(ahead) - 1;
    arrived_++;
    return;
  }
  if (ahead <= -static_cast<int32_t>(WINDOW)) {  // too old to know whether it came before
    late_++;
    arrived_++;
  } else if (!seen_[place]) {
    seen_.set(place);
    lost_--;
    late_++;
    arrived_++;
  }
}

}  // namespace vnet
