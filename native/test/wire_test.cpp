// The codec: what is written is read, and no octets, random or mutated, break the decoder.
#include <algorithm>
#include <vector>

#include "../src/bytes.hpp"
#include "../src/wire.hpp"
#include "check.hpp"

using namespace vnet;

static Header randomHeader(std::mt19937_64& random) {
  Header h;
  h.type = static_cast<Type>(1 + random() % LAST_TYPE);
  if (h.type == Type::data) h.flags = (random() % 4) | (random() % 2 ? FLAG_ECHO : 0);
  h.hopLimit = static_cast<uint8_t>(random());
  h.keyEpoch = static_cast<uint8_t>(random());
  h.session = static_cast<uint32_t>(random());
  h.network = static_cast<uint32_t>(random());
  h.epoch = static_cast<uint32_t>(random());
  h.sequence = static_cast<uint32_t>(random());
  h.timestampNs = random();
  if (h.flags & FLAG_FRAGMENT) {
    h.fragmentId = static_cast<uint32_t>(random());
    h.total = static_cast<uint16_t>(1000 + random() % 60000);
    h.offset = static_cast<uint16_t>(random() % 900);
  }
  return h;
}

int main() {
  auto random = seeded();
  for (int i = 0; i < 20'000; i++) {
    const Header h = randomHeader(random);
    std::vector<uint8_t> octets(h.bytes() + 40);
    encodeHeader(h, octets.data());
    Header back;
    CHECK(decodeHeader(octets.data(), octets.size(), back) == h.bytes());
    CHECK(back.type == h.type && back.flags == h.flags && back.hopLimit == h.hopLimit &&
          back.keyEpoch == h.keyEpoch);
    CHECK(back.session == h.session && back.network == h.network && back.epoch == h.epoch &&
          back.sequence == h.sequence);
    CHECK(back.timestampNs == h.timestampNs && back.fragmentId == h.fragmentId && back.offset == h.offset &&
          back.total == h.total);
  }
  // A fixed one, so that the layout of docs/wire.md cannot drift.
  Header h;
  h.flags = FLAG_GROUND | FLAG_FRAGMENT;
  h.hopLimit = 16;
  h.session = 0x01020304;
  h.network = 7;
  h.epoch = 9;
  h.sequence = 0x0a0b0c0d;
  h.timestampNs = 0x1122334455667788;
  h.fragmentId = 0xaabbccdd;
  h.offset = 0x10;
  h.total = 0x600;
  uint8_t out[36];
  encodeHeader(h, out);
  const uint8_t expected[36] = {0x11, 3,    16,   0,    1,    2,    3,    4,    0,    0,    0,    7,
                                0,    0,    0,    9,    10,   11,   12,   13,   0x11, 0x22, 0x33, 0x44,
                                0x55, 0x66, 0x77, 0x88, 0xaa, 0xbb, 0xcc, 0xdd, 0,    0x10, 6,    0};
  CHECK(std::memcmp(out, expected, 36) == 0);

  for (int i = 0; i < 200'000; i++) {
    // Exactly as long as it says, so that the address sanitizer sees a read past the end.
    std::vector<uint8_t> octets(random() % 120);
    if (i % 2) {
      for (auto& octet : octets) octet = static_cast<uint8_t>(random());
    } else if (!octets.empty()) {
      std::vector<uint8_t> good(36 + 120);
      encodeHeader(randomHeader(random), good.data());
      std::copy_n(good.begin(), octets.size(), octets.begin());
      octets[random() % octets.size()] ^= static_cast<uint8_t>(1 << random() % 8);
    }
    Header decoded;
    const size_t bytes = decodeHeader(octets.data(), octets.size(), decoded);
    CHECK(bytes <= octets.size());
    if (bytes && decoded.type == Type::data) {
      CHECK(octets.size() >= bytes + MAC_PAIR_BYTES);
      if (decoded.flags & FLAG_FRAGMENT)
        CHECK(decoded.total >= 2 && decoded.offset + octets.size() - bytes - MAC_PAIR_BYTES <= decoded.total);
    }
  }
  // What must not be taken.
  uint8_t sealed[64] = {0x11, FLAG_SEALED}, version[64] = {0x21}, type[64] = {0x1f}, flags[64] = {0x11, 0x80},
          echo[64] = {0x15, FLAG_ECHO};  // a PING
  Header none;
  CHECK(decodeHeader(sealed, 64, none) == 0 && decodeHeader(version, 64, none) == 0);
  CHECK(decodeHeader(type, 64, none) == 0 && decodeHeader(flags, 64, none) == 0 &&
        decodeHeader(echo, 64, none) == 0 && decodeHeader(sealed, 0, none) == 0);
  uint8_t runt[49] = {0x11, FLAG_FRAGMENT};
  runt[35] = 1;  // a whole of 13 octets
  CHECK(decodeHeader(runt, 49, none) == 0);
  runt[35] = 2;
  CHECK(decodeHeader(runt, 49, none) == 36);
  std::puts("wire: ok");
}
