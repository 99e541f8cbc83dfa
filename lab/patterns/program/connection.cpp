#include "connection.hpp"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

namespace patterns {
namespace {

constexpr size_t kChunkBytes = 64u << 10;
constexpr size_t kMaxPieces = 32;  // of one system call

char outChunk[kChunkBytes];  // payloads have no content
char inChunk[kChunkBytes];

void check(const Header& header) {
  if (header.magic == Header::kMagic && header.frameBytes >= sizeof(Header)) return;
  throw std::runtime_error("what answers there is not this program, or of another byte order");
}

}  // namespace

Connection::~Connection() { close(fd_); }

void Connection::flush() {
  while (!out_.empty()) {
    iovec pieces[kMaxPieces];
    size_t count = 0, skip = outSent_;
    for (auto frame = out_.begin(); frame != out_.end() && count < kMaxPieces; ++frame, skip = 0) {
      if (skip < sizeof(Header)) {
        pieces[count++] = {reinterpret_cast<char*>(&*frame) + skip, sizeof(Header) - skip};
        skip = sizeof(Header);
      }
      for (size_t left = frame->frameBytes - skip; left > 0 && count < kMaxPieces;) {
        const size_t size = std::min(left, kChunkBytes);
        pieces[count++] = {outChunk, size};
        left -= size;
      }
    }
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    const ssize_t sent = sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent < 0) throw systemError("write");
    sentBytes += static_cast<uint64_t>(sent);
    outSent_ += static_cast<size_t>(sent);
    while (!out_.empty() && outSent_ >= out_.front().frameBytes) {
      outSent_ -= out_.front().frameBytes;
      out_.pop_front();
    }
  }
}

std::optional<Header> Connection::readHello() {
  const ssize_t got =
      recv(fd_, reinterpret_cast<char*>(&in_) + inGot_, sizeof(Header) - inGot_, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (got <= 0) throw systemError("no greeting", got < 0 ? errno : ECONNRESET);
  inGot_ += static_cast<size_t>(got);
  if (inGot_ < sizeof(Header)) return {};
  inGot_ = 0;
  check(in_);
  return in_;
}

bool Connection::read(const std::function<void(const Header&)>& onFrame) {
  for (;;) {
    const ssize_t got = recv(fd_, inChunk, sizeof inChunk, MSG_DONTWAIT);
    if (got == 0) return false;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got < 0) throw systemError("read");
    receivedBytes += static_cast<uint64_t>(got);
    take(inChunk, static_cast<size_t>(got), onFrame);
    if (static_cast<size_t>(got) < sizeof inChunk) return true;
  }
}

void Connection::take(const char* data, size_t count, const std::function<void(const Header&)>& onFrame) {
  while (count > 0) {
    const bool inHeader = inGot_ < sizeof(Header);
    const size_t want = (inHeader ? sizeof(Header) : in_.frameBytes) - inGot_;
    const size_t size = std::min(want, count);
    if (inHeader) std::memcpy(reinterpret_cast<char*>(&in_) + inGot_, data, size);
    data += size;
    count -= size;
    inGot_ += size;
    if (inHeader && inGot_ == sizeof(Header)) check(in_);
    if (inGot_ < sizeof(Header) || inGot_ < in_.frameBytes) continue;
    inGot_ = 0;
    onFrame(in_);
  }
}

}  // namespace patterns
