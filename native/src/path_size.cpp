#include "path_size.hpp"

namespace vnet {

void PathSize::start(uint64_t now) {
  *this = PathSize{};
  next_ = now;
}

bool PathSize::answered(uint16_t size) {
  if (size >= size_) unanswered_ = 0;
  if (size <= size_) return false;
  size_ = size;
  return true;
}

bool PathSize::refused(size_t size, uint64_t now) { return size <= size_ && lower(now); }

bool PathSize::lower(uint64_t now) {
  const uint16_t before = size_;
  size_ = size_ > PATH_SAFE ? PATH_SAFE : PATH_SIZES[0];
  unanswered_ = 0;
  round_ = 0;
  next_ = now;
  return size_ != before;
}

}  // namespace vnet
