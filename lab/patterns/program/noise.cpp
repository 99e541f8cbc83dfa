#include "noise.hpp"

#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "settings.hpp"
#include "work.hpp"

namespace patterns {
namespace {

constexpr size_t kMinChatBytes = 36, kMaxChatBytes = 180;  // an ssh packet of a key stroke, of a line
constexpr size_t kChunkBytes = 16u << 10;
constexpr int64_t kConnectNanos = 30 * kNanosPerSecond;
constexpr int64_t kAgainNanos = 100 * kNanosPerMilli;
constexpr char kChat = 'c', kStream = 's';  // first octet of a connection

char chunk[kChunkBytes];

uint16_t port(const std::string& text) { return static_cast<uint16_t>(parseWhole(text, 1, 65535)); }

int openSocket(const Peer& peer) {
  const int fd = socket(peer.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError("socket");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return fd;
}

const sockaddr* asSockaddr(const Peer& peer) { return reinterpret_cast<const sockaddr*>(&peer.address); }

int callUntilAnswered(const Peer& peer, char kind) {
  const int64_t deadline = monotonicNanos() + kConnectNanos;
  for (;;) {
    const int fd = openSocket(peer);
    if (connect(fd, asSockaddr(peer), peer.addressBytes) == 0 && send(fd, &kind, 1, MSG_NOSIGNAL) == 1) return fd;
    const int error = errno;
    close(fd);
    if (monotonicNanos() > deadline) throw systemError("no connection with " + peer.text, error);
    pauseFor(kAgainNanos);
  }
}

void sendAll(int fd, size_t count) {
  while (count > 0) {
    const ssize_t sent = send(fd, chunk, std::min(count, kChunkBytes), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) throw systemError("write");
    count -= static_cast<size_t>(sent);
  }
}

struct Guest {
  int fd;
  char kind = 0;
};

// False when the caller is gone.
bool serveOne(Guest& guest) {
  if (guest.kind == 0) return recv(guest.fd, &guest.kind, 1, 0) == 1;
  const ssize_t got = recv(guest.fd, chunk, kChunkBytes, 0);
  if (got <= 0) return false;
  return guest.kind != kChat || send(guest.fd, chunk, static_cast<size_t>(got), MSG_NOSIGNAL) == got;
}

}  // namespace

int noiseServe(const Arguments& arguments) {
  if (arguments.size() != 2) throw std::runtime_error("expected ADDRESS PORT");
  const Peer own = parsePeer(arguments[0], port(arguments[1]));
  const int listener = openSocket(own);
  if (bind(listener, asSockaddr(own), own.addressBytes) < 0 || listen(listener, SOMAXCONN) < 0) {
    throw systemError("cannot listen at " + own.text);
  }
  std::vector<Guest> guests;
  for (;;) {
    std::vector<pollfd> waits{{listener, POLLIN, 0}};
    for (const Guest& guest : guests) waits.push_back({guest.fd, POLLIN, 0});
    if (poll(waits.data(), waits.size(), -1) < 0) {
      if (errno == EINTR) continue;
      throw systemError("poll");
    }
    for (size_t i = waits.size() - 1; i > 0; --i) {  // backwards: what is removed moves nothing still to be seen
      if (waits[i].revents == 0 || serveOne(guests[i - 1])) continue;
      close(guests[i - 1].fd);
      guests.erase(guests.begin() + static_cast<std::ptrdiff_t>(i - 1));
    }
    if (waits[0].revents == 0) continue;
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) guests.push_back({fd});
  }
}

int noiseChat(const Arguments& arguments) {
  if (arguments.size() != 4) throw std::runtime_error("expected ADDRESS PORT MEAN-GAP SEED");
  const Peer peer = parsePeer(arguments[0], port(arguments[1]));
  const auto mean = static_cast<double>(parseNanos(arguments[2]));
  if (mean <= 0) throw std::runtime_error("the mean gap is more than nothing");
  std::mt19937_64 random(static_cast<uint64_t>(parseWhole(arguments[3], 0, INT64_MAX)));
  std::exponential_distribution<double> gap(1 / mean);
  std::uniform_int_distribution<size_t> size(kMinChatBytes, kMaxChatBytes);
  const int fd = callUntilAnswered(peer, kChat);
  for (;;) {
    const size_t count = size(random);
    sendAll(fd, count);
    for (size_t got = 0; got < count;) {
      const ssize_t more = recv(fd, chunk, count - got, 0);
      if (more < 0 && errno == EINTR) continue;
      if (more <= 0) throw systemError(peer.text + " is gone", more < 0 ? errno : ECONNRESET);
      got += static_cast<size_t>(more);
    }
    pauseFor(static_cast<int64_t>(gap(random)));
  }
}

int noiseStream(const Arguments& arguments) {
  if (arguments.size() != 3) throw std::runtime_error("expected ADDRESS PORT RATE");
  const Peer peer = parsePeer(arguments[0], port(arguments[1]));
  const auto rate = static_cast<double>(parseAmount(arguments[2], int64_t{1} << 40));
  if (rate <= 0) throw std::runtime_error("the rate is more than nothing");
  const int fd = callUntilAnswered(peer, kStream);
  const auto gap = static_cast<int64_t>(kChunkBytes * 8 * 1e9 / rate);
  for (int64_t next = monotonicNanos();;) {
    sendAll(fd, kChunkBytes);
    next = std::max(next + gap, monotonicNanos() - gap);  // a stall is not made up for
    const int64_t wait = next - monotonicNanos();
    if (wait > 0) pauseFor(wait);
  }
}

}  // namespace patterns
