// Clamping the maximum segment size that a TCP SYN announces, so that what the other side sends fits one
// datagram.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vnet {

// Lowers the MSS option of a SYN such that frames of the connection are at most `most` octets. In place;
// anything but a SYN with an MSS option is left alone.
void clampMss(uint8_t* frame, size_t length, size_t most);

}  // namespace vnet
