#include "links.hpp"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

namespace patterns {
namespace {

constexpr int kBacklog = 1024;
constexpr int kMaxEvents = 64;
constexpr int64_t kRedialNanos = 50 * kNanosPerMilli;
constexpr int64_t kAttemptNanos = 3 * kNanosPerSecond;  // beyond the kernel's first repetition of a SYN

const sockaddr* asSockaddr(const sockaddr_storage& address) { return reinterpret_cast<const sockaddr*>(&address); }

}  // namespace

Links::Links(const Settings& settings) : settings_(settings), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw systemError("epoll");
  listen();
}

Links::~Links() {
  for (const auto& [fd, attempt] : attempts_) close(fd);
  if (listener_ >= 0) close(listener_);
  close(epoll_);
}

std::string Links::name(Rank rank) const {
  return "rank " + std::to_string(rank) + " (" + settings_.peers[rank].text + ")";
}

void Links::listen() {
  const Peer& own = settings_.peers[settings_.rank];
  const std::string where = own.text + " port " + std::to_string(settings_.port);
  listener_ = socket(own.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener_ < 0) throw systemError("socket");
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener_, asSockaddr(own.address), own.addressBytes) < 0 || ::listen(listener_, kBacklog) < 0) {
    throw systemError("cannot listen at " + where);
  }
  watch(listener_, EPOLLIN, true);
}

void Links::watch(int fd, uint32_t events, bool isNew) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll_, isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) < 0) throw systemError("epoll");
}

void Links::watchWriting() {
  for (const auto& [fd, rank] : rankOf_) {
    Connection& connection = *current_.at(rank);
    if (connection.watchedForWriting == !connection.idle()) continue;
    connection.watchedForWriting = !connection.idle();
    watch(fd, EPOLLIN | (connection.idle() ? 0u : static_cast<uint32_t>(EPOLLOUT)), false);
  }
}

void Links::setUp(int fd) const {
  const int on = 1;
  const unsigned int silenceMs = static_cast<unsigned int>(settings_.stallNanos / kNanosPerMilli);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silenceMs, sizeof silenceMs);
}

void Links::open(Rank phase, const std::vector<Rank>& neighbours, const std::function<void()>& onWait) {
  phase_ = phase;
  const int64_t deadline = monotonicNanos() + settings_.connectNanos;
  for (const Rank peer : neighbours) {
    if (peer < settings_.rank) redialAt_[peer] = 0;
  }
  adoptEarly();
  while (current_.size() < neighbours.size()) {
    const int64_t now = monotonicNanos();
    if (now > deadline) notConnected(neighbours);
    redial(now);
    // Frames of this phase wait in the kernel until the superstep asks for them; only a failure can come now.
    poll(kRedialNanos, nullptr);
    onWait();
  }
  for (const auto& [fd, rank] : rankOf_) watch(fd, EPOLLIN, false);
}

// Gives up attempts that take too long, and makes those that are due.
void Links::redial(int64_t now) {
  for (auto entry = attempts_.begin(); entry != attempts_.end();) {
    if (entry->second.until > now) {
      ++entry;
      continue;
    }
    close(entry->first);
    lastError_ = ETIMEDOUT;
    redialAt_[entry->second.peer] = now;
    entry = attempts_.erase(entry);
  }
  for (auto entry = redialAt_.begin(); entry != redialAt_.end();) {
    if (entry->second > now) {
      ++entry;
      continue;
    }
    const Rank peer = entry->first;
    entry = redialAt_.erase(entry);
    dial(peer);
  }
}

void Links::notConnected(const std::vector<Rank>& neighbours) const {
  const auto missing = std::find_if(neighbours.begin(), neighbours.end(),
                                    [&](Rank rank) { return current_.find(rank) == current_.end(); });
  throw PeerLost(*missing, "no connection with " + name(*missing) + " within " + secondsText(settings_.connectNanos) +
                               (lastError_ == 0 || *missing > settings_.rank ? "; it did not call"
                                                : std::string(": ") + std::strerror(lastError_)));
}

void Links::dial(Rank peer) {
  const Peer& own = settings_.peers[settings_.rank];
  const Peer& other = settings_.peers[peer];
  const int fd = socket(other.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError("socket");
  setUp(fd);
  if (own.address.ss_family == other.address.ss_family) {  // the source is the address that the list gives
    sockaddr_storage source = own.address;
    reinterpret_cast<sockaddr_in*>(&source)->sin_port = 0;  // at the same place in both families
    if (bind(fd, asSockaddr(source), own.addressBytes) < 0) {
      const int error = errno;
      close(fd);
      throw systemError("cannot use the address " + own.text, error);
    }
  }
  const int64_t now = monotonicNanos();
  if (connect(fd, asSockaddr(other.address), other.addressBytes) < 0 && errno != EINPROGRESS) {
    lastError_ = errno;
    close(fd);
    redialAt_[peer] = now + kRedialNanos;
    return;
  }
  attempts_[fd] = {peer, now + kAttemptNanos};
  watch(fd, EPOLLOUT, true);
}

void Links::dialDone(int fd) {
  const Rank peer = attempts_.at(fd).peer;
  attempts_.erase(fd);
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    lastError_ = error;
    close(fd);
    redialAt_[peer] = monotonicNanos() + kRedialNanos;
    return;
  }
  watch(fd, 0, false);
  adopt(peer, std::make_unique<Connection>(fd));
  Header hello;
  hello.kind = FrameKind::hello;
  hello.phase = phase_;
  hello.destination = peer;
  hello.value = settings_.fingerprint();
  send(peer, hello);
}

void Links::acceptAll() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;  // a caller that is gone again calls again
    setUp(fd);
    strangers_[fd] = std::make_unique<Connection>(fd);
    watch(fd, EPOLLIN, true);
  }
}

void Links::greet(int fd) {
  std::optional<Header> hello;
  try {
    hello = strangers_.at(fd)->readHello();
  } catch (const std::exception&) {
    strangers_.erase(fd);  // a port scan, or an attempt that was given up
    return;
  }
  if (!hello) return;
  auto connection = std::move(strangers_.extract(fd).mapped());
  if (hello->kind != FrameKind::hello || hello->source >= settings_.peers.size()) return;
  if (hello->value != settings_.fingerprint() || hello->destination != settings_.rank) {
    throw PeerLost(hello->source, name(hello->source) + " was started with other options or another list of ranks");
  }
  watch(fd, 0, false);  // what follows the greeting is for the superstep
  connection->peer = hello->source;
  early_[{hello->phase, hello->source}] = std::move(connection);
}

// Those that called for this phase.
void Links::adoptEarly() {
  for (auto entry = early_.begin(); entry != early_.end();) {
    const auto [phase, peer] = entry->first;
    if (phase != phase_ || current_.count(peer)) {
      ++entry;
      continue;
    }
    adopt(peer, std::move(entry->second));
    entry = early_.erase(entry);
  }
}

void Links::adopt(Rank peer, std::unique_ptr<Connection> connection) {
  connection->peer = peer;
  rankOf_[connection->fd()] = peer;
  current_[peer] = std::move(connection);
}

void Links::send(Rank to, const Header& header) {
  const auto found = current_.find(to);
  if (found == current_.end()) throw std::logic_error("no connection with rank " + std::to_string(to));
  Header copy = header;
  if (copy.kind != FrameKind::message) copy.source = settings_.rank;  // a message keeps its own while it is relayed
  found->second->push(copy);
}

bool Links::flush() {
  bool done = true;
  for (auto& [rank, connection] : current_) {
    if (connection->idle()) continue;
    try {
      connection->flush();
    } catch (const std::exception& error) {
      receive(*connection, [](const Header&) {});  // its reason, if it gave one before it went
      throw PeerGone(rank, name(rank) + " is gone: " + error.what());
    }
    done = done && connection->idle();
  }
  return done;
}

void Links::poll(int64_t waitNanos, const OnFrame& onFrame) {
  flush();
  const bool opening = onFrame == nullptr;
  if (!opening) watchWriting();
  epoll_event events[kMaxEvents];
  const int64_t waitMs = (std::max<int64_t>(waitNanos, 0) + kNanosPerMilli - 1) / kNanosPerMilli;
  const int count = epoll_wait(epoll_, events, kMaxEvents, static_cast<int>(waitMs));
  if (count < 0 && errno != EINTR) throw systemError("epoll");
  for (int i = 0; i < count; ++i) {
    const int fd = events[i].data.fd;
    if (fd == listener_) {
      acceptAll();
    } else if (attempts_.count(fd)) {
      dialDone(fd);
    } else if (strangers_.count(fd)) {
      greet(fd);
    } else if (const auto known = rankOf_.find(fd); known != rankOf_.end()) {
      if (!opening) receive(*current_.at(known->second), onFrame);
      else if (events[i].events & (EPOLLHUP | EPOLLERR)) throw PeerGone(known->second, name(known->second) + " is gone");
    }
  }
  if (opening) adoptEarly();
  flush();
}

void Links::receive(Connection& connection, const OnFrame& onFrame) {
  const Rank peer = connection.peer;
  bool open = false;
  try {
    open = connection.read([&](const Header& header) {
      if (header.kind == FrameKind::failure) {
        const Rank culprit = static_cast<Rank>(std::min<uint64_t>(header.value, settings_.peers.size() - 1));
        throw PeerGone(culprit, name(peer) + (culprit == peer ? " was stopped" : " gave up because of " + name(culprit)));
      }
      if (header.kind == FrameKind::bye) connection.saidBye = true;
      if (header.kind == FrameKind::message || header.kind == FrameKind::release) onFrame(header);
    });
  } catch (const PeerLost&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw PeerGone(peer, name(peer) + ": " + error.what());
  }
  if (open) return;
  if (!connection.saidBye) throw PeerGone(peer, name(peer) + " closed the connection: it died or was killed");
  rankOf_.erase(connection.fd());  // it is a phase ahead; its end of the stream must not wake us for ever
  epoll_ctl(epoll_, EPOLL_CTL_DEL, connection.fd(), nullptr);
}

void Links::closePhase(const std::function<void()>& onWait) {
  Header bye;
  bye.kind = FrameKind::bye;
  for (const auto& entry : current_) {
    bye.destination = entry.first;
    send(entry.first, bye);
  }
  const int64_t deadline = monotonicNanos() + settings_.stallNanos;
  // The end of the stream is sent only when the neighbour's goodbye is here: closing earlier, with its frames
  // unread, would reset the connection and destroy what it has not read yet.
  const auto waiting = [&] {
    return std::any_of(current_.begin(), current_.end(), [](const auto& entry) { return !entry.second->saidBye; });
  };
  while (!flush() || waiting()) {
    if (monotonicNanos() > deadline) break;  // all that it needs from us was sent
    poll(kRedialNanos, [](const Header&) {});
    onWait();
  }
  current_.clear();
  rankOf_.clear();
}

void Links::abandon(Rank culprit) noexcept {
  try {
    Header failure;
    failure.kind = FrameKind::failure;
    failure.source = settings_.rank;
    failure.value = culprit;
    for (auto& [rank, connection] : current_) {
      failure.destination = rank;
      connection->push(failure);
      try {
        connection->flush();
      } catch (const std::exception&) {  // it is gone itself
      }
    }
  } catch (const std::exception&) {  // no memory: the closed connection tells as much
  }
}

}  // namespace patterns
