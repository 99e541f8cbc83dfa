#include "mss.hpp"

#include "bytes.hpp"
#include "segment.hpp"

namespace vnet {

namespace {
constexpr size_t LEAST_MSS = 536;

// RFC 1624, equation 3.
void updateChecksum(uint8_t* field, uint16_t before, uint16_t after) {
  uint32_t sum =
      static_cast<uint16_t>(~load16(field)) + static_cast<uint32_t>(static_cast<uint16_t>(~before)) + after;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  store16(field, static_cast<uint16_t>(~sum));
}

// A cheap look first, since it runs for every frame that enters: false for most.
bool mayBeSyn(const uint8_t* frame, size_t length) {
  const uint16_t type = load16(frame + 12);
  if (type != 0x0800)
    return type == 0x86dd ? length >= 74 && frame[20] != 17 : type == 0x8100 || type == 0x88a8;
  if (length < 54 || frame[23] != 6) return false;
  const size_t flags = 14 + (frame[14] & 15) * 4u + 13;
  return flags < length && (frame[flags] & 2);
}
}  // namespace

void clampMss(uint8_t* frame, size_t length, size_t most) {
  if (!mayBeSyn(frame, length)) return;
  Layers layers;
  if (!findLayers(frame, length, layers) || layers.protocol != 6 || !(frame[layers.transport + 13] & 2))
    return;
  const size_t headers = layers.transport + 20;
  const size_t mss = most > headers + LEAST_MSS ? most - headers : LEAST_MSS;
  for (size_t at = layers.transport + 20; at + 1 < layers.payload && frame[at] != 0;) {
    if (frame[at] == 1) {
      at++;
      continue;
    }
    const size_t size = frame[at + 1];
    if (size < 2 || at + size > layers.payload) return;
    if (frame[at] == 2 && size == 4) {
      const uint16_t before = load16(frame + at + 2);
      if (before <= mss) return;
      // An option at an odd offset straddles two checksum words: swap the octets of both values.
      const auto after = static_cast<uint16_t>(mss);
      const bool odd = (at + 2 - layers.transport) & 1;
      store16(frame + at + 2, after);
      updateChecksum(frame + layers.transport + 16, odd ? __builtin_bswap16(before) : before,
                     odd ? __builtin_bswap16(after) : after);
      return;
    }
    at += size;
  }
}

}  // namespace vnet
