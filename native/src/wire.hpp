// The header of every datagram and every TCP record, as docs/wire.md lays it out. Big endian.
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  +-------+-------+---------------+---------------+---------------+
//  |version| type  |     flags     |   hop limit   |   key epoch   |   0
//  +-------+-------+---------------+---------------+---------------+
//  |                           session                             |   4
//  +---------------------------------------------------------------+
//  |                           network                             |   8
//  +---------------------------------------------------------------+
//  |                            epoch                              |  12
//  +---------------------------------------------------------------+
//  |                        link sequence                          |  16
//  +---------------------------------------------------------------+
//  |                   send timestamp, nanoseconds                 |  20
//  |                                                               |  24
//  +---------------------------------------------------------------+
//  |   SEALED only: counter, 64 bits                               |  28
//  +---------------------------------------------------------------+
//  |   FRAGMENT only: frame id, 32 bits                            |
//  |   offset, 16 bits             |   total, 16 bits              |
//  +---------------------------------------------------------------+
//  |   end part: destination MAC, source MAC, the rest             |
//  +---------------------------------------------------------------+
//  |   SEALED only: tag, 128 bits                                  |
#pragma once
#include <cstddef>
#include <cstdint>

namespace vnet {

// Constants of the specification.
constexpr uint8_t WIRE_VERSION = 1;
constexpr uint8_t FIRST_HOP_LIMIT = 16;
constexpr size_t HEADER_BYTES = 28;
constexpr size_t FRAGMENT_BYTES = 8;
constexpr size_t SEAL_COUNTER_BYTES = 8;
constexpr size_t SEAL_TAG_BYTES = 16;
constexpr size_t MAC_PAIR_BYTES = 12;
constexpr size_t ETHERNET_BYTES = 14;
constexpr size_t RECORD_PREFIX_BYTES = 4;               // TCP: the length of what follows
constexpr size_t TRAIN_LEAST_BYTES = HEADER_BYTES + 8;  // the smallest datagram of a train
constexpr size_t MAX_MESSAGE = HEADER_BYTES + FRAGMENT_BYTES + 65'535 + 64;

enum class Type : uint8_t {
  data = 1,
  hello = 2,
  helloAck = 3,
  helloDone = 4,
  ping = 5,
  pong = 6,
  probe = 7,
  probeAck = 8,
  bye = 9,
  train = 10,
  note = 11
};
constexpr uint8_t LAST_TYPE = 11;

constexpr uint8_t FLAG_GROUND = 0x01;
constexpr uint8_t FLAG_FRAGMENT = 0x02;
constexpr uint8_t FLAG_SEALED = 0x04;
constexpr uint8_t FLAG_ECHO = 0x08;
constexpr uint8_t KNOWN_FLAGS = FLAG_GROUND | FLAG_FRAGMENT | FLAG_SEALED | FLAG_ECHO;

// These take no number of the link's sequence: they are answered to strangers, or are meant to be lost.
constexpr bool isNumbered(Type type) {
  return type != Type::hello && type != Type::helloAck && type != Type::helloDone && type != Type::probe &&
         type != Type::train;
}

struct Header {
  Type type = Type::data;
  uint8_t flags = 0;
  uint8_t hopLimit = 0;
  uint8_t keyEpoch = 0;
  uint32_t session = 0;  // the receiver's number for this session; 0 in a handshake's first two messages
  uint32_t network = 0;
  uint32_t epoch = 0;
  uint32_t sequence = 0;
  uint64_t timestampNs = 0;
  uint32_t fragmentId = 0;  // these three with FLAG_FRAGMENT only
  uint16_t offset = 0;
  uint16_t total = 0;

  size_t bytes() const { return HEADER_BYTES + (flags & FLAG_FRAGMENT ? FRAGMENT_BYTES : 0); }
};

// Writes header.bytes() octets.
void encodeHeader(const Header& header, uint8_t* out);
// Octets of the header, 0 when `data` is none of ours: too short, another version, an unknown type or flag, a
// sealed message (no seal is defined yet), a DATA shorter than an Ethernet header, a fragment outside its
// frame or of a frame that short.
size_t decodeHeader(const uint8_t* data, size_t length, Header& out);

}  // namespace vnet
