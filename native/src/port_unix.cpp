// `unix:PATH` and `unix-connect:PATH`: QEMU's `-netdev stream` framing, a 4-octet big-endian length and then the frame.
// The first listens, the second connects to who listens there; one peer at a time, who may come and go.
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "bytes.hpp"
#include "port.hpp"

namespace vnet {

namespace {

constexpr size_t PREFIX_BYTES = 4;
constexpr size_t INPUT_BYTES = 256 << 10;

sockaddr_un addressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

bool somebodyListens(const sockaddr_un& address) {
  const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
         errno != ECONNREFUSED;
}

void checkPath(const std::string& path) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path))
    throw PlaneError("VNET_ERR_INVALID", "\"" + path + "\" is not a path for a socket",
                     "use 1 to 107 octets");
}

Fd listenAt(const std::string& path) {
  checkPath(path);
  const sockaddr_un address = addressOf(path);
  struct stat status;
  if (lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode))
      throw PlaneError("VNET_ERR_EXISTS", path + " exists and is not a socket", "choose another path");
    if (somebodyListens(address))
      throw PlaneError("VNET_ERR_EXISTS", path + " is in use",
                       "stop the other listener, or choose another path");
    unlink(path.c_str());  // left behind by one that died
  }
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw systemError(errno, "cannot open a socket");
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd.get(), 1) != 0)
    throw systemError(errno, "cannot listen at " + path);
  return fd;
}

// What both have in common: the stream to the present peer.
class StreamPort : public Port {
 public:
  StreamPort(PortConfig config, std::string path)
      : Port(std::move(config)), path_(std::move(path)), in_(new uint8_t[INPUT_BYTES]) {}
  ~StreamPort() override {
    if (loop_ && peer_) loop_->forget(peer_.get());
  }

  bool send(const uint8_t* frame, size_t length) override {
    if (!peer_ || out_.size() + PREFIX_BYTES + length > UNIX_QUEUE_BYTES) return false;
    uint8_t prefix[PREFIX_BYTES];
    store32(prefix, static_cast<uint32_t>(length));
    out_.insert(out_.end(), prefix, prefix + PREFIX_BYTES);
    out_.insert(out_.end(), frame, frame + length);
    return true;
  }

  void flush() override {
    size_t sent = 0;
    while (peer_ && sent < out_.size()) {
      const ssize_t now =
          ::send(peer_.get(), out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (now > 0) sent += static_cast<size_t>(now);
      else if (now < 0 && errno == EINTR) continue;
      else if (now < 0 && errno == EAGAIN) break;
      else return gone("the peer of " + path_ + " went away");
    }
    out_.erase(out_.begin(), out_.begin() + static_cast<long>(sent));
    if (peer_ && waiting_ == out_.empty()) {
      waiting_ = !out_.empty();
      loop_->change(peer_.get(), *this, waiting_ ? uint32_t{EPOLLIN | EPOLLOUT} : uint32_t{EPOLLIN});
    }
  }

  bool allRead() const override {
    int unread = 0;
    return out_.empty() && (!peer_ || ioctl(peer_.get(), SIOCOUTQ, &unread) != 0 || unread == 0);
  }

 protected:
  void onPeer() {
    if (!out_.empty()) flush();
    if (peer_) receive();
  }

  void take(Fd fresh, const std::string& how) {
    const int size = static_cast<int>(UNIX_QUEUE_BYTES);
    setsockopt(fresh.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    peer_ = std::move(fresh);
    have_ = 0;
    waiting_ = false;
    loop_->watch(peer_.get(), *this, EPOLLIN);
    sink_->portState(*this, true, how);
  }

  void receive() {
    for (int round = 0; round < RECEIVE_ROUNDS; round++) {
      const ssize_t got = recv(peer_.get(), in_.get() + have_, INPUT_BYTES - have_, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (got <= 0) return gone("the peer of " + path_ + " went away");
      have_ += static_cast<size_t>(got);
      if (!takeFrames()) return gone("the peer of " + path_ + " does not keep to the framing");
    }
  }

  bool takeFrames() {
    size_t at = 0;
    while (have_ - at >= PREFIX_BYTES) {
      const size_t length = load32(in_.get() + at);
      if (length > SUPER_FRAME) return false;
      if (have_ - at - PREFIX_BYTES < length) break;
      sink_->fromPort(*this, in_.get() + at + PREFIX_BYTES, length);
      at += PREFIX_BYTES + length;
    }
    std::memmove(in_.get(), in_.get() + at, have_ - at);
    have_ -= at;
    return true;
  }

  void gone(const std::string& reason) {
    loop_->forget(peer_.get());
    peer_.reset();
    out_.clear();
    have_ = 0;
    sink_->portState(*this, false, reason);
    onGone();
  }

  virtual void onGone() {}

  Fd peer_;
  std::string path_;

 private:
  std::unique_ptr<uint8_t[]> in_;
  size_t have_ = 0;
  std::vector<uint8_t> out_;
  bool waiting_ = false;
};

class ListeningPort final : public StreamPort {
 public:
  ListeningPort(PortConfig config, Fd listener, std::string path)
      : StreamPort(std::move(config), std::move(path)), listener_(std::move(listener)) {}
  ~ListeningPort() override {
    unlink(path_.c_str());
    if (loop_) loop_->forget(listener_.get());
  }

  void start(Loop& loop, PortSink& sink) override {
    loop_ = &loop;
    sink_ = &sink;
    loop.watch(listener_.get(), *this, EPOLLIN);
  }

  // Listener and peer share this object; the peer's reads answer EAGAIN when it was the listener that woke
  // us.
  void onEvents(uint32_t) override {
    // What a new peer sends waits for its own event, so that ports connected before it are there to take it.
    if (!accept() && peer_) onPeer();
  }

 private:
  bool accept() {
    Fd fresh(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fresh) return false;
    if (peer_) {
      receive();  // has the present one gone? Then the new one is it, reconnected.
      if (peer_) return false;
    }
    take(std::move(fresh), "a peer connected to " + path_);
    return true;
  }

  Fd listener_;
};

// Connects for as long as the port is open: the listener may come later, and come again.
class ConnectingPort final : public StreamPort {
 public:
  using StreamPort::StreamPort;

  void start(Loop& loop, PortSink& sink) override {
    loop_ = &loop;
    sink_ = &sink;
    retry_ = std::make_unique<Timer>(loop, [this] { dial(); });
    dial();
  }

  void onEvents(uint32_t) override {
    if (peer_) onPeer();
  }

 private:
  void dial() {
    Fd fresh(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un address = addressOf(path_);
    if (fresh && connect(fresh.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      said_.clear();
      return take(std::move(fresh), "connected to " + path_);
    }
    const std::string reason = reasonOf(errno);
    retry_->at(loop_->now() + UNIX_DIAL_NS);
    if (reason == said_) return;
    said_ = reason;
    sink_->portState(*this, false, reason);
  }

  std::string reasonOf(int error) const {
    if (error == ENOENT || error == ECONNREFUSED) return "nobody listens at " + path_ + " yet";
    return systemError(error, "cannot connect to " + path_).what();
  }

  void onGone() override { retry_->at(loop_->now() + UNIX_DIAL_NS); }

  std::unique_ptr<Timer> retry_;
  std::string said_;  // the reason reported last
};

}  // namespace

std::unique_ptr<Port> openUnixPort(PortConfig config, const std::string& path) {
  Fd listener = listenAt(path);
  return std::make_unique<ListeningPort>(std::move(config), std::move(listener), path);
}

std::unique_ptr<Port> openUnixConnectPort(PortConfig config, const std::string& path) {
  checkPath(path);
  return std::make_unique<ConnectingPort>(std::move(config), path);
}

}  // namespace vnet
