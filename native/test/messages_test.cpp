// TRAIN, NOTE and ECHO messages of a peer who has a session and means harm, under the thread sanitizer.
#include "hostile.hpp"

#include <sys/un.h>

#include <algorithm>

#include "../src/echo.hpp"
#include "../src/train.hpp"

using namespace vnet;

namespace {

constexpr uint32_t LINK = 3, PORT = 9, NETWORK = 1;
constexpr uint64_t A = 0x020000000001, B = 0x020000000002;

struct Scene {
  Victim victim;
  Dialler peer{victim.port, false};
  uint32_t session;

  Scene() {
    const std::string path = "/tmp/vnet-messages-test-" + std::to_string(getpid());
    PortConfig config;
    config.id = PORT;
    config.network = NETWORK;
    config.spec = "unix:" + path;
    auto port = std::make_shared<std::unique_ptr<Port>>(openPort(config));
    victim.plane.post([port](Forwarder& forwarder) {
      forwarder.setNetwork({NETWORK, 1'500, 0, 0});
      forwarder.openPort(std::move(*port));
      forwarder.links().setEdge(LINK, {LINK});
      forwarder.links().setRecording(LINK, 20'000);
    });
    victim.answer = [](const FlowKey& key) {
      return key.ingress == PORT ? Action{ActionKind::edge, Drop::noMatch, LINK}
                                 : Action{ActionKind::port, Drop::noMatch, PORT};
    };
    session = join(victim, peer, LINK).session;
  }
  Header header(Type type) const {
    Header h;
    h.type = type;
    h.session = session;
    return h;
  }
  void echo(const std::vector<uint8_t>& octets) {
    Header h = header(Type::data);
    h.flags = FLAG_ECHO;
    h.network = NETWORK;
    h.hopLimit = 200;
    peer.send(h, octets.data(), octets.size());
  }
  size_t count(Event::Kind kind) const {
    return static_cast<size_t>(std::count_if(victim.events.begin(), victim.events.end(),
                                             [&](const Event& event) { return event.kind == kind; }));
  }
  // Until the victim's counter has moved so far; it is what says that all was read.
  bool reaches(Drop reason, uint64_t wanted) {
    for (int tries = 0; tries < 200; tries++)
      if (victim.drops(reason) >= wanted) return true;
    return false;
  }
};

std::vector<uint8_t> request(uint64_t destination, uint64_t source, size_t length = 60) {
  std::vector<uint8_t> octets(length);
  writeEcho(octets.data(), destination, source, {EchoKind::request, 0, 77});
  return octets;
}

// The flow is known after the first, so that the rest waits for nobody.
void warm(Scene& scene) {
  scene.echo(request(B, A));
  for (int waited = 0; waited < PATIENCE_MS; waited++) {
    scene.victim.read();
    if (scene.peer.readable(1) && scene.peer.next() == static_cast<uint8_t>(Type::data)) return;
  }
  CHECK(false);
}

void notesOfAllSizes() {
  Scene scene;
  std::vector<uint8_t> octets(1'000, 7);
  for (const size_t length : {0, 1, 511, 512})
    scene.peer.send(scene.header(Type::note), octets.data(), length);
  for (const size_t length : {513, 1'000}) scene.peer.send(scene.header(Type::note), octets.data(), length);
  CHECK(scene.reaches(Drop::malformed, 2));
  CHECK(scene.count(Event::Kind::note) == 4);
  for (int i = 0; i < 500; i++) scene.peer.send(scene.header(Type::note), octets.data(), 8);
  CHECK(scene.reaches(Drop::noteRate, 300));
  CHECK(scene.count(Event::Kind::note) < 200);
}

void trainsOfNonsense() {
  Scene scene;
  uint8_t body[400] = {};
  for (size_t length = 0; length < TRAIN_BODY; length++)
    scene.peer.send(scene.header(Type::train), body, length);
  const TrainPlace bad[] = {{0, 0, 1}, {1, 0, 0}, {1, 1, 1}, {1, 0, 257}, {1, 0xffff, 0xffff}};
  for (const TrainPlace& at : bad) {
    writeTrain(body, at);
    scene.peer.send(scene.header(Type::train), body, sizeof body);
  }
  CHECK(scene.reaches(Drop::malformed, 13));
  for (uint32_t number = 1; number <= 1'000; number++) {  // the first of a thousand trains
    writeTrain(body, {number, 0, TRAIN_PACKETS});
    scene.peer.send(scene.header(Type::train), body, sizeof body);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(QUIET_MS));
  scene.victim.read();
  const auto trains = std::count_if(scene.victim.arrivals.train.begin(), scene.victim.arrivals.train.end(),
                                    [](uint32_t train) { return train != 0; });
  CHECK(trains > 0 && trains < 50);
  CHECK(scene.victim.up[LINK]);
}

void echoesThatAbuse() {
  Scene scene;
  warm(scene);
  std::vector<uint8_t> forged = request(B, A);
  forged[14] = static_cast<uint8_t>(EchoKind::answer);  // to nothing that was asked
  scene.echo(forged);
  forged[14] = 3;
  scene.echo(forged);
  scene.echo(request(B, A, ECHO_BYTES - 1 + 1));
  std::vector<uint8_t> cut = request(B, A);
  cut.resize(ECHO_BYTES - 1);
  scene.echo(cut);
  CHECK(scene.reaches(Drop::malformed, 3));
  for (int i = 0; i < 1'000; i++) scene.echo(request(B, A));
  CHECK(scene.reaches(Drop::noteRate, 700));
  CHECK(scene.count(Event::Kind::echo) == 0);
  scene.echo(request(0xffffffffffff, A));  // the port is a group's member as well
  CHECK(scene.reaches(Drop::malformed, 4));
  const Snapshot last = scene.victim.snapshot();
  CHECK(last.pairs.network.empty() && last.ports[0].counters.outFrames == 0);
}

// Every octet of such messages, changed at random, cut and grown; pieces that never fit.
void mutants(std::mt19937_64& random) {
  Scene scene;
  warm(scene);
  for (int i = 0; i < 20'000; i++) {
    Header h = scene.header(i % 3 == 0 ? Type::train : i % 3 == 1 ? Type::note : Type::data);
    if (i % 3 == 2) {
      h.flags = static_cast<uint8_t>(FLAG_ECHO | (random() % 2 ? FLAG_FRAGMENT : 0) |
                                     (random() % 2 ? FLAG_GROUND : 0));
      h.network = NETWORK;
      h.epoch = random() % 2 ? 0 : static_cast<uint32_t>(random());
    }
    h.sequence = static_cast<uint32_t>(random() % 4 ? i : random());
    h.timestampNs = random();
    h.hopLimit = static_cast<uint8_t>(random());
    h.fragmentId = static_cast<uint32_t>(random() % 4);
    h.offset = static_cast<uint16_t>(random() % 100);
    h.total = static_cast<uint16_t>(random() % 200);
    std::vector<uint8_t> body = request(B, A, 24 + random() % 60);
    if (i % 3 == 0)
      writeTrain(body.data(), {static_cast<uint32_t>(random() % 3), static_cast<uint16_t>(random() % 300),
                               static_cast<uint16_t>(random() % 300)});
    if (random() % 2) body[random() % body.size()] ^= static_cast<uint8_t>(1 << random() % 8);
    body.resize(random() % (body.size() + 1));
    scene.peer.send(h, body.data(), body.size());
    if (i % 100 == 0) scene.victim.read();
    while (i % 20 == 0 && scene.peer.readable(0)) scene.peer.next();
  }
  const Snapshot last = scene.victim.snapshot();
  CHECK(last.ports[0].counters.outFrames == 0 && scene.count(Event::Kind::echo) == 0);
  const uint8_t note[1] = {5};
  const size_t before = scene.count(Event::Kind::note);
  std::this_thread::sleep_for(std::chrono::milliseconds(QUIET_MS));  // for the notes' bucket
  scene.peer.send(scene.header(Type::note), note, sizeof note);
  for (int waited = 0; waited < PATIENCE_MS && scene.count(Event::Kind::note) == before; waited++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    scene.victim.read();
  }
  CHECK(scene.count(Event::Kind::note) > before && scene.victim.up[LINK]);  // it lives, and listens
}

}  // namespace

int main() {
  auto random = seeded();
  notesOfAllSizes();
  trainsOfNonsense();
  echoesThatAbuse();
  mutants(random);
  std::puts("messages: ok");
}
