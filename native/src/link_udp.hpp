// The UDP socket that all UDP links share: batches in (recvmmsg, UDP_GRO), batches out (sendmmsg,
// UDP_SEGMENT), never fragmented by IP. I/O thread only, but for opening.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "arrival_clock.hpp"
#include "limits.hpp"
#include "loop.hpp"

namespace vnet {

class Link;

class UdpSocket final : public Pollable {
 public:
  // received(from, octets, length, wallNs): the octets are the socket's again when it returns; wallNs: when
  // the kernel got them, 0 while stampArrivals is off. Datagrams that the kernel coalesced share one.
  // refused(link, size, error): a datagram of this link did not go out.
  using Received = std::function<void(const Address&, const uint8_t*, size_t, uint64_t)>;
  using Refused = std::function<void(Link*, size_t, int)>;

  // Throws PlaneError. An empty address: all of both families.
  explicit UdpSocket(const std::string& address, uint16_t port);
  ~UdpSocket() override {
    if (loop_) loop_->forget(fd_.get());
  }
  void start(Loop& loop, Received received, Refused refused);
  void onEvents(uint32_t events) override;

  // Room for one datagram of exactly `length` octets, to be filled before the next call.
  uint8_t* reserve(const Address& to, Link* owner, size_t length);
  void flush();
  // Sends at once, alone, after what is queued; the errno, or 0.
  int sendNow(const Address& to, const uint8_t* data, size_t length);
  // Asks the kernel for the time of each arrival, and keeps the clock in step with it; nullptr: no longer.
  void stampArrivals(ArrivalClock* clock);
  Fd duplicate() const;
  uint16_t port() const { return port_; }
  int family() const { return family_; }

 private:
  struct Message {
    Address to;
    Link* owner;
    size_t at, bytes, segment, count;
    bool closed;  // a shorter datagram ends a run: the kernel cuts at equal sizes
  };
  void sendOneByOne(const Message& message, const sockaddr_storage& to, socklen_t toLength);
  size_t sendBatch(size_t first);

  Fd fd_;
  int family_ = 0;
  uint16_t port_ = 0;
  Loop* loop_ = nullptr;
  ArrivalClock* clock_ = nullptr;
  Received received_;
  Refused refused_;
  std::unique_ptr<uint8_t[]> slab_;
  size_t used_ = 0;
  std::vector<Message> messages_;
};

// A socket of `type` bound to `address` (empty: all, dual stack where IPv6 is there). Throws PlaneError.
Fd boundSocket(int type, const std::string& address, uint16_t port, int& family, uint16_t& bound);

}  // namespace vnet
