#include "links.hpp"

#include <cerrno>
#include <cstring>

#include "bytes.hpp"

namespace vnet {

Links::~Links() {
  for (auto& [id, link] : links_) link->stop();
  flush();
  links_.clear();
}

void Links::listen(std::unique_ptr<UdpSocket> udp, std::unique_ptr<TcpListener> tcp) {
  tcp_ = std::move(tcp);
  tcp_->start(loop_, *this);
  useUdp(std::move(udp));
}

void Links::useUdp(std::unique_ptr<UdpSocket> udp) {
  if (udp_) loop_.retire(std::move(udp_));
  udp_ = std::move(udp);
  udp_->start(
      loop_,
      [this](const Address& from, const uint8_t* data, size_t length, uint64_t wallNs) {
        receive(data, length, Origin{nullptr, from}, wallNs);
      },
      [](Link* link, size_t size, int error) { link->onRefused(size, error); });
  trainSocket_ = std::make_shared<const Fd>(udp_->duplicate());
  stampArrivals();
  for (auto& [id, link] : links_) offerPath(*link);
}

void Links::open(LinkConfig config) {
  auto link = std::make_unique<Link>(std::move(config), *this);
  Link& opened = *link;
  byWireId_[load64(opened.wireId().data())] = &opened;
  links_[opened.id()] = std::move(link);
  resolveAll();
  opened.start();
}

void Links::close(uint32_t id) {
  const auto it = links_.find(id);
  if (it == links_.end()) return;
  it->second->stop();
  if (udp_) udp_->flush();  // what is queued names the link as its owner
  std::vector<TcpConnection*> half;
  for (const auto& [connection, owned] : connections_)
    if (connection->link == it->second.get()) half.push_back(connection);
  for (TcpConnection* connection : half) drop(*connection);
  byWireId_.erase(load64(it->second->wireId().data()));
  links_.erase(it);
  resolveAll();
  stampArrivals();
  findSmallest();
  trains_.forgetPath(id);
}

void Links::setRecording(uint32_t id, double recordsPerSecond) {
  if (Link* link = find(id)) link->record().setRate(recordsPerSecond);
  stampArrivals();
}

// The kernel stamps packets only while somebody asks it to.
void Links::stampArrivals() {
  bool any = false;
  for (const auto& [id, link] : links_) any = any || link->record().on();
  if (udp_) udp_->stampArrivals(any ? &recorder_.clock : nullptr);
}

void Links::resolve(Edge& edge) {
  edge.links.clear();
  for (const uint32_t id : edge.ids)
    if (Link* link = find(id)) edge.links.push_back(link);
}

void Links::resolveAll() {
  for (auto& [id, edge] : edges_) resolve(edge);
}

void Links::setEdge(uint32_t id, std::vector<uint32_t> ids) {
  Edge& edge = edges_[id];
  edge.ids = std::move(ids);
  resolve(edge);
}

void Links::removeEdge(uint32_t edge) { edges_.erase(edge); }

Link* Links::live(uint32_t edge) {
  const auto it = edges_.find(edge);
  if (it == edges_.end()) return nullptr;
  for (Link* link : it->second.links)
    if (link->up()) return link;
  return nullptr;
}

Link* Links::find(uint32_t id) {
  const auto it = links_.find(id);
  return it == links_.end() ? nullptr : it->second.get();
}

void Links::pathChanged(Link& link) {
  findSmallest();
  offerPath(link);
}

void Links::findSmallest() {
  smallest_ = 0;
  for (const auto& [id, link] : links_) {
    const size_t size = link->datagramBytes();
    if (size != 0 && (smallest_ == 0 || size < smallest_)) smallest_ = size;
  }
}

void Links::offerPath(Link& link) {
  if (link.datagramBytes() != 0 && *trainSocket_)
    trains_.setPath(link.trainPath(trainSocket_, udp_->family()));
  else trains_.forgetPath(link.id());
}

void Links::flush() {
  if (udp_) udp_->flush();
  for (TcpConnection* connection : dirty_) {
    connection->flush();
    connection->dirty = false;
  }
  dirty_.clear();
}

uint32_t Links::newSession() {
  for (;;) {
    const uint32_t session = random32();
    if (session != 0 && !sessions_.count(session)) return session;
  }
}

// Octets from a socket: decode, then the link by its session, or by its name in a handshake.
void Links::receive(const uint8_t* data, size_t length, const Origin& origin, uint64_t wallNs) {
  Header header;
  const size_t bytes = decodeHeader(data, length, header);
  if (bytes == 0) return sink_.linkDrop(nullptr, Drop::malformed);
  const uint8_t* body = data + bytes;
  const size_t rest = length - bytes;
  if (header.type == Type::hello || header.type == Type::helloAck || header.type == Type::helloDone) {
    LinkId id;
    if (!readLinkId(body, rest, id)) return sink_.linkDrop(nullptr, Drop::malformed);
    const auto it = byWireId_.find(load64(id.data()));
    if (it == byWireId_.end() || it->second->tcp() != (origin.connection != nullptr)) {
      sink_.linkDrop(nullptr, Drop::handshake);
      // Perhaps a peer that is ahead of our own configuration: closed at once, it tries again soon.
      if (origin.connection && !origin.connection->link) drop(*origin.connection);
      return;
    }
    // One connection serves one link: each remembers the other.
    if (origin.connection && origin.connection->link && origin.connection->link != it->second)
      return sink_.linkDrop(it->second, Drop::handshake);
    return it->second->onHandshake(header, body, rest, origin);
  }
  const auto it = sessions_.find(header.session);
  if (it == sessions_.end() || !it->second->onMessage(header, body, rest, origin, wallNs))
    sink_.linkDrop(nullptr, Drop::unknownPeer);
}

TcpConnection* Links::connect(Link& link, const Address& to, std::string& reason) {
  Fd fd = beginConnect(to);
  if (!fd) {
    reason = std::string(std::strerror(errno)) + ": " + to.text();
    return nullptr;
  }
  auto connection = std::make_unique<TcpConnection>(loop_, *this, std::move(fd), to, true);
  connection->link = &link;
  TcpConnection* made = connection.get();
  connections_[made] = std::move(connection);
  return made;
}

void Links::drop(TcpConnection& connection) {
  const auto it = connections_.find(&connection);
  if (it == connections_.end()) return;
  connection.flush();
  connection.shut();
  std::erase(dirty_, &connection);
  if (connection.link) connection.link->forget(connection);
  else strangers_--;
  loop_.retire(std::move(it->second));
  connections_.erase(it);
}

void Links::adopt(TcpConnection& connection, Link& link) {
  if (!connection.link) strangers_--;
  connection.link = &link;
}

void Links::tcpConnected(TcpConnection& connection) { connection.link->onConnected(connection); }

void Links::tcpMessage(TcpConnection& connection, const uint8_t* data, size_t length) {
  receive(data, length, Origin{&connection, connection.peer()}, 0);
}

void Links::tcpClosed(TcpConnection& connection, int, const std::string& reason) {
  Link* link = connection.link;
  drop(connection);
  if (link) link->onClosed(connection, reason);
}

// An honest peer proves itself within a round trip; whoever fills the places without a proof loses them
// first.
void Links::dropOldestStranger() {
  TcpConnection* oldest = nullptr;
  for (const auto& [connection, owned] : connections_)
    if (!connection->link && (!oldest || connection->sinceNs < oldest->sinceNs)) oldest = connection;
  sink_.linkDrop(nullptr, Drop::handshake);
  if (oldest) drop(*oldest);
}

void Links::tcpAccepted(Fd fd, const Address& peer) {
  if (strangers_ >= TCP_STRANGERS) dropOldestStranger();
  strangers_++;
  auto connection = std::make_unique<TcpConnection>(loop_, *this, std::move(fd), peer, false);
  TcpConnection* made = connection.get();
  made->deadline = std::make_unique<Timer>(loop_, [this, made] {
    sink_.linkDrop(nullptr, Drop::handshake);
    tcpClosed(*made, 0, "no handshake from " + made->peer().text());
  });
  made->sinceNs = loop_.now();
  made->deadline->at(made->sinceNs + TCP_STRANGER_NS);
  connections_[made] = std::move(connection);
}

}  // namespace vnet
