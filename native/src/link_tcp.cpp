#include "link_tcp.hpp"

#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

#include "bytes.hpp"
#include "link_udp.hpp"
#include "wire.hpp"

#ifndef TCP_NOTSENT_LOWAT
#define TCP_NOTSENT_LOWAT 25
#endif

namespace vnet {

void tuneTcp(int fd) {
  const int on = 1, notSent = TCP_NOTSENT_BYTES;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &notSent, sizeof notSent);
  setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);  // BBR, where it is the default, is slow here
}

Fd beginConnect(const Address& to) {
  const int family = to.isV4() ? AF_INET : AF_INET6;
  Fd fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fd;
  tuneTcp(fd.get());
  sockaddr_storage storage;
  const socklen_t length = to.fill(storage, family);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    fd.reset();
    errno = error;
  }
  return fd;
}

TcpListener::TcpListener(const std::string& address, uint16_t port) {
  fd_ = boundSocket(SOCK_STREAM, address, port, family_, port_);
  if (listen(fd_.get(), 128) != 0) throw systemError(errno, "cannot listen on port " + std::to_string(port));
}

void TcpListener::start(Loop& loop, TcpOwner& owner) {
  loop_ = &loop;
  owner_ = &owner;
  pause_ = std::make_unique<Timer>(loop, [this] { loop_->change(fd_.get(), *this, EPOLLIN); });
  loop.watch(fd_.get(), *this, EPOLLIN);
}

void TcpListener::onEvents(uint32_t) {
  for (int i = 0; i < 64; i++) {
    sockaddr_storage from;
    socklen_t length = sizeof from;
    Fd fd(accept4(fd_.get(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
      loop_->change(fd_.get(), *this, 0);  // the connection goes on waiting, and would wake us for ever
      pause_->at(loop_->now() + TCP_ACCEPT_PAUSE_NS);
    }
    if (!fd) return;
    tuneTcp(fd.get());
    owner_->tcpAccepted(std::move(fd), Address::from(from));
  }
}

TcpConnection::TcpConnection(Loop& loop, TcpOwner& owner, Fd fd, const Address& peer, bool dialled)
    : loop_(loop),
      owner_(owner),
      fd_(std::move(fd)),
      peer_(peer),
      dialled_(dialled),
      connecting_(dialled),
      in_(new uint8_t[TCP_INPUT_BYTES]) {
  loop_.watch(fd_.get(), *this, connecting_ ? EPOLLOUT : EPOLLIN);
}

void TcpConnection::shut() {
  if (fd_) loop_.forget(fd_.get());
  fd_.reset();
  if (deadline) deadline->cancel();
}

void TcpConnection::fail(int error, const std::string& reason) {
  if (fd_) owner_.tcpClosed(*this, error, reason);
}

void TcpConnection::onEvents(uint32_t events) {
  if (!fd_) return;
  if (connecting_) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0)
      return fail(error, error == ECONNREFUSED ? "refused by " + peer_.text()
                                               : std::string(std::strerror(error)) + ": " + peer_.text());
    if (!(events & EPOLLOUT)) return;
    connecting_ = false;
    loop_.change(fd_.get(), *this, EPOLLIN);
    return owner_.tcpConnected(*this);
  }
  if (events & EPOLLOUT) flush();
  if (fd_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) receive();
}

void TcpConnection::receive() {
  for (int round = 0; round < RECEIVE_ROUNDS; round++) {
    const ssize_t got = recv(fd_.get(), in_.get() + have_, TCP_INPUT_BYTES - have_, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got == 0) return fail(0, peer_.text() + " closed the connection");
    if (got < 0) return fail(errno, std::string(std::strerror(errno)) + ": " + peer_.text());
    have_ += static_cast<size_t>(got);
    if (!take()) return;
  }
}

bool TcpConnection::take() {
  size_t at = 0;
  while (have_ - at >= RECORD_PREFIX_BYTES) {
    const size_t length = load32(in_.get() + at);
    if (length > MAX_MESSAGE) {
      fail(0, peer_.text() + " does not keep to the framing");
      return false;
    }
    if (have_ - at - RECORD_PREFIX_BYTES < length) break;
    owner_.tcpMessage(*this, in_.get() + at + RECORD_PREFIX_BYTES, length);
    if (!fd_) return false;
    at += RECORD_PREFIX_BYTES + length;
  }
  std::memmove(in_.get(), in_.get() + at, have_ - at);
  have_ -= at;
  return true;
}

uint8_t* TcpConnection::reserve(size_t length) {
  // A long batch fills the queue faster than the turn's end would empty it.
  if (out_.size() - sent_ + RECORD_PREFIX_BYTES + length > TCP_QUEUE_BYTES && !waiting_) flush();
  if (!fd_ || connecting_ || out_.size() - sent_ + RECORD_PREFIX_BYTES + length > TCP_QUEUE_BYTES)
    return nullptr;
  const size_t at = out_.size();
  out_.resize(at + RECORD_PREFIX_BYTES + length);
  store32(out_.data() + at, static_cast<uint32_t>(length));
  return out_.data() + at + RECORD_PREFIX_BYTES;
}

void TcpConnection::flush() {
  while (fd_ && sent_ < out_.size()) {
    const ssize_t now = ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (now > 0) sent_ += static_cast<size_t>(now);
    else if (errno == EINTR) continue;
    else break;  // EAGAIN waits for room; an error shows up when reading as well
  }
  if (sent_ == out_.size() || sent_ > TCP_QUEUE_BYTES / 2) {
    out_.erase(out_.begin(), out_.begin() + static_cast<long>(sent_));
    sent_ = 0;
  }
  const bool wait = sent_ < out_.size();
  if (fd_ && wait != waiting_) {
    waiting_ = wait;
    loop_.change(fd_.get(), *this, wait ? uint32_t{EPOLLIN | EPOLLOUT} : uint32_t{EPOLLIN});
  }
}

}  // namespace vnet
