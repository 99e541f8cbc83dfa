#include "checksum.hpp"

#include <cstring>

#include "bytes.hpp"

namespace vnet {

uint64_t checksumAdd(uint64_t sum, const uint8_t* p, size_t length) {
  // 32-bit words in a 64-bit sum cannot overflow within a frame, and the compiler turns the loop into
  // vectors.
  size_t i = 0;
  uint64_t a = 0, b = 0;
  for (; i + 8 <= length; i += 8) {
    uint32_t x, y;
    std::memcpy(&x, p + i, 4);
    std::memcpy(&y, p + i + 4, 4);
    a += x;
    b += y;
  }
  sum += a + b;
  for (; i + 2 <= length; i += 2) {
    uint16_t x;
    std::memcpy(&x, p + i, 2);
    sum += x;
  }
  if (i < length) {
    const uint8_t last[2] = {p[i], 0};
    uint16_t x;
    std::memcpy(&x, last, 2);
    sum += x;
  }
  return sum;
}

uint16_t checksumFinish(uint64_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

uint64_t pseudoHeaderSum(const uint8_t* ip, bool v6, uint8_t protocol, uint32_t length) {
  uint8_t tail[8] = {};
  store32(tail, length);
  tail[7] = protocol;
  const uint64_t addresses = v6 ? checksumAdd(0, ip + 8, 32) : checksumAdd(0, ip + 12, 8);
  return checksumAdd(addresses, tail, 8);
}

}  // namespace vnet
