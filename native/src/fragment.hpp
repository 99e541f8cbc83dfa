// Splitting frames that do not fit a datagram, and joining them where they leave at a port. A piece keeps the
// MAC pair in front, so relays forward it like a frame, and may split it again. I/O thread only.
#pragma once
#include <algorithm>
#include <unordered_map>
#include <vector>

#include "drops.hpp"
#include "frame.hpp"
#include "limits.hpp"
#include "wire.hpp"

namespace vnet {

// Calls piece(frame, body, length) for equal pieces, each of at most `most` octets after the fragment header:
// `frame` carries the MAC pair and the piece's place, `body` its octets. False: `most` leaves no room.
template <class Piece>
bool splitFrame(const Frame& frame, uint32_t fragmentId, size_t most, Piece&& piece) {
  if (most <= MAC_PAIR_BYTES) return false;
  const size_t room = most - MAC_PAIR_BYTES;
  const size_t body = frame.length - MAC_PAIR_BYTES;
  const size_t count = (body + room - 1) / room;
  const size_t each = (body + count - 1) / count;
  Frame part = frame;
  if (!frame.fragment) {
    part.fragment = true;
    part.fragmentId = fragmentId;
    part.offset = 0;
    part.total = static_cast<uint16_t>(body);
  }
  const uint16_t base = part.offset;
  for (size_t at = 0; at < body; at += each) {
    const size_t length = std::min(each, body - at);
    part.offset = static_cast<uint16_t>(base + at);
    part.length = static_cast<uint32_t>(MAC_PAIR_BYTES + length);
    piece(part, frame.data + MAC_PAIR_BYTES + at, length);
  }
  return true;
}

class Joiner {
 public:
  // Takes a piece. True: `whole` is the joined frame, valid until the next call. dropped(reason) for what
  // goes.
  template <class Dropped>
  bool add(const Frame& piece, uint64_t now, Frame& whole, Dropped&& dropped) {
    const Key key{piece.network, piece.fragmentId, piece.source(), piece.destination(), piece.echo};
    auto it = slots_.find(key);
    if (it == slots_.end()) {
      const size_t size = MAC_PAIR_BYTES + piece.total;
      while (!slots_.empty() && (slots_.size() >= JOIN_FRAMES || bytes_ + size > JOIN_BYTES)) {
        dropOldest();
        dropped(Drop::joinLimit);
      }
      it = slots_.emplace(key, open(piece, now)).first;
      bytes_ += it->second.size;
    }
    Slot& slot = it->second;
    const uint32_t start = piece.offset, end = start + piece.length - MAC_PAIR_BYTES;
    if (slot.size != MAC_PAIR_BYTES + size_t{piece.total}) {
      dropped(Drop::malformed);
      return false;
    }
    if (!slot.cover(start, end)) {
      dropped(Drop::joinLimit);
      close(it);
      return false;
    }
    std::copy_n(piece.data + MAC_PAIR_BYTES, end - start, slot.octets.data() + MAC_PAIR_BYTES + start);
    if (slot.covered.size() != 1 || slot.covered[0].first != 0 || slot.covered[0].second != piece.total)
      return false;
    std::swap(joined_, slot.octets);
    close(it);
    whole = piece;
    whole.fragment = false;
    whole.data = joined_.data();
    whole.length = static_cast<uint32_t>(joined_.size());
    return true;
  }

  template <class Dropped>
  void expire(uint64_t now, Dropped&& dropped) {
    for (auto it = slots_.begin(); it != slots_.end();) {
      const auto next = std::next(it);
      if (now - it->second.sinceNs >= JOIN_TIMEOUT_NS) {
        dropped(Drop::joinTimeout);
        close(it);
      }
      it = next;
    }
  }
  bool empty() const { return slots_.empty(); }

 private:
  struct Key {
    uint32_t network, id;
    uint64_t source, destination;
    bool echo;  // its pieces never complete a frame of a VM
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& k) const {
      return mix(mix(k.source, k.destination), uint64_t{k.network} << 32 | k.id);
    }
  };
  struct Slot {
    std::vector<uint8_t> octets;
    std::vector<std::pair<uint32_t, uint32_t>> covered;  // sorted, apart
    size_t size = 0;
    uint64_t sinceNs = 0;
    bool cover(uint32_t start, uint32_t end);
  };
  using Slots = std::unordered_map<Key, Slot, Hash>;

  Slot open(const Frame& piece, uint64_t now);
  void close(Slots::iterator it);
  void dropOldest();

  Slots slots_;
  std::vector<std::vector<uint8_t>> spare_;
  std::vector<uint8_t> joined_;
  size_t bytes_ = 0;
};

}  // namespace vnet
