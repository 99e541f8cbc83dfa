// What a packet port leaves alone, by the kernel's own interpreter: the program is attached to one end of a
// pair of Unix datagram sockets, which filter like any other, and frames are sent to it.
#include "../src/link_filter.hpp"

#include <arpa/inet.h>
#include <unistd.h>

#include <functional>

#include "../src/bytes.hpp"
#include "../src/sys.hpp"
#include "check.hpp"

using namespace vnet;

namespace {

constexpr uint16_t LINKS = 7'700;

in6_addr ip(const char* text) {
  Address out;
  CHECK(Address::parse(text, 0, out));
  return out.ip;
}

struct Frame {
  const char *source, *destination;
  uint8_t protocol;
  uint16_t from, to;
  size_t options = 0;     // octets of IPv4 options
  uint16_t fragment = 0;  // flags and offset
};

std::vector<uint8_t> octets(const Frame& f) {
  const in6_addr source = ip(f.source), destination = ip(f.destination);
  const bool v4 = IN6_IS_ADDR_V4MAPPED(&source);
  const size_t header = v4 ? 20 + f.options : 40;
  std::vector<uint8_t> out(14 + header + 8);
  uint8_t* p = out.data() + 14;
  store16(out.data() + 12, v4 ? 0x0800 : 0x86dd);
  if (v4) {
    p[0] = static_cast<uint8_t>(0x40 | (header / 4));
    store16(p + 6, f.fragment);
    p[9] = f.protocol;
    std::memcpy(p + 12, &source.s6_addr[12], 4);
    std::memcpy(p + 16, &destination.s6_addr[12], 4);
  } else {
    p[0] = 0x60;
    p[6] = f.protocol;
    std::memcpy(p + 8, &source, 16);
    std::memcpy(p + 24, &destination, 16);
  }
  store16(p + header, f.from);
  store16(p + header + 2, f.to);
  return out;
}

class Sieve {
 public:
  explicit Sieve(const std::vector<in6_addr>& addresses) {
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    in_ = Fd(ends[0]);
    out_ = Fd(ends[1]);
    attach(addresses, LINKS);
  }
  void attach(const std::vector<in6_addr>& addresses, uint16_t port) {
    auto program = linkFilter(addresses, port);
    attachFilter(out_.get(), program);
  }
  bool passes(const std::vector<uint8_t>& frame) {
    (void)!send(in_.get(), frame.data(), frame.size(), 0);
    uint8_t got[2'000];
    const auto length = recv(out_.get(), got, sizeof got, 0);
    return length == static_cast<ssize_t>(frame.size());
  }
  bool passes(const Frame& frame) { return passes(octets(frame)); }

 private:
  Fd in_, out_;
};

const char* const OWN = "10.0.0.1";
const char* const OWN6 = "2001:db8::1";

void leavesOutTheLinks(Sieve& sieve) {
  for (const uint8_t protocol : {IPPROTO_UDP, IPPROTO_TCP})
    for (const uint16_t port : {LINKS, uint16_t{LINKS + 1}}) {
      CHECK(!sieve.passes({"10.0.0.9", OWN, protocol, port, 40'000}));
      CHECK(!sieve.passes({"10.0.0.9", OWN, protocol, 40'000, port}));
      CHECK(!sieve.passes({OWN, "10.0.0.9", protocol, 40'000, port}));
      CHECK(!sieve.passes({"10.0.0.9", OWN, protocol, 40'000, port, 8}));
      CHECK(!sieve.passes({"2001:db8::9", OWN6, protocol, port, 40'000}));
      CHECK(!sieve.passes({OWN6, "2001:db8::9", protocol, 40'000, port}));
    }
  CHECK(!sieve.passes({"10.0.0.9", "192.168.7.7", IPPROTO_UDP, LINKS, LINKS}));
  CHECK(!sieve.passes({"10.0.0.9", OWN, IPPROTO_UDP, LINKS, LINKS, 0, 0x4000}));  // don't fragment
  CHECK(!sieve.passes({"10.0.0.9", OWN, IPPROTO_UDP, LINKS, LINKS, 0, 0x2000}));  // first fragment
}

void passesTheRest(Sieve& sieve) {
  // A VM's own traffic with the port: elsewhere, between others, and from an address that is nearly ours.
  CHECK(sieve.passes({"10.0.0.9", "10.0.0.8", IPPROTO_UDP, LINKS, LINKS}));
  CHECK(sieve.passes({"10.0.0.2", "10.0.1.1", IPPROTO_TCP, 40'000, LINKS}));
  CHECK(sieve.passes({"2001:db8::2", "2001:db8:0:1::1", IPPROTO_UDP, LINKS, LINKS}));
  CHECK(sieve.passes({"2001:db8:1::1", "2001:db9::1", IPPROTO_UDP, LINKS, LINKS}));
  // To this host, another port or protocol.
  CHECK(sieve.passes({"10.0.0.9", OWN, IPPROTO_TCP, 40'000, 22}));
  CHECK(sieve.passes({"10.0.0.9", OWN, IPPROTO_UDP, LINKS - 1, LINKS + 2}));
  CHECK(sieve.passes({"10.0.0.9", OWN, IPPROTO_ICMP, LINKS, LINKS}));
  CHECK(sieve.passes({"2001:db8::9", OWN6, IPPROTO_ICMPV6, LINKS, LINKS}));
  CHECK(sieve.passes({"10.0.0.9", OWN, IPPROTO_UDP, LINKS, LINKS, 0, 185}));  // a later fragment has no ports
  std::vector<uint8_t> arp(42);
  store16(arp.data() + 12, 0x0806);
  CHECK(sieve.passes(arp));
}

void passesWhatIsCutShort(Sieve& sieve) {
  for (const Frame& frame :
       {Frame{"10.0.0.9", OWN, IPPROTO_ICMP, 1, 1}, Frame{"2001:db8::9", OWN6, 0, 1, 1}}) {
    const auto whole = octets(frame);
    for (size_t length = 14; length < whole.size(); length++)
      CHECK(sieve.passes(std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<ssize_t>(length))));
  }
}

void followsItsParts() {
  std::vector<in6_addr> many;
  for (size_t i = 0; i < FILTER_ADDRESSES; i++)
    many.push_back(ip((i % 2 ? "10.1.0." + std::to_string(i) : "fd00::" + std::to_string(i)).c_str()));
  Sieve sieve(many);
  CHECK(!sieve.passes({"10.0.0.9", "10.1.0.63", IPPROTO_UDP, LINKS, LINKS}));
  CHECK(!sieve.passes({"fd01::1", "fd00::62", IPPROTO_UDP, LINKS, LINKS}));
  sieve.attach({ip(OWN)}, LINKS);
  CHECK(sieve.passes({"10.0.0.9", "10.1.0.63", IPPROTO_UDP, LINKS, LINKS}));
  CHECK(!sieve.passes({"10.0.0.9", OWN, IPPROTO_UDP, LINKS, LINKS}));
  sieve.attach({ip(OWN)}, 65'535);
  CHECK(!sieve.passes({"10.0.0.9", OWN, IPPROTO_UDP, 65'535, 9}));
  CHECK(sieve.passes({"10.0.0.9", OWN, IPPROTO_UDP, 0, 9}));
  sieve.attach({}, LINKS);
  CHECK(sieve.passes({"10.0.0.9", OWN, IPPROTO_UDP, LINKS, LINKS}));
  sieve.attach({ip(OWN)}, 0);
  CHECK(sieve.passes({"10.0.0.9", OWN, IPPROTO_UDP, LINKS, LINKS}));
  for (const in6_addr& address : hostAddresses("lo")) CHECK(!IN6_IS_ADDR_LOOPBACK(&address));
}

}  // namespace

int main() {
  Sieve sieve({ip(OWN), ip(OWN6), ip("192.168.7.7")});
  leavesOutTheLinks(sieve);
  passesTheRest(sieve);
  passesWhatIsCutShort(sieve);
  followsItsParts();
  std::puts("link filter: ok");
}
