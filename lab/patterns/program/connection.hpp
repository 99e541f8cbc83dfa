// One TCP connection to a neighbour: frames out of a queue, frames in.
#pragma once

#include <deque>
#include <functional>
#include <optional>

#include "wire.hpp"

namespace patterns {

class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }

  void push(const Header& header) { out_.push_back(header); }
  bool idle() const { return out_.empty(); }
  // Writes until the queue is empty or the kernel takes no more. Throws systemError.
  void flush();

  // Reads one frame's header and nothing behind it; empty until it is there. Throws at the end of the stream.
  std::optional<Header> readHello();
  // Passes on whole frames, payloads discarded. False at the end of the stream.
  bool read(const std::function<void(const Header&)>& onFrame);

  Rank peer = 0;
  bool saidBye = false;
  bool watchedForWriting = false;
  uint64_t sentBytes = 0, receivedBytes = 0;

 private:
  void take(const char* data, size_t count, const std::function<void(const Header&)>& onFrame);

  int fd_;
  std::deque<Header> out_;
  size_t outSent_ = 0;  // of the first in the queue, header and payload
  Header in_;
  size_t inGot_ = 0;
};

}  // namespace patterns
