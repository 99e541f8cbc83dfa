#include "wire.hpp"

#include "bytes.hpp"

namespace vnet {

void encodeHeader(const Header& h, uint8_t* out) {
  out[0] = static_cast<uint8_t>(WIRE_VERSION << 4 | static_cast<uint8_t>(h.type));
  out[1] = h.flags;
  out[2] = h.hopLimit;
  out[3] = h.keyEpoch;
  store32(out + 4, h.session);
  store32(out + 8, h.network);
  store32(out + 12, h.epoch);
  store32(out + 16, h.sequence);
  store64(out + 20, h.timestampNs);
  if (h.flags & FLAG_FRAGMENT) {
    store32(out + 28, h.fragmentId);
    store16(out + 32, h.offset);
    store16(out + 34, h.total);
  }
}

size_t decodeHeader(const uint8_t* data, size_t length, Header& h) {
  if (length < HEADER_BYTES || data[0] >> 4 != WIRE_VERSION) return 0;
  const uint8_t type = data[0] & 15;
  h.flags = data[1];
  if (type == 0 || type > LAST_TYPE || (h.flags & ~KNOWN_FLAGS) || (h.flags & FLAG_SEALED)) return 0;
  h.type = static_cast<Type>(type);
  h.hopLimit = data[2];
  h.keyEpoch = data[3];
  h.session = load32(data + 4);
  h.network = load32(data + 8);
  h.epoch = load32(data + 12);
  h.sequence = load32(data + 16);
  h.timestampNs = load64(data + 20);
  h.fragmentId = 0;
  h.offset = h.total = 0;
  if (h.type != Type::data) return h.flags == 0 ? HEADER_BYTES : 0;
  if (!(h.flags & FLAG_FRAGMENT)) return length >= HEADER_BYTES + ETHERNET_BYTES ? HEADER_BYTES : 0;
  constexpr size_t bytes = HEADER_BYTES + FRAGMENT_BYTES;
  if (length <= bytes + MAC_PAIR_BYTES) return 0;
  h.fragmentId = load32(data + 28);
  h.offset = load16(data + 32);
  h.total = load16(data + 34);
  if (h.total < ETHERNET_BYTES - MAC_PAIR_BYTES) return 0;
  const size_t piece = length - bytes - MAC_PAIR_BYTES;
  return h.offset + piece <= h.total ? bytes : 0;
}

}  // namespace vnet
