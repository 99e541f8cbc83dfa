// SipHash-2-4 with a 128-bit result (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): the
// keyed hash with which both ends of a link prove their shared secret.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace vnet {

using Tag = std::array<uint8_t, 16>;
Tag sipHash128(const std::array<uint8_t, 16>& key, const uint8_t* data, size_t length);
// Compares in a time that does not tell where two tags differ.
bool equalTags(const uint8_t* a, const uint8_t* b);

}  // namespace vnet
