// `tap:NAME`: a persistent TAP whose other end is a VM's, or is put into a bridge. `bridge:NAME`: a TAP of
// our own that is put into an existing bridge, and goes when its descriptor does.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "port.hpp"

namespace vnet {

namespace {

ifreq request(const std::string& name) {
  ifreq r{};
  std::strncpy(r.ifr_name, name.c_str(), IFNAMSIZ - 1);
  return r;
}

Fd attach(const std::string& name, bool persistent) {
  Fd fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ENODEV)
      throw PlaneError("VNET_ERR_UNSUPPORTED", "/dev/net/tun is missing",
                       "load the tun module (modprobe tun), or use a packet: or unix: port");
    throw systemError(errno, "cannot open /dev/net/tun");
  }
  ifreq r = request(name);
  r.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(fd.get(), TUNSETIFF, &r) != 0) {
    const int error = errno;
    if (error == EINVAL)
      throw PlaneError("VNET_ERR_EXISTS", "the device " + name + " exists and is not a TAP",
                       "choose another name, or use packet:" + name);
    throw systemError(error, "cannot open the TAP " + name);
  }
  if (persistent && ioctl(fd.get(), TUNSETPERSIST, 1) != 0)
    throw systemError(errno, "cannot keep the TAP " + name);
  return fd;
}

Fd control() {
  Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) throw systemError(errno, "cannot open a socket");
  return fd;
}

void setUp(const Fd& socket, const std::string& name) {
  ifreq r = request(name);
  if (ioctl(socket.get(), SIOCGIFFLAGS, &r) != 0)
    throw systemError(errno, "cannot read the flags of " + name);
  if (r.ifr_flags & IFF_UP) return;
  r.ifr_flags |= IFF_UP;
  if (ioctl(socket.get(), SIOCSIFFLAGS, &r) != 0) throw systemError(errno, "cannot set " + name + " up");
}

void setMtu(const Fd& socket, const std::string& name, int mtu) {
  ifreq r = request(name);
  r.ifr_mtu = mtu;
  ioctl(socket.get(), SIOCSIFMTU, &r);  // a device that keeps its own MTU still carries smaller frames
}

// A bridge's TAP is the bridge's port and speaks for nobody, so it must not send router solicitations.
void silence(const std::string& name) {
  Fd fd(open(("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6").c_str(), O_WRONLY | O_CLOEXEC));
  if (fd) (void)!write(fd.get(), "1", 1);
}

class TapPort final : public Port {
 public:
  TapPort(PortConfig config, Fd fd, std::string name)
      : Port(std::move(config)), fd_(std::move(fd)), name_(std::move(name)) {}
  ~TapPort() override {
    if (loop_ && fd_) loop_->forget(fd_.get());
  }

  void start(Loop& loop, PortSink& sink) override {
    loop_ = &loop;
    sink_ = &sink;
    loop.watch(fd_.get(), *this, EPOLLIN);
    sink.portState(*this, true, "opened " + name_);
  }

  void onEvents(uint32_t) override {
    for (size_t i = 0; i < PORT_BATCH_FRAMES; i++) {
      const ssize_t got = read(fd_.get(), loop_->scratch(), SUPER_FRAME);
      if (got < 0 && (errno == EAGAIN || errno == EINTR || errno == EIO))
        return;  // EIO: set down for a while
      if (got <= 0) return gone();
      sink_->fromPort(*this, loop_->scratch(), static_cast<size_t>(got));
    }
  }

  bool send(const uint8_t* frame, size_t length) override {
    return fd_ && write(fd_.get(), frame, length) == static_cast<ssize_t>(length);
  }

 private:
  void gone() {
    loop_->forget(fd_.get());
    fd_.reset();
    sink_->portState(*this, false, "the device " + name_ + " was deleted");
  }

  Fd fd_;
  std::string name_;
};

}  // namespace

std::unique_ptr<Port> openTapPort(PortConfig config, const std::string& name) {
  checkDeviceName(name);
  const bool existed = if_nametoindex(name.c_str()) != 0;
  Fd fd = attach(name, true);
  try {
    const Fd socket = control();
    if (config.mtu != 0) setMtu(socket, name, static_cast<int>(config.mtu));
    setUp(socket, name);
  } catch (...) {
    if (!existed) ioctl(fd.get(), TUNSETPERSIST, 0);
    throw;
  }
  return std::make_unique<TapPort>(std::move(config), std::move(fd), name);
}

std::unique_ptr<Port> openBridgePort(PortConfig config, const std::string& bridge) {
  checkDeviceName(bridge);
  if (if_nametoindex(bridge.c_str()) == 0)
    throw PlaneError("VNET_ERR_NOT_FOUND", "there is no bridge " + bridge,
                     "make it first: ip link add " + bridge + " type bridge");
  char name[IFNAMSIZ];
  // Several daemons may join one bridge, so the bridge's name alone would not do.
  std::snprintf(name, sizeof name, "vn%08x",
                static_cast<uint32_t>(std::hash<std::string>{}(bridge)) ^ random32());
  Fd fd = attach(name, false);
  const Fd socket = control();
  ifreq r = request(bridge);
  const int mtu = ioctl(socket.get(), SIOCGIFMTU, &r) == 0 ? r.ifr_mtu : 1500;
  setMtu(socket, name, mtu);
  silence(name);
  r = request(bridge);
  r.ifr_ifindex = static_cast<int>(if_nametoindex(name));
  if (ioctl(socket.get(), SIOCBRADDIF, &r) != 0) {
    const int error = errno;
    if (error == EOPNOTSUPP || error == EINVAL)
      throw PlaneError("VNET_ERR_INVALID", "the device " + bridge + " is not a bridge",
                       "use packet:" + bridge + " for an interface");
    throw systemError(error, "cannot join the bridge " + bridge);
  }
  setUp(socket, name);
  return std::make_unique<TapPort>(std::move(config), std::move(fd), name);
}

}  // namespace vnet
