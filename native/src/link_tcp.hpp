// TCP below the links: the listener, and one connection with its records (4-octet big-endian length, then a
// message as on UDP). Non-blocking, bounded both ways. I/O thread only, but for opening.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "limits.hpp"
#include "loop.hpp"
#include "tcp_state.hpp"

namespace vnet {

class Link;
class TcpConnection;

// What a connection tells its owner. It may close the connection from within any of these.
class TcpOwner {
 public:
  virtual ~TcpOwner() = default;
  virtual void tcpConnected(TcpConnection& connection) = 0;
  virtual void tcpMessage(TcpConnection& connection, const uint8_t* data, size_t length) = 0;
  virtual void tcpClosed(TcpConnection& connection, int error, const std::string& reason) = 0;
  virtual void tcpAccepted(Fd fd, const Address& peer) = 0;
};

class TcpListener final : public Pollable {
 public:
  TcpListener(const std::string& address, uint16_t port);  // throws PlaneError
  ~TcpListener() override {
    if (loop_) loop_->forget(fd_.get());
  }
  void start(Loop& loop, TcpOwner& owner);
  void onEvents(uint32_t events) override;
  uint16_t port() const { return port_; }

 private:
  Fd fd_;
  int family_ = 0;
  uint16_t port_ = 0;
  Loop* loop_ = nullptr;
  TcpOwner* owner_ = nullptr;
  std::unique_ptr<Timer> pause_;
};

class TcpConnection final : public Pollable {
 public:
  TcpConnection(Loop& loop, TcpOwner& owner, Fd fd, const Address& peer, bool dialled);
  void onEvents(uint32_t events) override;
  // Room for one record of `length` octets behind its prefix; nullptr: the queue is full. Sent by flush().
  uint8_t* reserve(size_t length);
  void flush();
  // Forgets the descriptor; the owner is not told.
  void shut();

  std::optional<TcpState> state() const { return readTcpState(fd_.get()); }
  const Address& peer() const { return peer_; }
  bool dialled() const { return dialled_; }
  bool connecting() const { return connecting_; }

  Link* link = nullptr;  // the link that this connection has named, or proved
  std::unique_ptr<Timer> deadline;
  uint64_t sinceNs = 0;  // when it was accepted
  bool dirty = false;    // has records to flush

 private:
  void receive();
  bool take();
  void fail(int error, const std::string& reason);

  Loop& loop_;
  TcpOwner& owner_;
  Fd fd_;
  Address peer_;
  bool dialled_, connecting_, waiting_ = false;
  std::unique_ptr<uint8_t[]> in_;
  size_t have_ = 0;
  std::vector<uint8_t> out_;
  size_t sent_ = 0;
};

// Begins to connect; an empty descriptor and errno when that fails at once.
Fd beginConnect(const Address& to);
void tuneTcp(int fd);

}  // namespace vnet
