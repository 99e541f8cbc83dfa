// What is missing in the sequence of a link's peer, and what came late. Numbers wrap at 2^32. Pure.
#pragma once
#include <bitset>
#include <cstddef>
#include <cstdint>

namespace vnet {

class SequenceWindow {
 public:
  static constexpr size_t WINDOW = 1'024;   // numbers behind the newest in which a late one is taken back
  static constexpr int32_t JUMP = 1 << 20;  // further away than this: the peer counts anew, nothing is lost

  // A new session: the next number is the first, and what was missing stays so.
  void restart() { begun_ = false; }
  void take(uint32_t sequence);

  uint64_t arrived() const { return arrived_; }  // each number once
  uint64_t lost() const { return lost_; }
  uint64_t late() const { return late_; }

 private:
  void begin(uint32_t sequence);
  std::bitset<WINDOW> seen_;  // by the number modulo WINDOW
  uint32_t newest_ = 0;
  bool begun_ = false;
  uint64_t arrived_ = 0, lost_ = 0, late_ = 0;
};

}  // namespace vnet
