#include "sent.hpp"

#include <utility>

#include "limits.hpp"

namespace vnet {

void Sent::add(const Frame& frame) {
  if (isGroupMac(frame.destination())) return;
  while (!frames_.empty() && (frames_.size() >= SENT_FRAMES || bytes_ + frame.length > SENT_BYTES)) {
    if (read_ == 0) overflowed_++;
    forgetFirst();
  }
  SentFrame& sent = frames_.emplace_back();
  sent.octets.assign(frame.data, frame.data + frame.length);
  sent.frame = frame;
  sent.frame.data = sent.octets.data();
  sent.frame.fragment = false;
  bytes_ += frame.length;
}

void Sent::allRead(uint64_t now) {
  while (!frames_.empty() && read_ > 0 && now - frames_.front().readNs >= SENT_KEPT_NS) forgetFirst();
  for (; read_ < frames_.size(); read_++) frames_[read_].readNs = now;
  overflowed_ = 0;
}

void Sent::forgetFirst() {
  bytes_ -= frames_.front().frame.length;
  frames_.pop_front();
  if (read_ > 0) read_--;
}

UnreadFrames Sent::takeUnread(uint64_t since) {
  UnreadFrames unread;
  for (; read_ > 0 && frames_.front().readNs < since; forgetFirst())
    if (since - frames_.front().readNs < RECALL_DOUBT_NS) unread.doubtful++;
  read_ = bytes_ = 0;
  unread.overflowed = std::exchange(overflowed_, 0);
  unread.frames = std::exchange(frames_, {});
  return unread;
}

}  // namespace vnet
