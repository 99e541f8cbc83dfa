// What a path really gives: round trips, loss and reordering by UDP echo, throughput by TCP.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <thread>

#include "emulator.hpp"

namespace lab {
namespace {

constexpr int64_t kLastReplyWait = kNanosPerSecond;  // after the last probe
constexpr size_t kChunkBytes = 256u << 10;
constexpr int kProbeBufferBytes = 4 << 20;           // a probe lost for want of a buffer would count as the path's loss
constexpr int kNice = -10;                           // so that a busy machine does not count as delay, where allowed
constexpr char kCongestionControl[] = "cubic";       // the common one, whatever this machine's default is

struct Probe {
  uint64_t session;
  int64_t sentAt;           // of the client's clock, only echoed
  uint32_t sequence;
  uint32_t remoteReceived;  // filled by the server
  uint32_t remoteReordered;
  uint8_t padding[36];
};
static_assert(sizeof(Probe) == 64);

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
};

Endpoint resolve(const std::string& host, const std::string& port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_DGRAM;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) throw std::runtime_error(host + " port " + port + ": " + gai_strerror(error));
  Endpoint endpoint;
  std::memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
  endpoint.size = found->ai_addrlen;
  freeaddrinfo(found);
  return endpoint;
}

int openSocket(const Endpoint& endpoint, int type) {
  const int fd = socket(endpoint.address.ss_family, type | SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError("socket");
  if (type == SOCK_STREAM) {  // a kernel without cubic keeps its default
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, kCongestionControl, sizeof kCongestionControl - 1);
  } else if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kProbeBufferBytes, sizeof kProbeBufferBytes) < 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kProbeBufferBytes, sizeof kProbeBufferBytes);  // what one may have
  }
  return fd;
}

const sockaddr* asSockaddr(const Endpoint& endpoint) { return reinterpret_cast<const sockaddr*>(&endpoint.address); }

uint16_t& portOf(Endpoint& endpoint) {  // at the same place in both families
  return reinterpret_cast<sockaddr_in*>(&endpoint.address)->sin_port;
}

void preferCpu() {
  if (setpriority(PRIO_PROCESS, 0, kNice) < 0) errno = 0;
}

void echoForever(int fd) {
  struct Session {
    uint32_t received = 0, reordered = 0, highest = 0;
  };
  std::map<uint64_t, Session> sessions;
  for (;;) {
    Probe probe{};
    Endpoint peer;
    peer.size = sizeof peer.address;
    const ssize_t count =
        recvfrom(fd, &probe, sizeof probe, 0, reinterpret_cast<sockaddr*>(&peer.address), &peer.size);
    if (count != sizeof probe) continue;
    Session& session = sessions[probe.session];
    ++session.received;
    if (probe.sequence < session.highest) ++session.reordered;
    session.highest = std::max(session.highest, probe.sequence);
    probe.remoteReceived = session.received;
    probe.remoteReordered = session.reordered;
    if (sendto(fd, &probe, sizeof probe, 0, asSockaddr(peer), peer.size) < 0) continue;  // counted as lost there
  }
}

// Counts what comes after the first `omit` (told in the first four bytes), answers "BYTES NANOSECONDS".
void sinkOne(int fd) {
  std::vector<char> buffer(kChunkBytes);
  uint32_t omitMs = 0;
  if (recv(fd, &omitMs, sizeof omitMs, MSG_WAITALL) == sizeof omitMs) {
    const int64_t countFrom = monotonicNanos() + static_cast<int64_t>(ntohl(omitMs)) * kNanosPerMilli;
    int64_t first = 0, last = 0;
    uint64_t bytes = 0;
    for (ssize_t count; (count = recv(fd, buffer.data(), buffer.size(), 0)) > 0;) {
      const int64_t now = monotonicNanos();
      if (now < countFrom) continue;
      if (first == 0) {
        first = last = now;  // this chunk came before the clock started
        continue;
      }
      bytes += static_cast<uint64_t>(count);
      last = now;
    }
    const std::string answer = std::to_string(bytes) + " " + std::to_string(last - first) + "\n";
    if (send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) std::perror("answer");
  }
  close(fd);
}

void sendFor(int fd, int64_t duration) {
  const std::vector<char> buffer(kChunkBytes, 'x');
  const int64_t until = monotonicNanos() + duration;
  while (monotonicNanos() < until) {
    pollfd ready{fd, POLLOUT, 0};
    const int64_t left = std::max<int64_t>(0, (until - monotonicNanos()) / kNanosPerMilli);
    if (poll(&ready, 1, static_cast<int>(left)) <= 0) continue;
    if (send(fd, buffer.data(), buffer.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN) {
      throw systemError("send");
    }
  }
}

struct ProbeResult {
  uint32_t sent = 0, remoteReceived = 0, remoteReordered = 0;
  std::vector<int64_t> roundTrips;

  void take(const Probe& reply) {
    roundTrips.push_back(monotonicNanos() - reply.sentAt);
    remoteReceived = std::max(remoteReceived, reply.remoteReceived);
    remoteReordered = std::max(remoteReordered, reply.remoteReordered);
  }

  void print() {
    std::sort(roundTrips.begin(), roundTrips.end());
    const auto at = [&](double share) {
      if (roundTrips.empty()) return -1.0;
      const auto index = static_cast<size_t>(share * static_cast<double>(roundTrips.size() - 1));
      return static_cast<double>(roundTrips[index]) / static_cast<double>(kNanosPerMilli);
    };
    std::printf(
        "{\"sent\":%u,\"remoteReceived\":%u,\"remoteReordered\":%u,\"received\":%zu,"
        "\"rttMs\":{\"min\":%.3f,\"median\":%.3f,\"p90\":%.3f,\"max\":%.3f}}\n",
        sent, remoteReceived, remoteReordered, roundTrips.size(), at(0), at(0.5), at(0.9), at(1));
  }
};

}  // namespace

int runServe(const Arguments& arguments) {
  if (arguments.size() != 1) throw std::runtime_error("expected ADDRESS");
  Endpoint endpoint = resolve(arguments[0], "0");
  preferCpu();
  const int stream = openSocket(endpoint, SOCK_STREAM), datagram = openSocket(endpoint, SOCK_DGRAM);
  if (bind(stream, asSockaddr(endpoint), endpoint.size) < 0 || listen(stream, 16) < 0) throw systemError("bind");
  if (getsockname(stream, reinterpret_cast<sockaddr*>(&endpoint.address), &endpoint.size) < 0) {
    throw systemError("getsockname");
  }
  if (bind(datagram, asSockaddr(endpoint), endpoint.size) < 0) throw systemError("bind");
  std::thread(echoForever, datagram).detach();
  std::printf("%u\n", ntohs(portOf(endpoint)));
  std::fflush(stdout);
  for (;;) {
    const int accepted = accept4(stream, nullptr, nullptr, SOCK_CLOEXEC);
    if (accepted >= 0) std::thread(sinkOne, accepted).detach();
  }
}

int runProbe(const Arguments& arguments) {
  if (arguments.size() != 4) throw std::runtime_error("expected ADDRESS PORT COUNT INTERVAL_US");
  const Endpoint endpoint = resolve(arguments[0], arguments[1]);
  const auto total = static_cast<uint32_t>(parseNumber(arguments[2], 1, 1'000'000));
  preferCpu();
  const int64_t interval = parseNumber(arguments[3], 10, 10'000'000) * kNanosPerMicro;
  const int fd = openSocket(endpoint, SOCK_DGRAM);
  if (connect(fd, asSockaddr(endpoint), endpoint.size) < 0) throw systemError("connect");
  ProbeResult result;
  const int64_t start = monotonicNanos();
  int64_t due = start;
  const auto session = static_cast<uint64_t>(start) ^ static_cast<uint64_t>(getpid()) << 48;
  while (result.roundTrips.size() < total && (result.sent < total || monotonicNanos() < due + kLastReplyWait)) {
    const int64_t now = monotonicNanos();
    if (now >= due && result.sent < total) {
      due = now + interval;  // late probes are not made up for in a burst
      Probe probe{session, now, result.sent++, 0, 0, {}};
      if (send(fd, &probe, sizeof probe, 0) < 0) continue;  // counts as lost
    }
    const int64_t until = result.sent < total ? due : due + kLastReplyWait;
    const int64_t wait = std::max<int64_t>(0, until - monotonicNanos());
    const timespec timeout{wait / kNanosPerSecond, wait % kNanosPerSecond};
    pollfd ready{fd, POLLIN, 0};
    if (ppoll(&ready, 1, &timeout, nullptr) <= 0) continue;
    Probe reply{};
    while (recv(fd, &reply, sizeof reply, MSG_DONTWAIT) == sizeof reply) {
      if (reply.session == session) result.take(reply);
    }
  }
  result.print();
  return 0;
}

int runThroughput(const Arguments& arguments) {
  if (arguments.size() != 4) throw std::runtime_error("expected ADDRESS PORT DURATION_MS OMIT_MS");
  const Endpoint endpoint = resolve(arguments[0], arguments[1]);
  const int64_t duration = parseNumber(arguments[2], 10, 3'600'000);
  const uint32_t omit = htonl(static_cast<uint32_t>(parseNumber(arguments[3], 0, duration)));
  const int fd = openSocket(endpoint, SOCK_STREAM);
  if (connect(fd, asSockaddr(endpoint), endpoint.size) < 0) throw systemError("connect");
  if (send(fd, &omit, sizeof omit, MSG_NOSIGNAL) != sizeof omit) throw systemError("send");
  sendFor(fd, duration * kNanosPerMilli);
  shutdown(fd, SHUT_WR);
  char answer[64] = {};
  size_t length = 0;
  for (ssize_t count; length < sizeof answer - 1 &&
                      (count = recv(fd, answer + length, sizeof answer - 1 - length, 0)) > 0;) {
    length += static_cast<size_t>(count);
  }
  unsigned long long bytes = 0, nanos = 0;
  if (std::sscanf(answer, "%llu %llu", &bytes, &nanos) != 2) throw std::runtime_error("no answer from the server");
  const double bps = nanos == 0 ? 0 : static_cast<double>(bytes) * 8e9 / static_cast<double>(nanos);
  std::printf("{\"bytes\":%llu,\"ms\":%.1f,\"bps\":%.0f}\n", bytes, static_cast<double>(nanos) / 1e6, bps);
  return 0;
}

}  // namespace lab
