#include "siphash.hpp"

#include <cstring>

namespace vnet {

namespace {
struct State {
  uint64_t v0, v1, v2, v3;
  static uint64_t rotate(uint64_t x, int b) { return (x << b) | (x >> (64 - b)); }
  void round() {
    v0 += v1;
    v1 = rotate(v1, 13);
    v1 ^= v0;
    v0 = rotate(v0, 32);
    v2 += v3;
    v3 = rotate(v3, 16);
    v3 ^= v2;
    v0 += v3;
    v3 = rotate(v3, 21);
    v3 ^= v0;
    v2 += v1;
    v1 = rotate(v1, 17);
    v1 ^= v2;
    v2 = rotate(v2, 32);
  }
};
uint64_t little64(const uint8_t* p) {
  uint64_t v;
  std::memcpy(&v, p, 8);
  return v;
}
}  // namespace

Tag sipHash128(const std::array<uint8_t, 16>& key, const uint8_t* data, size_t length) {
  const uint64_t k0 = little64(key.data()), k1 = little64(key.data() + 8);
  State s{k0 ^ 0x736f6d6570736575ull, k1 ^ 0x646f72616e646f6dull ^ 0xee, k0 ^ 0x6c7967656e657261ull,
          k1 ^ 0x7465646279746573ull};
  const auto absorb = [&s](uint64_t m) {
    s.v3 ^= m;
    s.round();
    s.round();
    s.v0 ^= m;
  };
  size_t at = 0;
  for (; at + 8 <= length; at += 8) absorb(little64(data + at));
  uint64_t last = static_cast<uint64_t>(length) << 56;
  for (size_t i = 0; at + i < length; i++) last |= static_cast<uint64_t>(data[at + i]) << (8 * i);
  absorb(last);
  Tag tag;
  s.v2 ^= 0xee;
  for (int i = 0; i < 4; i++) s.round();
  uint64_t word = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  std::memcpy(tag.data(), &word, 8);
  s.v1 ^= 0xdd;
  for (int i = 0; i < 4; i++) s.round();
  word = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  std::memcpy(tag.data() + 8, &word, 8);
  return tag;
}

bool equalTags(const uint8_t* a, const uint8_t* b) {
  uint8_t difference = 0;
  for (int i = 0; i < 16; i++) difference |= a[i] ^ b[i];
  return difference == 0;
}

}  // namespace vnet
