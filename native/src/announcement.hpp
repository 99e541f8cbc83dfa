// How a VM says where it is now: a RARP request (RFC 903, as hypervisors send it), a gratuitous ARP (RFC 5227), or an
// unsolicited neighbour advertisement (RFC 4861). Pure.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vnet {

constexpr size_t ANNOUNCEMENT_BYTES = 60;  // the shortest Ethernet frame

// The RARP request of this address.
std::vector<uint8_t> announcementOf(uint64_t source);
// The frame may carry one 802.1Q tag.
bool isAnnouncement(const uint8_t* frame, size_t length);

}  // namespace vnet
