// Big-endian loads and stores, and the hash mixing that every table uses.
#pragma once
#include <cstdint>
#include <cstring>

namespace vnet {

inline uint16_t load16(const uint8_t* p) {
  uint16_t v;
  std::memcpy(&v, p, 2);
  return __builtin_bswap16(v);
}
inline uint32_t load32(const uint8_t* p) {
  uint32_t v;
  std::memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}
inline uint64_t load64(const uint8_t* p) {
  uint64_t v;
  std::memcpy(&v, p, 8);
  return __builtin_bswap64(v);
}
inline void store16(uint8_t* p, uint16_t v) {
  v = __builtin_bswap16(v);
  std::memcpy(p, &v, 2);
}
inline void store32(uint8_t* p, uint32_t v) {
  v = __builtin_bswap32(v);
  std::memcpy(p, &v, 4);
}
inline void store64(uint8_t* p, uint64_t v) {
  v = __builtin_bswap64(v);
  std::memcpy(p, &v, 8);
}

// A MAC address as a number, as core/mac.ts has it: the first octet is the most significant.
inline uint64_t loadMac(const uint8_t* p) { return (uint64_t{load16(p)} << 32) | load32(p + 2); }
inline bool isGroupMac(uint64_t mac) { return (mac >> 40) & 1; }

// Tables are keyed by what virtual machines choose, so the hash is seeded (sys.cpp draws the seed).
extern const uint64_t hashSeed;
inline uint64_t mix(uint64_t a, uint64_t b) {
  __uint128_t m = static_cast<__uint128_t>(a ^ 0x9e3779b97f4a7c15ull) * (b ^ hashSeed);
  return static_cast<uint64_t>(m) ^ static_cast<uint64_t>(m >> 64);
}

}  // namespace vnet
