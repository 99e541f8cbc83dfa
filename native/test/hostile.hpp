// A plane under attack, and the hand-made end of a link that attacks it.
#pragma once
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "../src/bytes.hpp"
#include "../src/plane.hpp"
#include "check.hpp"

namespace vnet {

constexpr int PATIENCE_MS = 2'000, QUIET_MS = 200;

inline LinkConfig linkOf(uint32_t id, bool tcp) {
  LinkConfig config;
  config.id = config.edge = id;
  config.tcp = tcp;
  config.wireId[7] = static_cast<uint8_t>(id);
  config.keepAliveNs = 50 * MS;
  config.deadAfterMs = 60'000;
  config.deadAfterNs = 60'000 * MS;
  config.backoffCapNs = 100 * MS;
  return config;
}

struct Victim {
  Plane plane{[] {}};
  uint16_t port = 0;
  bool up[4] = {};
  std::vector<Event> events;  // but for the links'
  ArrivalColumns arrivals;
  Snapshot last;
  std::function<Action(const FlowKey&)> answer;  // to misses; empty: none

  Victim() {
    auto tcp = std::make_shared<std::unique_ptr<TcpListener>>(std::make_unique<TcpListener>("127.0.0.1", 0));
    port = (*tcp)->port();
    auto udp = std::make_shared<std::unique_ptr<UdpSocket>>(std::make_unique<UdpSocket>("127.0.0.1", port));
    plane.post([tcp, udp](Forwarder& forwarder) {
      forwarder.links().listen(std::move(*udp), std::move(*tcp));
      forwarder.links().open(linkOf(1, true));
      forwarder.links().open(linkOf(2, true));
      forwarder.links().open(linkOf(3, false));
    });
  }
  void read() {
    const UpBatch batch = plane.take();
    for (const Event& event : batch.events) {
      if (event.kind == Event::Kind::link) up[event.id] = event.yes;
      else events.push_back(event);
    }
    for (const Snapshot& snapshot : batch.snapshots) last = snapshot;
    arrivals.add(batch.arrivals);
    FlowDelta answers;
    for (const FlowMiss& miss : batch.misses)
      if (answer) answers.install.push_back({miss.key, 0, uint64_t{1} << 32, {answer(miss.key)}});
    if (!answers.install.empty())
      plane.post([answers](Forwarder& forwarder) { forwarder.applyFlows(answers); });
  }
  Snapshot snapshot() {
    last = Snapshot{};
    plane.post([](Forwarder& forwarder) { forwarder.reportSnapshot(1); });
    for (int waited = 0; waited < PATIENCE_MS && last.ticket == 0; waited++) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      read();
    }
    CHECK(last.ticket == 1);
    return last;
  }
  uint64_t drops(Drop reason) { return snapshot().drops[static_cast<size_t>(reason)]; }
  bool becomes(uint32_t link, bool state) {
    for (int waited = 0; waited < PATIENCE_MS; waited += 5) {
      read();
      if (up[link] == state) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
};

// The dialling end of a handshake, by hand.
struct Dialler {
  Fd fd;
  bool tcp;
  Secret secret{};
  Share mine{true, 0x1234, {1}};

  Dialler(uint16_t port, bool tcp) : fd(socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0)), tcp(tcp) {
    Address to;
    CHECK(Address::parse("127.0.0.1", port, to));
    sockaddr_storage storage;
    const socklen_t length = to.fill(storage, AF_INET);
    CHECK(connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) == 0);
  }
  void send(Type type, uint32_t session, const uint8_t* body, size_t length) {
    Header header;
    header.type = type;
    header.session = session;
    send(header, body, length);
  }
  void send(const Header& header, const uint8_t* body, size_t length) {
    std::vector<uint8_t> out(RECORD_PREFIX_BYTES + header.bytes() + length);
    store32(out.data(), static_cast<uint32_t>(header.bytes() + length));
    encodeHeader(header, out.data() + RECORD_PREFIX_BYTES);
    if (length > 0) std::memcpy(out.data() + RECORD_PREFIX_BYTES + header.bytes(), body, length);
    const size_t skip = tcp ? 0 : RECORD_PREFIX_BYTES, octets = out.size() - skip;
    CHECK(write(fd.get(), out.data() + skip, octets) == static_cast<ssize_t>(octets));
  }
  void hello(uint32_t link) {
    uint8_t body[HELLO_BODY];
    writeHello(body, Type::hello, linkOf(link, tcp).wireId, secret, mine, nullptr);
    send(Type::hello, 0, body, sizeof body);
  }
  void done(uint32_t link, const Share& theirs) {
    uint8_t body[PROOF_BODY];
    writeProof(body, Type::helloDone, linkOf(link, tcp).wireId, secret, mine, theirs);
    send(Type::helloDone, theirs.session, body, sizeof body);
  }
  bool readable(int ms) {
    pollfd p{fd.get(), POLLIN, 0};
    return poll(&p, 1, ms) == 1;
  }
  // The next message's type; 0: none within QUIET_MS, or the end.
  uint8_t next(Share* theirs = nullptr) {
    if (!readable(QUIET_MS)) return 0;
    uint8_t in[256];
    ssize_t got;
    if (tcp) {
      if (recv(fd.get(), in, 4, MSG_WAITALL) != 4) return 0;
      got = recv(fd.get(), in, load32(in), MSG_WAITALL);
    } else {
      got = recv(fd.get(), in, sizeof in, 0);
    }
    Header header;
    if (got <= 0 || decodeHeader(in, static_cast<size_t>(got), header) == 0) return 0;
    if (header.type == Type::helloAck)
      CHECK(theirs && readHello(in + HEADER_BYTES, static_cast<size_t>(got) - HEADER_BYTES, Type::helloAck,
                                secret, &mine, *theirs));
    return static_cast<uint8_t>(header.type);
  }
  bool answers(uint8_t wanted, Share* theirs = nullptr) {
    for (uint8_t type; (type = next(theirs)) != 0;)
      if (type == wanted) return true;
    return false;
  }
};

constexpr auto ACK = static_cast<uint8_t>(Type::helloAck), PING = static_cast<uint8_t>(Type::ping);

// Shakes hands: the share by which the victim is spoken to.
inline Share join(Victim& victim, Dialler& peer, uint32_t link) {
  Share theirs;
  peer.hello(link);
  CHECK(peer.answers(ACK, &theirs));
  peer.done(link, theirs);
  CHECK(victim.becomes(link, true));
  return theirs;
}

}  // namespace vnet
