// What a link counts, records and says of its path, and the notes that its two ends exchange about it.
#include <utility>

#include "link.hpp"
#include "links.hpp"

namespace vnet {

// Counts the datagram in the peer's sequence, and records it if that is wished.
void Link::arrived(const Header& header, const uint8_t* body, size_t length, const Origin& origin,
                   uint64_t wallNs) {
  if (isNumbered(header.type)) window_.take(header.sequence);
  TrainPlace at;
  const bool train = header.type == Type::train;
  if (train && (config_.tcp || !readTrain(body, length, at)))
    return links_.sink().linkDrop(this, Drop::malformed);
  if (config_.tcp || !record_.on()) return;
  const Receipt receipt{header.timestampNs, wallNs, origin.address.headerBytes() + header.bytes() + length};
  if (train) record_.train(at, receipt);
  else if (isNumbered(header.type)) record_.traffic(header.sequence, receipt);
  else record_.interrupt();
}

void Link::onNote(const uint8_t* note, size_t length) {
  if (length > NOTE_BYTES) return links_.sink().linkDrop(this, Drop::malformed);
  if (!notesIn_.take(links_.loop().now())) return links_.sink().linkDrop(this, Drop::noteRate);
  links_.sink().linkNote(*this, note, length);
}

void Link::sendNote(const std::vector<uint8_t>& note) {
  if (!session_) return;
  if (!notesOut_.take(links_.loop().now())) return links_.sink().linkDrop(this, Drop::noteRate);
  if (!sendControl(Type::note, note.data(), note.size(), session_->theirs.session, session_->origin))
    links_.sink().linkDrop(this, Drop::linkQueue);
}

LinkRow Link::row() const {
  LinkRow row;
  row.id = id();
  row.counters = counters;
  row.up = up();
  row.rttUs = rttUs();
  row.datagramBytes = datagramBytes();
  row.arrived = window_.arrived();
  if (!config_.tcp) {
    row.lost = window_.lost();
    row.late = window_.late();
  } else if (session_ && session_->origin.connection) {
    row.tcp = session_->origin.connection->state();
  }
  return row;
}

TrainPath Link::trainPath(std::shared_ptr<const Fd> socket, int family) const {
  return {id(), std::move(socket), family, session_->origin.address, session_->theirs.session, path_.size()};
}

}  // namespace vnet
