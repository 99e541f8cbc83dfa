// The Internet checksum (RFC 1071), over any stretch, with sums carried as native words.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vnet {

// Adds `length` octets to a running sum; only the last stretch may be of odd length.
uint64_t checksumAdd(uint64_t sum, const uint8_t* data, size_t length);
// The checksum to be stored as it is in memory (already in network order).
uint16_t checksumFinish(uint64_t sum);
// The pseudo header of TCP and UDP over IPv4 or IPv6, whose header is at `ip`; `length`: of the transport
// part.
uint64_t pseudoHeaderSum(const uint8_t* ip, bool v6, uint8_t protocol, uint32_t length);

}  // namespace vnet
