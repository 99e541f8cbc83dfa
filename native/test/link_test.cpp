// A hostile end of a link, under the thread sanitizer (which also sees what is used after it was freed): one
// who knows secrets, and one who has only recorded what was said.
#include "hostile.hpp"

using namespace vnet;

namespace {

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
