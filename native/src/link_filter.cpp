#include "link_filter.hpp"

#include <ifaddrs.h>
#include <linux/if_ether.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bytes.hpp"
#include "sys.hpp"

namespace vnet {

namespace {

constexpr uint32_t PASS = UINT32_MAX, LEAVE_OUT = 0;
// Offsets in a frame without tags.
constexpr uint32_t ETHER_TYPE = 12, NETWORK = 14;
constexpr uint32_t V4_FRAGMENT = NETWORK + 6, V4_PROTOCOL = NETWORK + 9, V4_SOURCE = NETWORK + 12;
constexpr uint32_t V6_NEXT = NETWORK + 6, V6_SOURCE = NETWORK + 8, V6_PORTS = NETWORK + 40;
constexpr uint32_t PORTS_BYTES = 4, V4_FRAGMENT_OFFSET = 0x1fff;

// Jumps reach 255 instructions only, so every test is made where it decides.
class Program {
 public:
  std::vector<sock_filter> code;

  void load(uint16_t size, uint32_t offset, uint16_t mode = BPF_ABS) {
    code.push_back(BPF_STMT(static_cast<uint16_t>(BPF_LD | size | mode), offset));
  }
  void loadV4HeaderLength() { code.push_back(BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, NETWORK)); }
  void end(uint32_t verdict) { code.push_back(BPF_STMT(BPF_RET | BPF_K, verdict)); }
  // Skips so many instructions where the accumulator is, or is not, `value`.
  void skipIf(uint32_t value, uint8_t count) { test(BPF_JEQ, value, count, 0); }
  void skipUnless(uint32_t value, uint8_t count) { test(BPF_JEQ, value, 0, count); }
  void jump(uint32_t count) { code.push_back(BPF_STMT(BPF_JMP | BPF_JA, count)); }
  // A load behind the end would leave the frame out.
  void passIfShorter(uint32_t bytes) {
    load(BPF_W, 0, BPF_LEN);
    test(BPF_JGE, bytes, 1, 0);
    end(PASS);
  }
  void passUnlessTransport() {
    skipIf(IPPROTO_UDP, 2);
    skipIf(IPPROTO_TCP, 1);
    end(PASS);
  }
  void passIfBits(uint32_t bits) {
    test(BPF_JSET, bits, 0, 1);
    end(PASS);
  }
  // Loads `source` and `destination` in turn, and passes what has neither of the ports.
  void passUnlessPorts(uint16_t port, uint32_t source, uint32_t destination, uint16_t mode) {
    const uint32_t next = port + 1u;
    load(BPF_H, source, mode);
    skipIf(port, 5);
    skipIf(next, 4);
    load(BPF_H, destination, mode);
    skipIf(port, 2);
    skipIf(next, 1);
    end(PASS);
  }

 private:
  void test(uint16_t how, uint32_t value, uint8_t yes, uint8_t no) {
    code.push_back(BPF_JUMP(static_cast<uint16_t>(BPF_JMP | how | BPF_K), value, yes, no));
  }
};

uint32_t word(const in6_addr& address, size_t at) { return load32(address.s6_addr + 4 * at); }

// Source and destination stand behind each other.
void leaveOutV4(Program& program, const std::vector<in6_addr>& addresses) {
  for (const uint32_t place : {V4_SOURCE, V4_SOURCE + 4}) {
    program.load(BPF_W, place);
    for (const in6_addr& address : addresses) {
      if (!IN6_IS_ADDR_V4MAPPED(&address)) continue;
      program.skipUnless(word(address, 3), 1);
      program.end(LEAVE_OUT);
    }
  }
}

void leaveOutV6(Program& program, const std::vector<in6_addr>& addresses) {
  for (const uint32_t place : {V6_SOURCE, V6_SOURCE + 16}) {
    for (const in6_addr& address : addresses) {
      if (IN6_IS_ADDR_V4MAPPED(&address)) continue;
      for (uint8_t i = 0; i < 4; i++) {
        program.load(BPF_W, place + 4u * i);
        program.skipUnless(word(address, i), static_cast<uint8_t>(7 - 2 * i));
      }
      program.end(LEAVE_OUT);
    }
  }
}

}  // namespace

std::vector<in6_addr> hostAddresses(const std::string& firstInterface) {
  std::vector<in6_addr> own, others;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return own;
  for (const ifaddrs* each = all; each; each = each->ifa_next) {
    if (!each->ifa_addr || (each->ifa_flags & IFF_LOOPBACK)) continue;
    const int family = each->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    sockaddr_storage storage{};
    std::memcpy(&storage, each->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    (each->ifa_name == firstInterface ? own : others).push_back(Address::from(storage).ip);
  }
  freeifaddrs(all);
  own.insert(own.end(), others.begin(), others.end());
  own.resize(std::min(own.size(), FILTER_ADDRESSES));
  return own;
}

std::vector<sock_filter> linkFilter(const std::vector<in6_addr>& addresses, uint16_t linkPort) {
  if (linkPort == 0 || addresses.empty()) return {};
  Program v4;
  v4.passIfShorter(V4_SOURCE + 8 + PORTS_BYTES);
  v4.load(BPF_B, V4_PROTOCOL);
  v4.passUnlessTransport();
  v4.load(BPF_H, V4_FRAGMENT);
  v4.passIfBits(V4_FRAGMENT_OFFSET);
  v4.loadV4HeaderLength();
  v4.passUnlessPorts(linkPort, NETWORK, NETWORK + 2, BPF_IND);
  leaveOutV4(v4, addresses);
  v4.end(PASS);

  Program whole;
  whole.load(BPF_H, ETHER_TYPE);
  whole.skipIf(ETH_P_IP, 3);
  whole.skipIf(ETH_P_IPV6, 1);
  whole.end(PASS);
  whole.jump(static_cast<uint32_t>(v4.code.size()));
  whole.code.insert(whole.code.end(), v4.code.begin(), v4.code.end());
  whole.passIfShorter(V6_PORTS + PORTS_BYTES);
  whole.load(BPF_B, V6_NEXT);
  whole.passUnlessTransport();
  whole.passUnlessPorts(linkPort, V6_PORTS, V6_PORTS + 2, BPF_ABS);
  leaveOutV6(whole, addresses);
  whole.end(PASS);
  return whole.code;
}

void attachFilter(int fd, std::vector<sock_filter>& program) {
  sock_fprog whole{static_cast<unsigned short>(program.size()), program.data()};
  const int none = 0;
  const bool done = program.empty() ? setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none) == 0 ||
                                          errno == ENOENT
                                    : setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &whole, sizeof whole) == 0;
  if (!done) throw systemError(errno, "cannot leave the links' own datagrams out of a packet socket");
}

}  // namespace vnet
