// What goes over an established session: keep-alives, probes, frames whole or in pieces.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bytes.hpp"
#include "fragment.hpp"
#include "link.hpp"
#include "links.hpp"

namespace vnet {

namespace {
constexpr size_t PING_BODY = 8;   // the sender's clock, sent back in a PONG
constexpr size_t PROBE_BODY = 2;  // the datagram's size; a PROBE is padded to it
}  // namespace

bool Link::onMessage(const Header& header, const uint8_t* body, size_t length, const Origin& origin,
                     uint64_t wallNs) {
  if (!session_ || !(session_->origin == origin)) return false;
  const uint64_t now = links_.loop().now();
  session_->heardNs = now;
  session_->confirmed = true;
  arrived(header, body, length, origin, wallNs);
  switch (header.type) {
    case Type::data:
      links_.sink().fromLink(*this, header, body, length);
      break;
    case Type::ping:
      if (length >= PING_BODY) sendControl(Type::pong, body, PING_BODY, session_->theirs.session, origin);
      break;
    case Type::pong:
      if (length >= PING_BODY && load64(body) <= now) measured(nowNs() - load64(body));
      break;
    case Type::probe: {
      uint8_t reply[PROBE_BODY];
      store16(reply, static_cast<uint16_t>(HEADER_BYTES + length));
      sendControl(Type::probeAck, reply, sizeof reply, session_->theirs.session, origin);
      break;
    }
    case Type::probeAck:
      if (!config_.tcp && length >= PROBE_BODY && load16(body) <= PATH_SIZES.back() &&
          path_.answered(load16(body)))
        links_.pathChanged(*this);
      break;
    case Type::bye:
      onBye(body, length, origin);
      break;
    case Type::note:
      onNote(body, length);
      break;
    default:
      break;
  }
  return true;
}

void Link::onBye(const uint8_t* body, size_t length, const Origin& origin) {
  if (!checkProof(body, length, Type::bye, config_.secret, session_->theirs, session_->mine))
    return links_.sink().linkDrop(this, Drop::handshake);
  down(origin.address.text() + " closed the link");
}

void Link::measured(uint64_t rttNs) { rttNs_ = rttNs_ == 0 ? rttNs : (rttNs_ * 7 + rttNs) / 8; }

void Link::ping() {
  uint8_t body[PING_BODY];
  store64(body, nowNs());
  session_->nextPingNs = links_.loop().now() + config_.keepAliveNs;
  if (config_.tcp) {
    sendControl(Type::ping, body, sizeof body, session_->theirs.session, session_->origin);
    return;
  }
  uint8_t datagram[HEADER_BYTES + PING_BODY];
  std::memcpy(datagram + HEADER_BYTES, body, sizeof body);
  const int error = sendAlone(Type::ping, datagram, sizeof datagram);
  // The socket is full of what other links send: they must not take this one's life.
  if (error == EAGAIN || error == ENOBUFS)
    session_->nextPingNs = links_.loop().now() + std::min(config_.keepAliveNs, PING_RETRY_NS);
}

// Puts the header in front of a datagram and sends it at once: the errno, or 0. What was not sent takes no
// number.
int Link::sendAlone(Type type, uint8_t* datagram, size_t length) {
  Header header;
  header.type = type;
  header.session = session_->theirs.session;
  header.sequence = isNumbered(type) ? sequence_ : 0;
  header.timestampNs = nowNs();
  encodeHeader(header, datagram);
  const int error = links_.udp()->sendNow(session_->origin.address, datagram, length);
  if (isNumbered(type) && error == 0) sequence_++;
  return error;
}

bool Link::probe(uint16_t size) {
  uint8_t datagram[PATH_SIZES.back()] = {};
  store16(datagram + HEADER_BYTES, size);
  const int error = sendAlone(Type::probe, datagram, size);
  if (size == path_.size() && (error == EAGAIN || error == ENOBUFS)) path_.notSent();
  return error != EMSGSIZE;
}

void Link::onRefused(size_t size, int error) {
  links_.sink().linkDrop(this, Drop::linkQueue);
  if (error != EMSGSIZE || !session_) return;
  if (path_.refused(size, links_.loop().now())) links_.pathChanged(*this);
  schedule();
}

bool Link::sendControl(Type type, const uint8_t* body, size_t length, uint32_t session,
                       const Origin& origin) {
  uint8_t* out = nullptr;
  if (origin.connection) {
    out = origin.connection->reserve(HEADER_BYTES + length);
    links_.dirty(*origin.connection);
  } else if (links_.udp()) {
    out = links_.udp()->reserve(origin.address, this, HEADER_BYTES + length);
  }
  if (!out) return false;
  Header header;
  header.type = type;
  header.session = session;
  header.sequence = isNumbered(type) ? sequence_++ : 0;
  header.timestampNs = nowNs();
  encodeHeader(header, out);
  if (length > 0) std::memcpy(out + HEADER_BYTES, body, length);
  return true;
}

bool Link::send(const Frame& frame, uint8_t hopLimit) {
  const size_t header = HEADER_BYTES + (frame.fragment ? FRAGMENT_BYTES : 0);
  if (config_.tcp || header + frame.length <= path_.size())
    return sendWhole(frame, hopLimit, frame.data + MAC_PAIR_BYTES, frame.length - MAC_PAIR_BYTES);
  bool all = true;
  const size_t most = path_.size() - HEADER_BYTES - FRAGMENT_BYTES;
  splitFrame(frame, fragmentId_++, most, [&](const Frame& part, const uint8_t* body, size_t length) {
    all = sendWhole(part, hopLimit, body, length) && all;
  });
  return all;
}

bool Link::sendWhole(const Frame& frame, uint8_t hopLimit, const uint8_t* body, size_t bodyLength) {
  Header header;
  header.flags =
      (frame.ground ? FLAG_GROUND : 0) | (frame.fragment ? FLAG_FRAGMENT : 0) | (frame.echo ? FLAG_ECHO : 0);
  header.hopLimit = hopLimit;
  header.session = session_->theirs.session;
  header.network = frame.network;
  header.epoch = frame.epoch;
  header.fragmentId = frame.fragmentId;
  header.offset = frame.offset;
  header.total = frame.total;
  const size_t headerBytes = header.bytes(), length = headerBytes + MAC_PAIR_BYTES + bodyLength;
  uint8_t* out;
  if (TcpConnection* connection = session_->origin.connection) {
    out = connection->reserve(length);
    links_.dirty(*connection);
  } else {
    out = links_.udp()->reserve(session_->origin.address, this, length);
  }
  if (!out) {
    links_.sink().linkDrop(this, Drop::linkQueue);
    return false;
  }
  header.sequence = sequence_++;
  header.timestampNs = nowNs();
  encodeHeader(header, out);
  std::memcpy(out + headerBytes, frame.data, MAC_PAIR_BYTES);
  std::memcpy(out + headerBytes + MAC_PAIR_BYTES, body, bodyLength);
  if (!frame.fragment || frame.offset == 0) counters.outFrames++;
  counters.outBytes += MAC_PAIR_BYTES + bodyLength;
  return true;
}

}  // namespace vnet
