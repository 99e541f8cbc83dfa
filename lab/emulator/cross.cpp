// Cross traffic whose rate is known: UDP datagrams, evenly spaced, that nothing slows down; and where it ends.
//
// Each datagram leaves when its turn comes by the clock, not in bursts of a timer's tick: a self-induced congestion
// method sees what it would see beside traffic of a rate. What the socket has no room for is not made up for later.
// Fast streams leave a few datagrams at a time as one super-frame (UDP_SEGMENT): a host of two cores that spends 30 us
// on each datagram's way would be the bottleneck itself.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <vector>

#include "emulator.hpp"

namespace lab {
namespace {

constexpr int kBufferBytes = 64 << 20;  // skbs that wait in a queue of the lab count for the socket that sent them
constexpr int64_t kTurnNanos = 100 * kNanosPerMicro;  // datagrams due within this leave together
constexpr size_t kBatch = 64;
constexpr int64_t kMaxSuperFrame = 16 << 10;
constexpr int64_t kMaxDatagram = 8972;
constexpr int64_t kMaxBits = 100'000'000'000;
constexpr int kNice = -10;  // so that a busy machine makes no holes, where allowed

volatile std::sig_atomic_t stopped = 0;

int openSocket(const std::string& host, const std::string& port, bool connects) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0)
    throw std::runtime_error("'" + host + "' port '" + port + "' is no address");
  const int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError("socket");
  const int kind = connects ? SO_SNDBUFFORCE : SO_RCVBUFFORCE;
  const int plain = connects ? SO_SNDBUF : SO_RCVBUF;
  if (setsockopt(fd, SOL_SOCKET, kind, &kBufferBytes, sizeof kBufferBytes) != 0)
    setsockopt(fd, SOL_SOCKET, plain, &kBufferBytes, sizeof kBufferBytes);
  const int failed = connects ? connect(fd, found->ai_addr, found->ai_addrlen)
                              : bind(fd, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  if (failed != 0) throw systemError(connects ? "connect" : "bind");
  return fd;
}

void sleepUntil(int64_t at) {
  const timespec wake{at / kNanosPerSecond, at % kNanosPerSecond};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nullptr);
}

// Datagrams of one size, a number of them a system call.
class Volley {
 public:
  Volley(int fd, size_t bytes, size_t most) : fd_(fd), bytes_(bytes), most_(most), payload_(bytes * most) {
    const int segment = static_cast<int>(bytes);
    if (most > 1 && setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0) most_ = 1;
  }

  void send(size_t count) {
    while (count > 0) {
      const size_t now = std::min(count, most_);
      // Full, or nobody listens: that part of the rate is missing.
      if (::send(fd_, payload_.data(), now * bytes_, 0) < 0) return;
      count -= now;
    }
  }

 private:
  int fd_;
  size_t bytes_;
  size_t most_;
  std::vector<char> payload_;
};

}  // namespace

int runCross(const Arguments& arguments) {
  if (arguments.size() != 5) throw std::runtime_error("expected ADDRESS PORT BYTES BITS_PER_SECOND DURATION_MS");
  const int64_t bytes = parseNumber(arguments[2], 1, kMaxDatagram);
  const int64_t rate = parseNumber(arguments[3], 1, kMaxBits);
  const int64_t duration = parseNumber(arguments[4], 1, 24 * 3600 * 1000) * kNanosPerMilli;
  const int fd = openSocket(arguments[0], arguments[1], true);
  prctl(PR_SET_TIMERSLACK, 1UL);
  if (nice(kNice) == -1) errno = 0;
  const double perDatagram = static_cast<double>(bytes * 8) / static_cast<double>(rate) * kNanosPerSecond;
  const int64_t together = std::clamp(static_cast<int64_t>(kTurnNanos / perDatagram), int64_t{1},
                                      std::max(kMaxSuperFrame / bytes, int64_t{1}));
  Volley volley(fd, static_cast<size_t>(bytes), static_cast<size_t>(together));
  const int64_t start = monotonicNanos();
  for (int64_t sent = 0;;) {
    const int64_t elapsed = monotonicNanos() - start;
    if (elapsed >= duration) break;
    const int64_t due = (static_cast<int64_t>(static_cast<double>(elapsed) / perDatagram) / together + 1) * together;
    if (due > sent) volley.send(static_cast<size_t>(due - sent));
    sent = std::max(sent, due);
    sleepUntil(start + static_cast<int64_t>(static_cast<double>(sent) * perDatagram));
  }
  close(fd);
  return 0;
}

int runSink(const Arguments& arguments) {
  if (arguments.size() != 1) throw std::runtime_error("expected ADDRESS");
  const int fd = openSocket(arguments[0], "0", false);
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0) throw systemError("getsockname");
  const auto port = own.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&own)->sin6_port
                                              : reinterpret_cast<sockaddr_in*>(&own)->sin_port;
  struct sigaction stop{};
  stop.sa_handler = [](int) { stopped = 1; };
  sigaction(SIGTERM, &stop, nullptr);
  std::printf("%u\n", ntohs(port));
  std::fflush(stdout);
  const int whole = 1;  // super-frames as they are: the length is that of all their datagrams
  setsockopt(fd, SOL_UDP, UDP_GRO, &whole, sizeof whole);
  std::array<char, kBatch> first{};
  std::array<iovec, kBatch> parts{};
  std::array<mmsghdr, kBatch> messages{};
  for (size_t i = 0; i < kBatch; i++) {
    parts[i] = {&first[i], 1};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  uint64_t bytes = 0;
  int64_t began = 0;
  int64_t last = 0;
  while (stopped == 0) {
    pollfd readable{fd, POLLIN, 0};
    if (poll(&readable, 1, 100) <= 0) continue;
    // Lengths only: MSG_TRUNC tells the whole length and copies one octet.
    const int got = recvmmsg(fd, messages.data(), kBatch, MSG_TRUNC, nullptr);
    if (got <= 0) continue;
    last = monotonicNanos();
    if (began == 0) began = last;
    for (int i = 0; i < got; i++) bytes += messages[static_cast<size_t>(i)].msg_len;
    sleepUntil(last + kNanosPerMilli);  // in batches: to receive shall cost little
  }
  std::printf("{\"bytes\":%llu,\"ms\":%.3f}\n", static_cast<unsigned long long>(bytes),
              static_cast<double>(last - began) / kNanosPerMilli);
  close(fd);
  return 0;
}

}  // namespace lab
