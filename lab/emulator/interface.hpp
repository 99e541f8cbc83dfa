// One end of a veth as the emulator sees it: a TPACKET_V2 receive ring and a socket to send by.
#pragma once

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <utility>

#include "emulator.hpp"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

namespace lab {

constexpr size_t kVnetHeaderBytes = 10;                // struct virtio_net_hdr, which no C++ compiler accepts
constexpr int kDrainLimit = 1024;                      // frames from a ring before departures are looked at again
constexpr size_t kSendBatch = 64;                      // frames a sendmmsg
constexpr int64_t kStampTrust = 50 * kNanosPerMilli;  // a stamp further off is a step of the wall clock

struct Frame {
  int64_t departure;
  uint64_t order;
  size_t interface;
  size_t size;  // header of kVnetHeaderBytes included
  std::unique_ptr<uint8_t[]> bytes;
};

struct Counters {
  uint64_t frames = 0, lost = 0, reordered = 0, unknown = 0, overflow = 0, ringDrops = 0, sendErrors = 0;
};

class Descriptor {
 public:
  Descriptor() = default;
  Descriptor(int fd, const char* what) : fd_(fd) {
    if (fd < 0) throw systemError(what);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  void reset() { *this = Descriptor(); }

 private:
  int fd_ = -1;
};

template <typename T>
void setOption(int fd, int option, const T& value, const char* what) {
  if (setsockopt(fd, SOL_PACKET, option, &value, sizeof value) < 0) throw systemError(what);
}

inline sockaddr_ll linkAddress(const std::string& interface, uint16_t protocol) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(protocol);
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  if (address.sll_ifindex == 0) throw systemError("interface " + interface);
  return address;
}

// One veth end: a receive ring and a socket to send by.
class Interface {
 public:
  Interface(const std::string& name, size_t slotBytes, size_t slots)
      : receive_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "packet socket"),
        send_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "packet socket"),
        slotBytes_(slotBytes),
        slots_(slots) {
    const int on = 1, version = TPACKET_V2;
    setOption(receive_.get(), PACKET_VERSION, version, "TPACKET_V2");
    setOption(receive_.get(), PACKET_VNET_HDR, on, "PACKET_VNET_HDR");
    setOption(receive_.get(), PACKET_IGNORE_OUTGOING, on, "PACKET_IGNORE_OUTGOING");
    setOption(send_.get(), PACKET_VNET_HDR, on, "PACKET_VNET_HDR");
    mapRing();
    const sockaddr_ll all = linkAddress(name, ETH_P_ALL), none = linkAddress(name, 0);
    if (bind(receive_.get(), reinterpret_cast<const sockaddr*>(&all), sizeof all) < 0) throw systemError("bind");
    if (bind(send_.get(), reinterpret_cast<const sockaddr*>(&none), sizeof none) < 0) throw systemError("bind");
  }
  Interface(const Interface&) = delete;
  Interface& operator=(const Interface&) = delete;
  ~Interface() { munmap(ring_, ringBytes_); }

  int receiveDescriptor() const { return receive_.get(); }

  // Hands up to kDrainLimit frames to take(vnet header and frame, size, arrival); true if more may wait.
  template <typename Take>
  bool drain(const Take& take) {
    // The ring says when a frame came, in wall time; by now this thread may have been kept waiting.
    const int64_t monotonic = monotonicNanos(), wallAhead = clockNanos(CLOCK_REALTIME) - monotonic;
    for (int count = 0; count < kDrainLimit; ++count) {
      auto* slot = reinterpret_cast<tpacket2_hdr*>(ring_ + next_ * slotBytes_);
      std::atomic_ref<uint32_t> status(slot->tp_status);
      if ((status.load(std::memory_order_acquire) & TP_STATUS_USER) == 0) return false;
      const int64_t stamp = static_cast<int64_t>(slot->tp_sec) * kNanosPerSecond + slot->tp_nsec;
      const int64_t arrival =
          std::clamp(stamp - wallAhead, monotonic - kStampTrust, monotonic + kStampTrust);
      if (slot->tp_snaplen == slot->tp_len) {
        take(reinterpret_cast<uint8_t*>(slot) + slot->tp_mac - kVnetHeaderBytes,
             slot->tp_snaplen + kVnetHeaderBytes, arrival);
      }
      status.store(TP_STATUS_KERNEL, std::memory_order_release);
      next_ = (next_ + 1) % slots_;
    }
    return true;
  }

  // Blocks only while the kernel works off what was sent before.
  void send(std::vector<Frame>& batch, Counters& counters) {
    std::array<mmsghdr, kSendBatch> messages{};
    std::array<iovec, kSendBatch> parts{};
    for (size_t i = 0; i < batch.size(); ++i) {
      parts[i] = {batch[i].bytes.get(), batch[i].size};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (size_t done = 0; done < batch.size();) {
      const int sent = sendmmsg(send_.get(), &messages[done], static_cast<unsigned>(batch.size() - done), 0);
      if (sent > 0) {
        done += static_cast<size_t>(sent);
      } else if (errno != EINTR) {
        ++counters.sendErrors;
        ++done;  // this one cannot be sent: the link is down or the frame was refused
      }
    }
    batch.clear();
  }

  uint64_t takeRingDrops() {
    tpacket_stats stats{};
    socklen_t size = sizeof stats;
    return getsockopt(receive_.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &size) < 0 ? 0 : stats.tp_drops;
  }

 private:
  void mapRing() {
    tpacket_req request{};
    request.tp_frame_size = static_cast<unsigned>(slotBytes_);
    request.tp_frame_nr = static_cast<unsigned>(slots_);
    request.tp_block_size = request.tp_frame_size;  // one frame a block: slots are whole pages
    request.tp_block_nr = request.tp_frame_nr;
    setOption(receive_.get(), PACKET_RX_RING, request, "receive ring");
    ringBytes_ = slotBytes_ * slots_;
    void* memory = mmap(nullptr, ringBytes_, PROT_READ | PROT_WRITE, MAP_SHARED, receive_.get(), 0);
    if (memory == MAP_FAILED) throw systemError("mapping the receive ring");
    ring_ = static_cast<uint8_t*>(memory);
  }

  Descriptor receive_, send_;
  size_t slotBytes_, slots_, next_ = 0, ringBytes_ = 0;
  uint8_t* ring_ = nullptr;
};

}  // namespace lab
