// One link: its handshake, its session, keep-alives, dead-peer detection, reconnection and datagram size. I/O
// thread only.
//
//   idle --dial--> dialling --HELLO_ACK proves--> up       (the dialler)
//   any  --HELLO--> half open --HELLO_DONE proves--> up    (the accepting end)
//   up   --nothing heard for deadAfterMs, connection lost, BYE--> dialling or idle
#pragma once
#include <deque>
#include <optional>
#include <string>

#include "counters.hpp"
#include "frame.hpp"
#include "handshake.hpp"
#include "link_tcp.hpp"
#include "path_size.hpp"
#include "record.hpp"
#include "sequence.hpp"
#include "trains.hpp"
#include "up.hpp"
#include "wire.hpp"

namespace vnet {

class Links;

struct LinkConfig {
  uint32_t id = 0, edge = 0;
  bool tcp = false;
  LinkId wireId{};
  Secret secret{};
  bool initiator = false;
  std::optional<Address> dial;
  uint64_t keepAliveNs = 0, deadAfterNs = 0, backoffCapNs = 0;
  uint32_t deadAfterMs = 0;
};

// Where a message came from, and where its answer goes.
struct Origin {
  TcpConnection* connection = nullptr;  // nullptr: UDP
  Address address;
  bool operator==(const Origin& other) const {
    return connection == other.connection && (connection || address == other.address);
  }
};

class Link {
 public:
  Link(LinkConfig config, Links& links);
  void start();
  // Says goodbye to a live peer and lets go of connections.
  void stop();

  uint32_t id() const { return config_.id; }
  uint32_t edge() const { return config_.edge; }
  bool tcp() const { return config_.tcp; }
  const LinkId& wireId() const { return config_.wireId; }
  bool up() const { return session_.has_value(); }
  uint32_t rttUs() const { return static_cast<uint32_t>(rttNs_ / 1000); }
  uint16_t datagramBytes() const { return config_.tcp || !session_ ? 0 : path_.size(); }

  LinkRow row() const;
  LinkRecord& record() { return record_; }
  // Of a live UDP link.
  TrainPath trainPath(std::shared_ptr<const Fd> socket, int family) const;

  // Nothing while it is down.
  void sendNote(const std::vector<uint8_t>& note);
  // Sends a frame as it is or in pieces; `hopLimit` is the one to write. False: counted as linkQueue.
  bool send(const Frame& frame, uint8_t hopLimit);

  void onHandshake(const Header& header, const uint8_t* body, size_t length, const Origin& origin);
  // Any other message, found by its session number. False: not from this session's peer.
  bool onMessage(const Header& header, const uint8_t* body, size_t length, const Origin& origin,
                 uint64_t wallNs);
  void onConnected(TcpConnection& connection);
  void onClosed(TcpConnection& connection, const std::string& reason);
  // It is being closed: no handshake is under way on it any longer.
  void forget(TcpConnection& connection) {
    std::erase_if(halfOpen_, [&](const HalfOpen& half) { return half.origin.connection == &connection; });
  }
  // The system did not take a datagram of this size.
  void onRefused(size_t size, int error);

  EndCounters counters;
  TokenBucket misses{MISSES_PER_SECOND, MISS_BURST};

 private:
  struct Session {
    Share mine, theirs;
    Origin origin;
    bool dialledHere = false;
    bool byInitiator = false;  // dialled by the link's initiator
    bool confirmed = false;    // the other end is known to have it too
    uint64_t sinceNs = 0, heardNs = 0, nextPingNs = 0, nextDoneNs = 0;
  };
  struct HalfOpen {
    Share mine, theirs;
    Origin origin;
    uint64_t sinceNs = 0, askedNs = 0;
  };

  void onTimer();
  void schedule();
  void beginDialling();
  void dial();
  void giveUpConnection(const std::string& reason);
  void onHello(const uint8_t* body, size_t length, const Origin& origin);
  void onHelloAck(const uint8_t* body, size_t length, const Origin& origin);
  void onHelloDone(const uint8_t* body, size_t length, const Origin& origin);
  void forgetHalfOpen(size_t keep, const Origin& origin);
  void onBye(const uint8_t* body, size_t length, const Origin& origin);
  void establish(Session session, uint64_t rttNs);
  void down(const std::string& reason);
  void report(bool up, const std::string& reason);
  void arrived(const Header& header, const uint8_t* body, size_t length, const Origin& origin,
               uint64_t wallNs);
  void onNote(const uint8_t* note, size_t length);
  // False: the connection takes no more.
  bool sendControl(Type type, const uint8_t* body, size_t length, uint32_t session, const Origin& origin);
  void sendHello();
  void sendDone();
  void ping();
  int sendAlone(Type type, uint8_t* datagram, size_t length);
  bool probe(uint16_t size);
  void measured(uint64_t rttNs);
  bool sendWhole(const Frame& frame, uint8_t hopLimit, const uint8_t* body, size_t bodyLength);
  std::string remote() const;

  LinkConfig config_;
  Links& links_;
  Timer timer_;
  std::optional<Session> session_;
  std::deque<HalfOpen> halfOpen_;
  Share dialShare_;
  bool dialling_ = false;
  TcpConnection* dialConnection_ = nullptr;
  uint64_t dialSinceNs_ = 0, nextAttemptNs_ = 0, backoffNs_ = 0, attemptNs_ = 0;
  std::string reported_;
  bool silenceTold_ = false;  // of this dialling
  PathSize path_;
  uint64_t rttNs_ = 0;
  uint32_t sequence_ = 0;
  SequenceWindow window_;
  LinkRecord record_;
  TokenBucket notesOut_{NOTES_PER_SECOND, NOTE_BURST}, notesIn_{NOTES_PER_SECOND, NOTE_BURST_RECEIVED};
  uint32_t fragmentId_ = random32();
};

}  // namespace vnet
