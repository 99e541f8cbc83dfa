// Two planes, their threads and this one, under the thread sanitizer: frames cross while the JavaScript
// side's calls (post, call, take, stop) go on.
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "../src/plane.hpp"
#include "check.hpp"

using namespace vnet;

namespace {

constexpr uint32_t PORT = 1, EDGE = 50, NETWORK = 1, LINK = 5;
constexpr int FRAMES = 2'000;

struct Side {
  std::atomic<int> woken{0};
  Plane plane{[this] { woken++; }};
  std::string path;
  Fd peer;
  bool up = false;
  size_t notes = 0, echoes = 0, rows = 0, trainRows = 0;

  // What JavaScript does with a batch: answers each miss.
  void serve() {
    UpBatch batch = plane.take();
    FlowDelta delta;
    for (const FlowMiss& miss : batch.misses) {
      const bool fromPort = miss.key.ingress == PORT;
      delta.install.push_back(
          {miss.key,
           0,
           uint64_t{1} << 32,
           {{fromPort ? ActionKind::edge : ActionKind::port, Drop::noMatch, fromPort ? EDGE : PORT}}});
    }
    for (const Event& event : batch.events) {
      if (event.kind == Event::Kind::link) up = event.yes;
      notes += event.kind == Event::Kind::note;
      echoes += event.kind == Event::Kind::echo;
    }
    for (const uint32_t train : batch.arrivals.train) (train != 0 ? trainRows : rows)++;
    if (!delta.install.empty()) plane.post([delta](Forwarder& forwarder) { forwarder.applyFlows(delta); });
  }

  void open(const std::string& name) {
    path = "/tmp/vnet-plane-test-" + std::to_string(getpid()) + name;
    plane.post([](Forwarder& forwarder) { forwarder.setNetwork({NETWORK, 1'500, 0, 0}); });
    PortConfig config;
    config.id = PORT;
    config.network = NETWORK;
    config.spec = "unix:" + path;
    auto port = std::make_shared<std::unique_ptr<Port>>(openPort(config));
    plane.post([port](Forwarder& forwarder) { forwarder.openPort(std::move(*port)); });
    peer = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    CHECK(connect(peer.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }

  void link(uint16_t dialPort) {
    LinkConfig config;
    config.id = LINK;
    config.edge = EDGE;
    config.initiator = dialPort != 0;
    config.keepAliveNs = 20 * MS;
    config.deadAfterMs = 2'000;
    config.deadAfterNs = 2'000 * MS;
    config.backoffCapNs = 100 * MS;
    Address address;
    if (dialPort != 0 && Address::parse("127.0.0.1", dialPort, address)) config.dial = address;
    plane.post([config](Forwarder& forwarder) {
      forwarder.links().open(config);
      forwarder.links().setEdge(EDGE, {LINK});
      forwarder.links().setRecording(LINK, 5'000);
    });
  }

  uint16_t listen() {
    auto udp = std::make_shared<std::unique_ptr<UdpSocket>>(std::make_unique<UdpSocket>("127.0.0.1", 0));
    const uint16_t port = (*udp)->port();
    plane.post([udp](Forwarder& forwarder) { forwarder.links().useUdp(std::move(*udp)); });
    return port;
  }
};

void sendFrame(Side& side, uint32_t number) {
  uint8_t record[4 + 200] = {};
  store32(record, 200);
  record[4 + 5] = 2;
  record[4 + 11] = 1;
  store16(record + 16, 0x88b5);
  store32(record + 18, number);
  CHECK(write(side.peer.get(), record, sizeof record) == sizeof record);
}

// Three threads at once: a train leaves while frames, a note and an echo do.
void measure(Side& side, uint32_t number) {
  side.plane.post([number](Forwarder& forwarder) {
    forwarder.links().find(LINK)->sendNote({1, 2, 3});
    forwarder.sendEcho({number, PORT, NETWORK, 1, 2, 60});
  });
  try {
    side.plane.trains().send({LINK, number, {200, 201, 202}, {50'000, 200'000}});
  } catch (const PlaneError& error) {
    CHECK(error.code == "VNET_ERR_LIMIT");
  }
}

void aMoment() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

}  // namespace

int main() {
  Side a, b;
  a.open("a");
  b.open("b");
  const uint16_t port = b.listen();
  a.listen();
  b.link(0);
  a.link(port);
  for (int i = 0; i < 5'000 && !(a.up && b.up); i++) {
    a.serve();
    b.serve();
    aMoment();
  }
  CHECK(a.up && b.up);

  std::atomic<int> received{0};
  std::thread reader([&] {
    uint8_t record[204];
    for (int i = 0; i < FRAMES; i++) {
      CHECK(recv(b.peer.get(), record, sizeof record, MSG_WAITALL) == sizeof record);
      CHECK(load32(record + 18) == static_cast<uint32_t>(i));  // in order, none lost
      received++;
    }
  });
  for (int i = 0; i < FRAMES; i++) {
    sendFrame(a, static_cast<uint32_t>(i));
    if (i % 16 == 0) {
      a.serve();
      b.serve();
      a.plane.post([](Forwarder& forwarder) { forwarder.reportSnapshot(1); });
      if (i % 64 == 0) measure(a, static_cast<uint32_t>(i + 1));
      if (i % 256 == 0)
        b.plane.call([](Forwarder& forwarder) { forwarder.applyFlows({0, {FlowScope{}}, {}}); });
      aMoment();
    }
  }
  for (int i = 0; i < 10'000 && received < FRAMES; i++) {
    a.serve();
    b.serve();
    aMoment();
  }
  CHECK(received == FRAMES);
  reader.join();
  CHECK(a.woken > 0 && b.woken > 0);
  for (int i = 0; i < 5'000 && !(b.notes > 0 && a.echoes > 0 && b.rows > 0 && b.trainRows > 0); i++) {
    a.serve();
    b.serve();
    aMoment();
  }
  CHECK(b.notes > 0 && a.echoes > 0 && b.rows > 0 && b.trainRows > 0);
  // A train that would leave for a second ends with its plane.
  const uint64_t began = nowNs();
  a.plane.trains().send({LINK, 9'999, {100, 100}, {900 * MS}});
  aMoment();
  a.plane.stop();
  CHECK(nowNs() - began < 500 * MS);
  a.plane.stop();
  std::puts("plane: ok");
}
