// Copies of what left by a port of late. A reader whose VM stands still may have frames that the VM never saw: what it
// had not read when the VM stopped is taken back from here. Bounded in frames, octets and time. I/O thread only.
#pragma once
#include <deque>
#include <vector>

#include "frame.hpp"

namespace vnet {

struct SentFrame {
  std::vector<uint8_t> octets;
  Frame frame;          // its `data` points into `octets`
  uint64_t readNs = 0;  // when all that left up to this one was first seen to be read; 0: not yet
};

struct UnreadFrames {
  std::deque<SentFrame> frames;  // oldest first
  size_t overflowed = 0;         // so many more there were, of which no copy was left
  size_t doubtful = 0;           // so many had been read for less than RECALL_DOUBT_NS
};

class Sent {
 public:
  // A whole frame, to one VM: group frames reach the place where it goes by themselves.
  void add(const Frame& frame);
  // The reader has everything.
  void allRead(uint64_t now);
  bool waits() const { return read_ < frames_.size(); }
  // Takes out what is not known to have been read before `since`; the rest is forgotten.
  UnreadFrames takeUnread(uint64_t since);

 private:
  void forgetFirst();
  std::deque<SentFrame> frames_;
  size_t read_ = 0;  // the first of `frames_` that are known to be read
  size_t bytes_ = 0, overflowed_ = 0;
};

}  // namespace vnet
