// Segmentation and checksums against a slow sum, octet pair by octet pair; random headers break nothing.
#include <algorithm>
#include <vector>

#include "../src/bytes.hpp"
#include "../src/checksum.hpp"
#include "../src/coalesce.hpp"
#include "../src/mss.hpp"
#include "../src/segment.hpp"
#include "check.hpp"

using namespace vnet;

// RFC 1071 as it is written; 0xffff when the checksum inside holds.
static uint32_t slowSum(const uint8_t* data, size_t length, uint32_t sum = 0) {
  for (size_t i = 0; i + 1 < length; i += 2) sum += load16(data + i);
  if (length & 1) sum += data[length - 1] << 8;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}
static uint32_t slowPseudo(const uint8_t* ip, bool v6, uint8_t protocol, size_t length) {
  const uint32_t sum = v6 ? slowSum(ip + 8, 32) : slowSum(ip + 12, 8);
  return sum + protocol + static_cast<uint32_t>(length);
}

static std::vector<uint8_t> superFrame(bool v6, bool tcp, bool tagged, size_t payload,
                                       std::mt19937_64& random) {
  const size_t ip = tagged ? 18 : 14, header = v6 ? 40 : 20, transport = tcp ? 32 : 8;
  std::vector<uint8_t> f(ip + header + transport + payload);
  for (auto& octet : f) octet = static_cast<uint8_t>(random());
  if (tagged) store16(f.data() + 12, 0x8100);
  store16(f.data() + ip - 2, v6 ? 0x86dd : 0x0800);
  if (v6) {
    f[ip] = 0x60;
    f[ip + 6] = tcp ? 6 : 17;
  } else {
    f[ip] = 0x45;
    f[ip + 9] = tcp ? 6 : 17;
    store16(f.data() + ip + 6, 0x4000);
  }
  if (tcp) {
    f[ip + header + 12] = 0x80;
    f[ip + header + 13] = 0x19;  // ACK PSH FIN
  }
  return f;
}

static void segments(std::mt19937_64& random) {
  for (int round = 0; round < 400; round++) {
    const bool v6 = round & 1, tcp = round & 2, tagged = round & 4;
    const size_t payload = 1 + random() % 60'000;
    const auto f = superFrame(v6, tcp, tagged, payload, random);
    VnetHeader vnet{};
    vnet.gsoType = tcp ? (v6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4) : VNET_GSO_UDP_L4;
    vnet.gsoSize = static_cast<uint16_t>(500 + random() % 1'000);
    Segmenter segmenter;
    CHECK(segmenter.begin(f.data(), f.size(), vnet));
    const size_t ip = tagged ? 18 : 14, transport = ip + (v6 ? 40 : 20), headers = transport + (tcp ? 32 : 8);
    std::vector<uint8_t> joined;
    size_t length;
    const uint32_t first = load32(f.data() + transport + 4);
    while (uint8_t* segment = segmenter.next(length)) {
      CHECK(length <= headers + vnet.gsoSize);
      if (!v6) CHECK(slowSum(segment + ip, 20) == 0xffff && load16(segment + ip + 2) == length - ip);
      else CHECK(load16(segment + ip + 4) == length - ip - 40);
      const size_t rest = length - transport;
      CHECK(slowSum(segment + transport, rest, slowPseudo(segment + ip, v6, tcp ? 6 : 17, rest)) == 0xffff);
      if (tcp) {
        CHECK(load32(segment + transport + 4) == first + static_cast<uint32_t>(joined.size()));
        const bool last = joined.size() + length - headers == payload;
        CHECK((segment[transport + 13] & 9) == (last ? 9 : 0));
      } else {
        CHECK(load16(segment + transport + 4) == rest);
      }
      joined.insert(joined.end(), segment + headers, segment + length);
    }
    CHECK(std::equal(joined.begin(), joined.end(), f.begin() + static_cast<long>(headers), f.end()));
  }
}

// What was cut and put together again is what it was, segment by segment.
static void coalesces(std::mt19937_64& random) {
  for (int round = 0; round < 200; round++) {
    const bool v6 = round & 1;
    auto f = superFrame(v6, true, round & 4, 3'000 + random() % 50'000, random);
    const size_t ip = round & 4 ? 18 : 14, transport = ip + (v6 ? 40 : 20);
    f[transport + 13] = 0x18;
    VnetHeader vnet{};
    vnet.gsoType = v6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4;
    vnet.gsoSize = 1'300;
    Segmenter segmenter;
    CHECK(segmenter.begin(f.data(), f.size(), vnet));
    std::vector<std::vector<uint8_t>> segments;
    size_t length;
    while (uint8_t* segment = segmenter.next(length)) segments.emplace_back(segment, segment + length);
    std::vector<uint8_t> room(COALESCED_BYTES + 100);
    std::copy(segments[0].begin(), segments[0].end(), room.begin());
    Coalescer run;
    CHECK(run.begin(room.data(), segments[0].size()));
    auto broken = segments[1];
    broken.back() ^= 1;
    CHECK(!run.append(broken.data(), broken.size()));
    if (segments.size() > 2) CHECK(!run.append(segments[2].data(), segments[2].size()));
    for (size_t i = 1; i < segments.size(); i++) CHECK(run.append(segments[i].data(), segments[i].size()));
    CHECK(!run.append(segments[0].data(), segments[0].size()));
    const size_t whole = run.length();
    VnetHeader made;
    CHECK(run.finish(made) && whole == f.size() && made.gsoSize == 1'300);
    const size_t rest = whole - transport;
    CHECK(std::equal(f.begin() + static_cast<long>(transport + 32), f.end(),
                     room.begin() + static_cast<long>(transport + 32)));
    VnetHeader partial = made;
    CHECK(finishChecksum(room.data(), whole, partial));
    CHECK(slowSum(room.data() + transport, rest, slowPseudo(room.data() + ip, v6, 6, rest)) == 0xffff);
  }
}

static void partialChecksum(std::mt19937_64& random) {
  for (int round = 0; round < 1'000; round++) {
    const bool v6 = round & 1, tcp = round & 2;
    auto f = superFrame(v6, tcp, false, random() % 1'400, random);
    const size_t transport = 14 + (v6 ? 40 : 20), rest = f.size() - transport;
    const auto offset = static_cast<uint16_t>(tcp ? 16 : 6);
    uint32_t pseudo = slowPseudo(f.data() + 14, v6, tcp ? 6 : 17, rest);
    while (pseudo >> 16) pseudo = (pseudo & 0xffff) + (pseudo >> 16);
    store16(f.data() + transport + offset, static_cast<uint16_t>(pseudo));
    VnetHeader vnet{VNET_NEEDS_CHECKSUM, 0, 0, 0, static_cast<uint16_t>(transport), offset};
    CHECK(finishChecksum(f.data(), f.size(), vnet));
    CHECK(slowSum(f.data() + transport, rest, slowPseudo(f.data() + 14, v6, tcp ? 6 : 17, rest)) == 0xffff);
    vnet.checksumStart = static_cast<uint16_t>(f.size());
    CHECK(!finishChecksum(f.data(), f.size(), vnet));
  }
}

static void clamp(std::mt19937_64& random) {
  for (int round = 0; round < 64; round++) {
    const bool v6 = round & 1, odd = round & 2;
    auto f = superFrame(v6, true, round & 4, 0, random);
    const size_t ip = round & 4 ? 18 : 14, transport = ip + (v6 ? 40 : 20);
    uint8_t* option = f.data() + transport + 20;
    std::memset(option, 1, 12);
    if (odd) option++;
    option[0] = 2;
    option[1] = 4;
    store16(option + 2, 1460);
    f[transport + 13] = 2;  // SYN
    store16(f.data() + transport + 16, 0);
    const uint32_t sum = slowSum(f.data() + transport, 32, slowPseudo(f.data() + ip, v6, 6, 32));
    store16(f.data() + transport + 16, static_cast<uint16_t>(~sum));
    auto wide = f;
    clampMss(wide.data(), wide.size(), 9'000);
    CHECK(wide == f);
    clampMss(f.data(), f.size(), 1'444);
    CHECK(load16(option + 2) == 1'444 - (transport + 20));
    CHECK(slowSum(f.data() + transport, 32, slowPseudo(f.data() + ip, v6, 6, 32)) == 0xffff);
  }
}

static void noise(std::mt19937_64& random) {
  for (int i = 0; i < 200'000; i++) {
    std::vector<uint8_t> f(14 + random() % 120);
    for (auto& octet : f) octet = static_cast<uint8_t>(random());
    if (i % 4) store16(f.data() + 12, i % 4 == 1 ? 0x0800 : i % 4 == 2 ? 0x86dd : 0x8100);
    if (i % 3 && f.size() > 24) f[14] = i % 4 == 1 ? 0x45 : 0x60, f[i % 4 == 1 ? 23 : 20] = 6;
    clampMss(f.data(), f.size(), 1'000);
    VnetHeader vnet{1,
                    static_cast<uint8_t>(random() % 6),
                    0,
                    static_cast<uint16_t>(random() % 50),
                    static_cast<uint16_t>(random() % 150),
                    static_cast<uint16_t>(random() % 20)};
    finishChecksum(f.data(), f.size(), vnet);
    std::vector<uint8_t> room(f);
    room.resize(COALESCED_BYTES + 100);
    Coalescer run;
    if (run.begin(room.data(), f.size())) run.append(f.data(), f.size());
    Segmenter segmenter;
    size_t length;
    if (segmenter.begin(f.data(), f.size(), vnet))
      while (segmenter.next(length)) CHECK(length <= f.size());
  }
}

// A VM may ask its device for segments of one octet: a frame that would become tens of thousands is refused.
static void tooMany() {
  std::vector<uint8_t> f(14 + 20 + 20 + 60'000);
  store16(f.data() + 12, 0x0800);
  f[14] = 0x45;
  f[23] = 6;
  f[46] = 0x50;
  Segmenter segmenter;
  VnetHeader vnet{1, VNET_GSO_TCPV4, 54, 1, 34, 16};
  CHECK(!segmenter.begin(f.data(), f.size(), vnet));
  vnet.gsoSize = 60'000 / 2'048 + 1;
  CHECK(segmenter.begin(f.data(), f.size(), vnet));
}

int main() {
  auto random = seeded();
  segments(random);
  coalesces(random);
  partialChecksum(random);
  clamp(random);
  noise(random);
  tooMany();
  std::puts("segment: ok");
}
