// All links of a plane, with the sockets they share: finds the link that a message is for, and the live link
// of an edge. I/O thread only.
#pragma once
#include <memory>
#include <unordered_map>
#include <vector>

#include "drops.hpp"
#include "link.hpp"
#include "link_tcp.hpp"
#include "link_udp.hpp"
#include "trains.hpp"

namespace vnet {

class LinkSink {
 public:
  virtual ~LinkSink() = default;
  // DATA came in; `end` is borrowed for the call.
  virtual void fromLink(Link& link, const Header& header, const uint8_t* end, size_t length) = 0;
  virtual void linkState(Link& link, bool up, const std::string& reason, const std::string& remote) = 0;
  // A note of the other end; borrowed for the call.
  virtual void linkNote(Link& link, const uint8_t* note, size_t length) = 0;
  // `link`: nullptr when the octets belong to none.
  virtual void linkDrop(Link* link, Drop reason) = 0;
};

class Links final : public TcpOwner {
 public:
  Links(Loop& loop, LinkSink& sink, Trains& trains, Recorder::UpArrivals up)
      : loop_(loop), sink_(sink), trains_(trains), recorder_(loop, std::move(up)) {}
  ~Links() override;

  void listen(std::unique_ptr<UdpSocket> udp, std::unique_ptr<TcpListener> tcp);
  // For links that dial before, or without, listening.
  void useUdp(std::unique_ptr<UdpSocket> udp);
  void open(LinkConfig config);
  void close(uint32_t id);
  void setEdge(uint32_t edge, std::vector<uint32_t> ids);
  void removeEdge(uint32_t edge);
  void setRecording(uint32_t link, double recordsPerSecond);
  // The edge's first live link; nullptr: it has none.
  Link* live(uint32_t edge);
  Link* find(uint32_t id);
  // The smallest datagram of all live UDP links; 0: there is none.
  size_t smallestDatagram() const { return smallest_; }
  void flush();
  template <class Visit>
  void each(Visit&& visit) {
    for (auto& [id, link] : links_) visit(*link);
  }

  // For links.
  Loop& loop() { return loop_; }
  LinkSink& sink() { return sink_; }
  UdpSocket* udp() { return udp_.get(); }
  Recorder& recorder() { return recorder_; }
  uint32_t newSession();
  void bind(uint32_t session, Link& link) { sessions_[session] = &link; }
  void unbind(uint32_t session) { sessions_.erase(session); }
  TcpConnection* connect(Link& link, const Address& to, std::string& reason);
  // Closes it; the link is not told.
  void drop(TcpConnection& connection);
  // A connection that somebody else dialled has named `link`, with a proof.
  void adopt(TcpConnection& connection, Link& link);
  void dirty(TcpConnection& connection) {
    if (!connection.dirty) dirty_.push_back(&connection);
    connection.dirty = true;
  }
  // A UDP link went up or down, or carries larger or smaller datagrams.
  void pathChanged(Link& link);

 private:
  struct Edge {
    std::vector<uint32_t> ids;
    std::vector<Link*> links;
  };
  void resolve(Edge& edge);
  void resolveAll();
  // `wallNs`: when it arrived, by the kernel; 0: not known.
  void receive(const uint8_t* data, size_t length, const Origin& origin, uint64_t wallNs);
  void stampArrivals();
  void findSmallest();
  // Tells the measuring thread where the link's trains go, or that it has none.
  void offerPath(Link& link);
  void tcpConnected(TcpConnection& connection) override;
  void tcpMessage(TcpConnection& connection, const uint8_t* data, size_t length) override;
  void tcpClosed(TcpConnection& connection, int error, const std::string& reason) override;
  void tcpAccepted(Fd fd, const Address& peer) override;
  void dropOldestStranger();

  Loop& loop_;
  LinkSink& sink_;
  Trains& trains_;
  Recorder recorder_;
  std::unique_ptr<UdpSocket> udp_;
  std::shared_ptr<const Fd> trainSocket_;  // a duplicate of the UDP descriptor
  std::unique_ptr<TcpListener> tcp_;
  std::unordered_map<uint32_t, std::unique_ptr<Link>> links_;
  std::unordered_map<uint64_t, Link*> byWireId_;
  std::unordered_map<uint32_t, Link*> sessions_;
  std::unordered_map<uint32_t, Edge> edges_;
  std::unordered_map<TcpConnection*, std::unique_ptr<TcpConnection>> connections_;
  std::vector<TcpConnection*> dirty_;
  size_t strangers_ = 0;
  size_t smallest_ = 0;
};

}  // namespace vnet
