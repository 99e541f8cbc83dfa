#include "coalesce.hpp"

#include <cstring>

#include "bytes.hpp"
#include "checksum.hpp"

namespace vnet {

namespace {
constexpr uint8_t ACK = 0x10, PSH = 0x08;

// Data of an established connection and nothing else, padded by nobody, with a checksum that holds.
bool plainSegment(const uint8_t* frame, size_t length, Layers& layers) {
  if (length < 54 || !findLayers(frame, length, layers) || layers.protocol != 6) return false;
  const uint8_t flags = frame[layers.transport + 13];
  if (!(flags & ACK) || (flags & ~(ACK | PSH)) || layers.payload == length) return false;
  const uint8_t* ip = frame + layers.ip;
  if (layers.v6 ? layers.transport != layers.ip + 40 || load16(ip + 4) != length - layers.ip - 40
                : layers.transport != layers.ip + 20 || load16(ip + 2) != length - layers.ip)
    return false;
  if (!layers.v6 && checksumFinish(checksumAdd(0, ip, 20)) != 0) return false;
  const auto rest = static_cast<uint32_t>(length - layers.transport);
  return checksumFinish(
             checksumAdd(pseudoHeaderSum(ip, layers.v6, 6, rest), frame + layers.transport, rest)) == 0;
}
}  // namespace

bool Coalescer::begin(uint8_t* frame, size_t length) {
  frame_ = nullptr;
  if (!plainSegment(frame, length, layers_)) return false;
  frame_ = frame;
  length_ = length;
  segment_ = length - layers_.payload;
  count_ = 1;
  nextSequence_ = load32(frame + layers_.transport + 4) + static_cast<uint32_t>(segment_);
  closed_ = frame[layers_.transport + 13] & PSH;
  return true;
}

bool Coalescer::sameHeaders(const uint8_t* frame) const {
  const uint8_t *a = frame_ + layers_.ip, *b = frame + layers_.ip;
  if (std::memcmp(frame_, frame, layers_.ip) != 0) return false;
  if (layers_.v6 ? std::memcmp(a, b, 4) != 0 || std::memcmp(a + 6, b + 6, 34) != 0
                 : std::memcmp(a, b, 2) != 0 || std::memcmp(a + 6, b + 6, 4) != 0 ||
                       std::memcmp(a + 12, b + 12, 8) != 0)
    return false;
  a = frame_ + layers_.transport;
  b = frame + layers_.transport;
  const size_t options = layers_.payload - layers_.transport - 20;
  return std::memcmp(a, b, 4) == 0 && std::memcmp(a + 8, b + 8, 5) == 0 &&
         std::memcmp(a + 14, b + 14, 2) == 0 && std::memcmp(a + 18, b + 18, 2 + options) == 0;
}

bool Coalescer::append(const uint8_t* frame, size_t length) {
  if (!frame_ || closed_ || count_ == COALESCED_SEGMENTS || length > layers_.payload + segment_ ||
      length <= layers_.payload)
    return false;
  const size_t payload = length - layers_.payload;
  if (length_ + payload > COALESCED_BYTES || load32(frame + layers_.transport + 4) != nextSequence_ ||
      !sameHeaders(frame))
    return false;
  Layers layers;
  if (!plainSegment(frame, length, layers) || layers.payload != layers_.payload) return false;
  std::memcpy(frame_ + length_, frame + layers_.payload, payload);
  length_ += payload;
  nextSequence_ += static_cast<uint32_t>(payload);
  count_++;
  const uint8_t flags = frame[layers.transport + 13];
  frame_[layers_.transport + 13] |= flags & PSH;
  closed_ = payload < segment_ || (flags & PSH);
  return true;
}

bool Coalescer::finish(VnetHeader& vnet) {
  if (!frame_ || count_ < 2) return false;
  uint8_t* ip = frame_ + layers_.ip;
  if (layers_.v6) {
    store16(ip + 4, static_cast<uint16_t>(length_ - layers_.ip - 40));
  } else {
    store16(ip + 2, static_cast<uint16_t>(length_ - layers_.ip));
    store16(ip + 10, 0);
    const uint16_t sum = checksumFinish(checksumAdd(0, ip, 20));
    std::memcpy(ip + 10, &sum, 2);
  }
  // The field holds the pseudo header's sum, and whoever sends it on finishes it.
  const auto rest = static_cast<uint32_t>(length_ - layers_.transport);
  const auto sum = static_cast<uint16_t>(~checksumFinish(pseudoHeaderSum(ip, layers_.v6, 6, rest)));
  std::memcpy(frame_ + layers_.transport + 16, &sum, 2);
  vnet = {VNET_NEEDS_CHECKSUM,
          layers_.v6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4,
          static_cast<uint16_t>(layers_.payload),
          static_cast<uint16_t>(segment_),
          static_cast<uint16_t>(layers_.transport),
          16};
  frame_ = nullptr;
  return true;
}

}  // namespace vnet
