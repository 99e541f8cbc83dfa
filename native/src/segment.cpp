#include "segment.hpp"

#include <algorithm>
#include <cstring>

#include "bytes.hpp"
#include "checksum.hpp"
#include "limits.hpp"

namespace vnet {

namespace {
constexpr uint8_t TCP = 6, UDP = 17;
constexpr uint8_t TCP_FIN_PSH = 0x09, TCP_CWR = 0x80;

bool findTransport(const uint8_t* frame, size_t length, Layers& out) {
  const size_t least = out.protocol == TCP ? 20 : 8;
  if (out.transport + least > length) return false;
  const size_t header = out.protocol == TCP ? (frame[out.transport + 12] >> 4) * 4u : 8u;
  out.payload = out.transport + header;
  return header >= least && out.payload <= length;
}

bool findV6(const uint8_t* frame, size_t length, Layers& out) {
  if (out.ip + 40 > length) return false;
  uint8_t next = frame[out.ip + 6];
  size_t at = out.ip + 40;
  while (next == 0 || next == 43 || next == 60) {  // hop-by-hop, routing, destination options
    if (at + 8 > length) return false;
    next = frame[at];
    at += (frame[at + 1] + 1u) * 8;
  }
  out.v6 = true;
  out.protocol = next;
  out.transport = at;
  return next == TCP || next == UDP;
}

bool findV4(const uint8_t* frame, size_t length, Layers& out) {
  if (out.ip + 20 > length) return false;
  const size_t header = (frame[out.ip] & 15) * 4u;
  if (header < 20 || (load16(frame + out.ip + 6) & 0x3fff) != 0) return false;  // an IP fragment
  out.v6 = false;
  out.protocol = frame[out.ip + 9];
  out.transport = out.ip + header;
  return out.protocol == TCP || out.protocol == UDP;
}

void store(uint8_t* p, uint16_t inMemoryOrder) { std::memcpy(p, &inMemoryOrder, 2); }
}  // namespace

bool findLayers(const uint8_t* frame, size_t length, Layers& out) {
  size_t at = 12;
  for (int tags = 0; tags < 3 && at + 2 <= length; tags++) {
    const uint16_t type = load16(frame + at);
    out.ip = at + 2;
    if (type == 0x0800) return findV4(frame, length, out) && findTransport(frame, length, out);
    if (type == 0x86dd) return findV6(frame, length, out) && findTransport(frame, length, out);
    if (type != 0x8100 && type != 0x88a8) return false;
    at += 4;
  }
  return false;
}

bool finishChecksum(uint8_t* frame, size_t length, const VnetHeader& vnet) {
  const size_t field = size_t{vnet.checksumStart} + vnet.checksumOffset;
  if (vnet.checksumStart > length || field + 2 > length) return false;
  // The field already holds the pseudo header's sum.
  uint16_t sum = checksumFinish(checksumAdd(0, frame + vnet.checksumStart, length - vnet.checksumStart));
  if (sum == 0 && vnet.checksumOffset == 6) sum = 0xffff;  // UDP: zero would mean no checksum
  store(frame + field, sum);
  return true;
}

bool Segmenter::begin(const uint8_t* frame, size_t length, const VnetHeader& vnet) {
  const uint8_t type = vnet.gsoType & static_cast<uint8_t>(~VNET_GSO_ECN);
  if (vnet.gsoSize == 0 || !findLayers(frame, length, layers_)) return false;
  const bool tcp = type == VNET_GSO_TCPV4 || type == VNET_GSO_TCPV6;
  if (layers_.protocol != (tcp ? TCP : UDP) || (!tcp && type != VNET_GSO_UDP_L4)) return false;
  if (tcp && layers_.v6 != (type == VNET_GSO_TCPV6)) return false;
  if ((length - layers_.payload) / vnet.gsoSize >= SUPER_SEGMENTS) return false;
  frame_ = frame;
  length_ = length;
  at_ = layers_.payload;
  size_ = vnet.gsoSize;
  index_ = 0;
  out_.resize(std::max(out_.size(), layers_.payload + size_));
  return true;
}

uint8_t* Segmenter::next(size_t& length) {
  if (at_ >= length_ && index_ > 0) return nullptr;
  const size_t headers = layers_.payload, piece = std::min(size_, length_ - at_);
  const bool last = at_ + piece >= length_;
  uint8_t* const out = out_.data();
  std::memcpy(out, frame_, headers);
  std::memcpy(out + headers, frame_ + at_, piece);
  length = headers + piece;

  uint8_t* const ip = out + layers_.ip;
  if (layers_.v6) {
    store16(ip + 4, static_cast<uint16_t>(length - layers_.ip - 40));
  } else {
    store16(ip + 2, static_cast<uint16_t>(length - layers_.ip));
    store16(ip + 4, static_cast<uint16_t>(load16(ip + 4) + index_));
    store16(ip + 10, 0);
    store(ip + 10, checksumFinish(checksumAdd(0, ip, layers_.transport - layers_.ip)));
  }
  uint8_t* const transport = out + layers_.transport;
  const auto transportLength = static_cast<uint32_t>(length - layers_.transport);
  uint8_t* field = transport + 6;
  if (layers_.protocol == TCP) {
    store32(transport + 4, load32(transport + 4) + static_cast<uint32_t>(at_ - layers_.payload));
    if (!last) transport[13] &= static_cast<uint8_t>(~TCP_FIN_PSH);
    if (index_ > 0) transport[13] &= static_cast<uint8_t>(~TCP_CWR);
    field = transport + 16;
  } else {
    store16(transport + 4, static_cast<uint16_t>(transportLength));
  }
  store16(field, 0);
  const uint64_t pseudo = pseudoHeaderSum(ip, layers_.v6, layers_.protocol, transportLength);
  uint16_t sum = checksumFinish(checksumAdd(pseudo, transport, transportLength));
  if (sum == 0 && layers_.protocol == UDP) sum = 0xffff;
  store(field, sum);
  at_ += piece;
  index_++;
  return out;
}

}  // namespace vnet
