#include "announcement.hpp"

#include <algorithm>

#include "bytes.hpp"

namespace vnet {

namespace {
constexpr uint16_t ARP = 0x0806, RARP = 0x8035, IPV4 = 0x0800, IPV6 = 0x86dd, TAG = 0x8100;
constexpr uint16_t REVERSE_REQUEST = 3;
constexpr size_t ADDRESSES = 14, TAG_BYTES = 4, ARP_BYTES = 28;
constexpr size_t IPV6_BYTES = 40, ADVERTISEMENT_BYTES = 24;
constexpr uint8_t ICMPV6 = 58, ADVERTISEMENT = 136, SOLICITED = 0x40;

void storeMac(uint8_t* p, uint64_t mac) {
  store16(p, static_cast<uint16_t>(mac >> 32));
  store32(p + 2, static_cast<uint32_t>(mac));
}

// hardware 2 | protocol 2 | sizes 2 | operation 2 | sender MAC 6, IP 4 | target MAC 6, IP 4
bool isGratuitous(const uint8_t* arp) {
  return load16(arp + 2) == IPV4 && load16(arp + 4) == 0x0604 && load32(arp + 14) != 0 &&
         load32(arp + 14) == load32(arp + 24);
}
}  // namespace

std::vector<uint8_t> announcementOf(uint64_t source) {
  std::vector<uint8_t> frame(ANNOUNCEMENT_BYTES);
  std::fill_n(frame.begin(), 6, uint8_t{0xff});
  storeMac(&frame[6], source);
  store16(&frame[12], RARP);
  uint8_t* const arp = &frame[ADDRESSES];
  store16(arp, 1);  // Ethernet
  store16(arp + 2, IPV4);
  store16(arp + 4, 0x0604);
  store16(arp + 6, REVERSE_REQUEST);
  storeMac(arp + 8, source);
  storeMac(arp + 18, source);
  return frame;
}

bool isAnnouncement(const uint8_t* frame, size_t length) {
  size_t at = ADDRESSES;
  if (length < at) return false;
  uint16_t type = load16(frame + 12);
  if (type == TAG && length >= at + TAG_BYTES) {
    type = load16(frame + 16);
    at += TAG_BYTES;
  }
  const uint8_t* const body = frame + at;
  const size_t left = length - at;
  if (type == RARP) return left >= ARP_BYTES && load16(body + 6) == REVERSE_REQUEST;
  if (type == ARP) return left >= ARP_BYTES && isGratuitous(body);
  return type == IPV6 && left >= IPV6_BYTES + ADVERTISEMENT_BYTES && body[6] == ICMPV6 &&
         body[IPV6_BYTES] == ADVERTISEMENT && (body[IPV6_BYTES + 4] & SOLICITED) == 0;
}

}  // namespace vnet
