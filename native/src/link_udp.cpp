#include "link_udp.hpp"

#include <fcntl.h>
#include <netinet/udp.h>

#include <cerrno>
#include <cstring>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace vnet {

Fd boundSocket(int type, const std::string& text, uint16_t port, int& family, uint16_t& bound) {
  const bool all = text.empty() || text == "::" || text == "0.0.0.0";
  Address address;
  if (!Address::parse(all ? "::" : text, port, address))
    throw PlaneError("VNET_ERR_INVALID", "\"" + text + "\" is not an IP address",
                     "write an IPv4 or IPv6 literal, or :: for all");
  family = AF_INET6;
  Fd fd(socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd && (errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT) && (all || address.isV4())) {
    family = AF_INET;  // IPv6 is disabled in this kernel
    if (all) Address::parse("0.0.0.0", port, address);
    fd = Fd(socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }
  if (!fd) throw systemError(errno, "cannot open a socket");
  const int on = 1, off = 0;
  if (family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if ((type & 0xf) == SOCK_STREAM) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage storage;
  socklen_t length = address.fill(storage, family);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0)
    throw systemError(errno, "cannot listen at " + (text.empty() ? std::string("::") : text) + " port " +
                                 std::to_string(port));
  length = sizeof storage;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &length);
  bound = Address::from(storage).port;
  return fd;
}

UdpSocket::UdpSocket(const std::string& address, uint16_t port) : slab_(new uint8_t[UDP_BATCH_BYTES]) {
  fd_ = boundSocket(SOCK_DGRAM, address, port, family_, port_);
  bigBuffers(fd_.get());
  // PROBE: never fragmented, and only the device's own MTU refuses. With DO anybody could narrow a link by a
  // forged "fragmentation needed"; our own probes find the path's size (RFC 8899 section 4.6.2).
  const int v4 = IP_PMTUDISC_PROBE, v6 = IPV6_PMTUDISC_PROBE, on = 1;
  setsockopt(fd_.get(), IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof v4);
  if (family_ == AF_INET6) setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof v6);
  setsockopt(fd_.get(), IPPROTO_UDP, UDP_GRO, &on, sizeof on);  // older kernels do without
  messages_.reserve(UDP_BATCH_MESSAGES);
}

void UdpSocket::start(Loop& loop, Received received, Refused refused) {
  loop_ = &loop;
  received_ = std::move(received);
  refused_ = std::move(refused);
  loop.watch(fd_.get(), *this, EPOLLIN);
}

void UdpSocket::onEvents(uint32_t) {
  mmsghdr messages[RECEIVE_BATCH];
  iovec parts[RECEIVE_BATCH];
  sockaddr_storage from[RECEIVE_BATCH];
  alignas(cmsghdr) uint8_t control[RECEIVE_BATCH][CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(timespec))];
  if (clock_) clock_->adjust();
  for (int round = 0; round < RECEIVE_ROUNDS; round++) {
    for (size_t i = 0; i < RECEIVE_BATCH; i++) {
      parts[i] = {loop_->scratch() + i * RECEIVE_STRIDE, RECEIVE_STRIDE};
      messages[i].msg_hdr = {&from[i], sizeof from[i], &parts[i], 1, control[i], sizeof control[i], 0};
    }
    const int count = recvmmsg(fd_.get(), messages, RECEIVE_BATCH, 0, nullptr);
    for (int i = 0; i < count; i++) {
      const size_t length = messages[i].msg_len;
      size_t segment = length;
      uint64_t wallNs = 0;
      for (cmsghdr* c = CMSG_FIRSTHDR(&messages[i].msg_hdr); c; c = CMSG_NXTHDR(&messages[i].msg_hdr, c)) {
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
          int size;
          std::memcpy(&size, CMSG_DATA(c), sizeof size);
          if (size > 0) segment = static_cast<size_t>(size);
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
          timespec at;
          std::memcpy(&at, CMSG_DATA(c), sizeof at);
          wallNs = static_cast<uint64_t>(at.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(at.tv_nsec);
        }
      }
      const Address address = Address::from(from[i]);
      const auto* data = static_cast<const uint8_t*>(parts[i].iov_base);
      if (length == 0) received_(address, data, 0, wallNs);
      for (size_t at = 0; at < length; at += segment)
        received_(address, data + at, std::min(segment, length - at), wallNs);
    }
    if (count < static_cast<int>(RECEIVE_BATCH)) return;
  }
}

void UdpSocket::stampArrivals(ArrivalClock* clock) {
  if (clock_ == clock) return;
  clock_ = clock;
  const int on = clock != nullptr;
  setsockopt(fd_.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

Fd UdpSocket::duplicate() const { return Fd(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0)); }

uint8_t* UdpSocket::reserve(const Address& to, Link* owner, size_t length) {
  if (used_ + length > UDP_BATCH_BYTES) flush();
  if (!messages_.empty()) {
    Message& last = messages_.back();
    if (!last.closed && last.owner == owner && length <= last.segment && last.count < UDP_SEGMENTS &&
        last.bytes + length <= UDP_SEND_BYTES && last.to == to) {
      last.closed = length < last.segment;
      last.bytes += length;
      last.count++;
      used_ += length;
      return slab_.get() + used_ - length;
    }
  }
  if (messages_.size() == UDP_BATCH_MESSAGES) flush();
  messages_.push_back({to, owner, used_, length, length, 1, false});
  used_ += length;
  return slab_.get() + used_ - length;
}

size_t UdpSocket::sendBatch(size_t first) {
  mmsghdr out[UDP_BATCH_MESSAGES] = {};
  iovec parts[UDP_BATCH_MESSAGES];
  sockaddr_storage to[UDP_BATCH_MESSAGES];
  alignas(cmsghdr) uint8_t control[UDP_BATCH_MESSAGES][CMSG_SPACE(sizeof(uint16_t))] = {};
  const size_t count = messages_.size() - first;
  for (size_t i = 0; i < count; i++) {
    const Message& message = messages_[first + i];
    parts[i] = {slab_.get() + message.at, message.bytes};
    msghdr& header = out[i].msg_hdr;
    header.msg_name = &to[i];
    header.msg_namelen = message.to.fill(to[i], family_);
    header.msg_iov = &parts[i];
    header.msg_iovlen = 1;
    if (message.count > 1) {
      header.msg_control = control[i];
      header.msg_controllen = sizeof control[i];
      cmsghdr* c = CMSG_FIRSTHDR(&header);
      c->cmsg_level = IPPROTO_UDP;
      c->cmsg_type = UDP_SEGMENT;
      c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
      const auto segment = static_cast<uint16_t>(message.segment);
      std::memcpy(CMSG_DATA(c), &segment, sizeof segment);
    }
  }
  const int sent = sendmmsg(fd_.get(), out, static_cast<unsigned>(count), 0);
  if (sent > 0) return static_cast<size_t>(sent);
  if (errno == EINTR) return 0;
  const Message& message = messages_[first];
  const int error = errno;
  // A run that the kernel or the path does not take in one piece may go as single datagrams.
  if (message.count > 1 && error != EAGAIN && error != ENOBUFS)
    sendOneByOne(message, to[0], out[0].msg_hdr.msg_namelen);
  else
    for (size_t i = 0; i < message.count; i++) refused_(message.owner, message.segment, error);
  return 1;
}

void UdpSocket::sendOneByOne(const Message& message, const sockaddr_storage& to, socklen_t toLength) {
  for (size_t at = 0; at < message.bytes; at += message.segment) {
    const size_t length = std::min(message.segment, message.bytes - at);
    const ssize_t sent = sendto(fd_.get(), slab_.get() + message.at + at, length, 0,
                                reinterpret_cast<const sockaddr*>(&to), toLength);
    if (sent < 0) refused_(message.owner, length, errno);
  }
}

void UdpSocket::flush() {
  for (size_t first = 0; first < messages_.size();) first += sendBatch(first);
  messages_.clear();
  used_ = 0;
}

int UdpSocket::sendNow(const Address& to, const uint8_t* data, size_t length) {
  flush();
  sockaddr_storage storage;
  const socklen_t size = to.fill(storage, family_);
  if (size == 0) return EAFNOSUPPORT;
  return sendto(fd_.get(), data, length, 0, reinterpret_cast<sockaddr*>(&storage), size) < 0 ? errno : 0;
}

}  // namespace vnet
