// A TAP joined to a Unix socket as QEMU's `-netdev stream` speaks it: a 4-octet big-endian length, then the
// frame. What a light VM has in place of QEMU where its port is `unix:PATH`: the daemon listens, we dial.
//
// One thread. While nobody listens the wire is cut: what the VM sends is dropped, and the dial is repeated. Towards
// the socket no more than kBacklogBytes wait; beyond that the TAP is not read, so its own queue drops, as QEMU's does.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

#include "emulator.hpp"

namespace lab {

namespace {

constexpr size_t kPrefixBytes = 4;
constexpr size_t kEthernetHeaderBytes = 14;
constexpr size_t kMaxFrameBytes = 65'550;  // the largest MTU of Linux and a header
constexpr size_t kBacklogBytes = 256 << 10;
constexpr size_t kReadBytes = 64 << 10;
constexpr int kRedialMs = 50;
constexpr int kTapBurst = 64;  // frames from the TAP before the socket is looked at again

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset() { *this = Descriptor(); }

 private:
  int fd_;
};

void openTap(const std::string& interface, Descriptor& tap) {
  tap = Descriptor(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!tap) throw systemError("/dev/net/tun");
  ifreq request{};
  if (interface.size() >= sizeof request.ifr_name) throw std::runtime_error("the interface's name is too long");
  std::memcpy(request.ifr_name, interface.data(), interface.size());
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(tap.get(), TUNSETIFF, &request) < 0) throw systemError("TAP " + interface);
}

class Wire {
 public:
  Wire(const std::string& interface, const std::string& path) {
    openTap(interface, tap_);
    peer_.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof peer_.sun_path) throw std::runtime_error("a path of 1 to 107 octets, please");
    std::memcpy(peer_.sun_path, path.data(), path.size());
  }

  void run() {
    for (;;) {
      if (!socket_) dial();
      pollfd ready[2] = {{tap_.get(), static_cast<short>(backlogged() ? 0 : POLLIN), 0},
                         {socket_.get(), static_cast<short>(POLLIN | (pending() > 0 ? POLLOUT : 0)), 0}};
      if (poll(ready, 2, socket_ ? -1 : kRedialMs) < 0 && errno != EINTR) throw systemError("poll");
      if (ready[0].revents & (POLLERR | POLLHUP)) throw std::runtime_error("the TAP is gone");
      if (ready[0].revents & POLLIN) fromTap();
      if (ready[1].revents & (POLLIN | POLLERR | POLLHUP)) fromSocket();
      if (socket_ && pending() > 0) flush();
    }
  }

 private:
  size_t pending() const { return out_.size() - sent_; }
  bool backlogged() const { return pending() >= kBacklogBytes; }

  void dial() {
    socket_ = Descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) throw systemError("socket");
    if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&peer_), sizeof peer_) < 0) cut();
  }

  // A frame that was under way is lost whole: a new connection begins with a length.
  void cut() {
    socket_.reset();
    out_.clear();
    in_.clear();
    sent_ = 0;
  }

  void fromTap() {
    uint8_t frame[kMaxFrameBytes];
    for (int count = 0; count < kTapBurst && !backlogged(); ++count) {
      const ssize_t size = read(tap_.get(), frame, sizeof frame);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0 && errno != EAGAIN) throw systemError("reading the TAP");
      if (size <= 0) return;
      if (!socket_) continue;
      const auto length = static_cast<uint32_t>(size);
      const uint8_t prefix[kPrefixBytes] = {static_cast<uint8_t>(length >> 24), static_cast<uint8_t>(length >> 16),
                                            static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)};
      out_.insert(out_.end(), prefix, prefix + kPrefixBytes);
      out_.insert(out_.end(), frame, frame + size);
    }
  }

  void flush() {
    const ssize_t size = send(socket_.get(), out_.data() + sent_, pending(), MSG_NOSIGNAL);
    if (size < 0) {
      if (errno != EAGAIN && errno != EINTR) cut();
      return;
    }
    sent_ += static_cast<size_t>(size);
    if (pending() > 0) return;
    out_.clear();
    sent_ = 0;
  }

  void fromSocket() {
    uint8_t bytes[kReadBytes];
    const ssize_t size = recv(socket_.get(), bytes, sizeof bytes, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return cut();
    in_.insert(in_.end(), bytes, bytes + size);
    size_t at = 0;
    while (in_.size() - at >= kPrefixBytes) {
      const uint8_t* prefix = in_.data() + at;
      const size_t length = static_cast<size_t>(prefix[0]) << 24 | prefix[1] << 16 | prefix[2] << 8 | prefix[3];
      if (length < kEthernetHeaderBytes || length > kMaxFrameBytes) return cut();  // out of step: begin anew
      if (in_.size() - at - kPrefixBytes < length) break;
      // A TAP refuses what is larger than it may be, or while its interface is down: then the frame is lost.
      (void)!write(tap_.get(), prefix + kPrefixBytes, length);
      at += kPrefixBytes + length;
    }
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  Descriptor tap_, socket_;
  sockaddr_un peer_{};
  std::vector<uint8_t> out_, in_;  // towards the socket, from it; each ends within a frame at most
  size_t sent_ = 0;                // of out_
};

}  // namespace

int runStream(const Arguments& arguments) {
  if (arguments.size() != 2) throw std::runtime_error("expected INTERFACE SOCKET");
  Wire wire(arguments[0], arguments[1]);
  std::puts("ready");
  std::fflush(stdout);
  wire.run();
  return 0;
}

}  // namespace lab
