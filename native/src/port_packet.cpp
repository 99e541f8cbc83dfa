// `packet:NAME`: AF_PACKET on an existing interface, promiscuous, without our own frames. Stages of what
// comes in: 0 the kernel leaves out the links' own datagrams (link_filter.hpp), 1 receive a batch, 2 put a
// stripped VLAN tag back, 3 cut super-frames, finish checksums, 4 hand over. What goes out: consecutive TCP
// segments are put together (coalesce.hpp), the rest goes as it is; sendmmsg. No TPACKET ring: its block
// timer costs a millisecond of latency.
//
// Threads: a socket that is done with is closed by one of its own, which has nothing else (closeAside).
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

#include "coalesce.hpp"
#include "link_filter.hpp"
#include "port.hpp"
#include "segment.hpp"
#include "wire.hpp"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

namespace vnet {

namespace {

constexpr size_t VLAN_TAG_BYTES = 4;

struct Opened {
  Fd fd;
  int index = 0;
  bool up = false;
  std::vector<in6_addr> addresses;  // that its filter knows
};

void filterLinks(Opened& opened, std::vector<in6_addr> addresses, uint16_t linkPort) {
  std::vector<sock_filter> program = linkFilter(addresses, linkPort);
  attachFilter(opened.fd.get(), program);
  opened.addresses = std::move(addresses);
}

Opened openSocket(const std::string& name, uint16_t linkPort) {
  Opened out;
  out.index = static_cast<int>(if_nametoindex(name.c_str()));
  if (out.index == 0)
    throw PlaneError("VNET_ERR_NOT_FOUND", "there is no device " + name,
                     "make it first, or correct the name (ip link)");
  out.fd = Fd(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!out.fd) throw systemError(errno, "cannot open a packet socket on " + name);
  const int fd = out.fd.get(), on = 1;
  if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) != 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0)
    throw systemError(errno, "cannot set up the packet socket on " + name);
  bigBuffers(fd);
  filterLinks(out, hostAddresses(name), linkPort);
  packet_mreq membership{};
  membership.mr_ifindex = out.index;
  membership.mr_type = PACKET_MR_PROMISC;
  if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership) != 0)
    throw systemError(errno, "cannot set " + name + " promiscuous");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = out.index;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw systemError(errno, "cannot bind to " + name);
  ifreq r{};
  std::strncpy(r.ifr_name, name.c_str(), IFNAMSIZ - 1);
  out.up = ioctl(fd, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_UP);
  return out;
}

// The kernel closes a packet socket only when no processor uses it any more, and when nobody changes devices: tens of
// milliseconds, in which this thread would forward nothing.
void closeAside(Fd fd) {
  if (!fd) return;
  try {
    std::thread([fd = std::move(fd)]() mutable { fd.reset(); }).detach();
  } catch (const std::system_error&) {
    // No thread to be had: it was closed here.
  }
}

class PacketPort final : public Port {
 public:
  PacketPort(PortConfig config, Opened opened, std::string name)
      : Port(std::move(config)),
        opened_(std::move(opened)),
        name_(std::move(name)),
        out_(new uint8_t[PORT_BATCH_BYTES]) {}
  ~PacketPort() override { closeSocket(); }

  void start(Loop& loop, PortSink& sink) override {
    loop_ = &loop;
    sink_ = &sink;
    retry_ = std::make_unique<Timer>(loop, [this] { retry(); });
    refilter_ = std::make_unique<Timer>(loop, [this] { refilter(); });
    refilter_->at(loop.now() + LINK_FILTER_NS);
    loop.watch(opened_.fd.get(), *this, EPOLLIN);
    if (opened_.up) tell(true, "opened " + name_);
    else lost("the device " + name_ + " is down: ip link set " + name_ + " up");
  }

  void onEvents(uint32_t) override {
    segments_ = 0;
    for (int round = 0; round < RECEIVE_ROUNDS && segments_ < SEGMENTS_PER_TURN; round++) {
      prepare();
      const int count = recvmmsg(opened_.fd.get(), in_, RECEIVE_BATCH, 0, nullptr);
      if (count < 0) {
        if (errno == ENETDOWN || errno == ENODEV || errno == ENXIO) suspect();
        return;
      }
      for (int i = 0; i < count; i++) received(i);
      if (count < static_cast<int>(RECEIVE_BATCH)) return;
    }
  }

  bool send(const uint8_t* frame, size_t length) override {
    if (!up_) return false;
    if (run_.append(frame, length)) {
      const size_t before = outParts_[outCount_ - 1][1].iov_len;
      outParts_[outCount_ - 1][1].iov_len = run_.length();
      outBytes_ += run_.length() - before;
      return true;
    }
    // A run grows behind the last frame, so that must have room for all of it.
    if (outCount_ == PORT_BATCH_FRAMES || outBytes_ + std::max(length, COALESCED_BYTES) > PORT_BATCH_BYTES)
      flush();
    endRun();
    std::memcpy(out_.get() + outBytes_, frame, length);
    outVnet_[outCount_] = {};
    outParts_[outCount_][0] = {&outVnet_[outCount_], sizeof(VnetHeader)};
    outParts_[outCount_][1] = {out_.get() + outBytes_, length};
    run_.begin(out_.get() + outBytes_, length);
    outBytes_ += length;
    outCount_++;
    return true;
  }

  void flush() override {
    endRun();
    mmsghdr messages[PORT_BATCH_FRAMES] = {};
    for (size_t i = 0; i < outCount_; i++) {
      messages[i].msg_hdr.msg_iov = outParts_[i];
      messages[i].msg_hdr.msg_iovlen = 2;
    }
    for (size_t sent = 0; sent < outCount_;) {
      const int now = sendmmsg(opened_.fd.get(), messages + sent, static_cast<unsigned>(outCount_ - sent), 0);
      if (now > 0) {
        sent += static_cast<size_t>(now);
        continue;
      }
      if (errno == EINTR) continue;
      sink_->portDrop(*this, Drop::portQueue);
      sent++;  // this one the device does not take; the next may be smaller
    }
    outCount_ = outBytes_ = 0;
  }

 private:
  static constexpr size_t HEADROOM = 64;

  void endRun() {
    if (outCount_ > 0) run_.finish(outVnet_[outCount_ - 1]);
    run_.clear();
  }

  void prepare() {
    for (size_t i = 0; i < RECEIVE_BATCH; i++) {
      inParts_[i][0] = {&inVnet_[i], sizeof(VnetHeader)};
      inParts_[i][1] = {loop_->scratch() + i * RECEIVE_STRIDE + HEADROOM, RECEIVE_STRIDE - HEADROOM};
      in_[i].msg_hdr = {};
      in_[i].msg_hdr.msg_iov = inParts_[i];
      in_[i].msg_hdr.msg_iovlen = 2;
      in_[i].msg_hdr.msg_control = inControl_[i];
      in_[i].msg_hdr.msg_controllen = sizeof inControl_[i];
    }
  }

  // Puts the tag that the kernel has moved into `auxdata` back behind the addresses; true when there was one.
  static bool restoreTag(msghdr& message, uint8_t*& frame, size_t& length) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
      tpacket_auxdata aux;
      std::memcpy(&aux, CMSG_DATA(c), sizeof aux);
      if (!(aux.tp_status & TP_STATUS_VLAN_VALID) || length < MAC_PAIR_BYTES) return false;
      frame -= VLAN_TAG_BYTES;
      length += VLAN_TAG_BYTES;
      std::memmove(frame, frame + VLAN_TAG_BYTES, MAC_PAIR_BYTES);
      store16(frame + 12,
              aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : uint16_t{ETH_P_8021Q});
      store16(frame + 14, aux.tp_vlan_tci);
      return true;
    }
    return false;
  }

  void received(int i) {
    if (in_[i].msg_len < sizeof(VnetHeader) || (in_[i].msg_hdr.msg_flags & MSG_TRUNC))
      return sink_->portDrop(*this, Drop::oversize);
    auto* frame = static_cast<uint8_t*>(inParts_[i][1].iov_base);
    size_t length = in_[i].msg_len - sizeof(VnetHeader);
    VnetHeader& vnet = inVnet_[i];
    if (restoreTag(in_[i].msg_hdr, frame, length)) vnet.checksumStart += VLAN_TAG_BYTES;
    if (vnet.gsoType == VNET_GSO_NONE) {
      if ((vnet.flags & VNET_NEEDS_CHECKSUM) && !finishChecksum(frame, length, vnet))
        return sink_->portDrop(*this, Drop::malformed);
      return sink_->fromPort(*this, frame, length);
    }
    if (!segmenter_.begin(frame, length, vnet)) return sink_->portDrop(*this, Drop::malformed);
    size_t size;
    while (uint8_t* segment = segmenter_.next(size)) {
      segments_++;
      sink_->fromPort(*this, segment, size);
    }
  }

  void tell(bool up, const std::string& reason) {
    if (told_ && up == up_) return;
    told_ = true;
    up_ = up;
    sink_->portState(*this, up, reason);
  }

  void lost(const std::string& reason) {
    tell(false, reason);
    retry_->at(loop_->now() + PORT_RETRY_NS);
  }

  void closeSocket() {
    if (loop_ && opened_.fd) loop_->forget(opened_.fd.get());
    closeAside(std::move(opened_.fd));
  }

  // The socket said that its device is not up: gone, moved to another namespace, or only set down?
  void suspect() {
    const int index = static_cast<int>(if_nametoindex(name_.c_str()));
    if (index == opened_.index) return lost("the device " + name_ + " is down");
    closeSocket();
    opened_.index = 0;
    lost("the device " + name_ + " was deleted");
  }

  void retry() {
    const int index = static_cast<int>(if_nametoindex(name_.c_str()));
    if (index != 0) {
      try {
        Opened fresh = openSocket(name_, config_.linkPort);
        closeSocket();
        opened_ = std::move(fresh);
        loop_->watch(opened_.fd.get(), *this, EPOLLIN);
        if (opened_.up) return tell(true, "opened " + name_ + " again");
      } catch (const PlaneError&) {
        // Still on its way: the next attempt will tell.
      }
    } else if (opened_.fd) {
      return suspect();
    }
    retry_->at(loop_->now() + PORT_RETRY_NS);
  }

  // Addresses come and go: by DHCP, or with another interface.
  void refilter() {
    refilter_->at(loop_->now() + LINK_FILTER_NS);
    if (!opened_.fd) return;
    const auto same = [](const in6_addr& a, const in6_addr& b) { return IN6_ARE_ADDR_EQUAL(&a, &b); };
    std::vector<in6_addr> addresses = hostAddresses(name_);
    if (addresses.empty()) return;  // not to be had just now
    const auto& known = opened_.addresses;
    if (std::equal(addresses.begin(), addresses.end(), known.begin(), known.end(), same)) return;
    try {
      filterLinks(opened_, std::move(addresses), config_.linkPort);
    } catch (const PlaneError&) {
      // The one before stays; tried again.
    }
  }

  Opened opened_;
  std::string name_;
  std::unique_ptr<Timer> retry_, refilter_;
  bool up_ = false, told_ = false;
  Segmenter segmenter_;
  size_t segments_ = 0;

  mmsghdr in_[RECEIVE_BATCH];
  iovec inParts_[RECEIVE_BATCH][2];
  VnetHeader inVnet_[RECEIVE_BATCH];
  alignas(cmsghdr) uint8_t inControl_[RECEIVE_BATCH][CMSG_SPACE(sizeof(tpacket_auxdata))];

  Coalescer run_;
  VnetHeader outVnet_[PORT_BATCH_FRAMES];
  std::unique_ptr<uint8_t[]> out_;
  iovec outParts_[PORT_BATCH_FRAMES][2];
  size_t outCount_ = 0, outBytes_ = 0;
};

}  // namespace

std::unique_ptr<Port> openPacketPort(PortConfig config, const std::string& name) {
  checkDeviceName(name);
  Opened opened = openSocket(name, config.linkPort);
  return std::make_unique<PacketPort>(std::move(config), std::move(opened), name);
}

}  // namespace vnet
