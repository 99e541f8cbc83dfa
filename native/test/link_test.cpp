// A hostile end of a link, under the thread sanitizer (which also sees what is used after it was freed): one
// who knows secrets, and one who has only recorded what was said.
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

#include "../src/bytes.hpp"
#include "../src/plane.hpp"
#include "check.hpp"

using namespace vnet;

namespace {

constexpr int PATIENCE_MS = 2'000, QUIET_MS = 200;

LinkConfig linkOf(uint32_t id, bool tcp) {
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
    for (const Event& event : plane.take().events)
      if (event.kind == Event::Kind::link) up[event.id] = event.yes;
  }
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
    uint8_t out[RECORD_PREFIX_BYTES + HEADER_BYTES + HELLO_BODY];
    Header header;
    header.type = type;
    header.session = session;
    store32(out, static_cast<uint32_t>(HEADER_BYTES + length));
    encodeHeader(header, out + RECORD_PREFIX_BYTES);
    std::memcpy(out + RECORD_PREFIX_BYTES + HEADER_BYTES, body, length);
    const size_t skip = tcp ? 0 : RECORD_PREFIX_BYTES, octets = sizeof out - HELLO_BODY + length - skip;
    CHECK(write(fd.get(), out + skip, octets) == static_cast<ssize_t>(octets));
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

// A connection that carries one link cannot be made another's, or the first would outlive it.
void oneLinkAConnection() {
  Victim victim;
  Share theirs;
  {
    Dialler peer(victim.port, true);
    peer.hello(1);
    CHECK(peer.answers(ACK, &theirs));
    peer.done(1, theirs);
    CHECK(victim.becomes(1, true));
    peer.hello(2);
    for (int i = 0; i < 10; i++) CHECK(peer.next() == PING);  // and no HELLO_ACK
  }
  CHECK(victim.becomes(1, false));
  std::this_thread::sleep_for(std::chrono::milliseconds(QUIET_MS));
  CHECK(!victim.up[2]);
}

// A recorded HELLO, repeated on many connections, keeps no more of them than a link has places.
void recordedHellos() {
  Victim victim;
  std::vector<std::unique_ptr<Dialler>> all;
  for (size_t i = 0; i < HALF_OPEN + 10; i++) {
    Share theirs;
    all.push_back(std::make_unique<Dialler>(victim.port, true));
    all.back()->hello(1);
    CHECK(all.back()->answers(ACK, &theirs));
  }
  size_t open = 0;
  for (const auto& peer : all) open += !peer->readable(20);  // the others have ended
  CHECK(open == HALF_OPEN);
  Share theirs;
  Dialler honest(victim.port, true);
  honest.hello(1);
  CHECK(honest.answers(ACK, &theirs));
  honest.done(1, theirs);
  CHECK(victim.becomes(1, true));
}

// A HELLO_DONE that was kept back proves nothing later; the same handshake, begun again, does.
void lateDone() {
  Victim victim;
  Share old, fresh;
  Dialler peer(victim.port, false);
  peer.hello(3);
  CHECK(peer.answers(ACK, &old));
  std::this_thread::sleep_for(std::chrono::nanoseconds(HALF_OPEN_NS + 100 * MS));
  peer.done(3, old);
  CHECK(!peer.answers(PING));
  peer.hello(3);
  CHECK(peer.answers(ACK, &fresh) && fresh.nonce != old.nonce);
  peer.done(3, fresh);
  CHECK(peer.answers(PING) && victim.becomes(3, true));
}

}  // namespace

int main() {
  oneLinkAConnection();
  recordedHellos();
  lateDone();
  std::puts("link: ok");
}
