// Echoes: their octets, and who may answer one.
#include "../src/echo.hpp"

#include <algorithm>

#include "check.hpp"

using namespace vnet;

namespace {

constexpr uint64_t A = 0x020000000001, B = 0x020000000002;

Frame frameOf(const std::vector<uint8_t>& octets, uint32_t network) {
  Frame frame;
  frame.data = octets.data();
  frame.length = static_cast<uint32_t>(octets.size());
  frame.network = network;
  return frame;
}

void layout() {
  uint8_t out[ECHO_BYTES];
  writeEcho(out, B, A, {EchoKind::answer, 3, 0x1122334455667788});
  const uint8_t expected[ECHO_BYTES] = {2,    0,    0, 0, 0,    2,    2,    0,    0,    0,    0,    1,
                                        0x88, 0xb5, 2, 3, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
  CHECK(std::memcmp(out, expected, sizeof out) == 0);
}

void garbage(std::mt19937_64& random) {
  for (int i = 0; i < 200'000; i++) {
    std::vector<uint8_t> octets(random() % 40);
    for (auto& octet : octets) octet = static_cast<uint8_t>(random());
    if (i % 2 && octets.size() >= ECHO_BYTES) {
      writeEcho(octets.data(), B, A, {EchoKind::request, 0, random()});
      octets[random() % octets.size()] ^= static_cast<uint8_t>(1 << random() % 8);
    }
    Echo echo;
    if (!readEcho(octets.data(), octets.size(), echo)) continue;
    CHECK(octets.size() >= ECHO_BYTES && (echo.kind == EchoKind::request || echo.kind == EchoKind::answer));
    const auto answer = answerTo(octets.data(), octets.size(), echo.token, 9);
    CHECK(answer.size() == octets.size() && loadMac(answer.data()) == loadMac(octets.data() + 6) &&
          loadMac(answer.data() + 6) == loadMac(octets.data()));
    CHECK(std::equal(answer.begin() + ECHO_BYTES, answer.end(), octets.begin() + ECHO_BYTES));
  }
  uint8_t group[ECHO_BYTES];
  Echo echo;
  writeEcho(group, 0xffffffffffff, A, {EchoKind::request, 0, 1});
  CHECK(!readEcho(group, sizeof group, echo));
  writeEcho(group, B, 0x010000000000, {EchoKind::request, 0, 1});
  CHECK(!readEcho(group, sizeof group, echo));
}

void answers() {
  EchoesWaiting waiting;
  EchoesWaiting::Answered answered;
  const uint64_t token = waiting.open({41, 1, 7, A, B, 60}, 1'000);
  std::vector<uint8_t> octets(60);
  writeEcho(octets.data(), A, B, {EchoKind::answer, 1, token});
  CHECK(!waiting.close(frameOf(octets, 7), token + 1, 1, 2'000, answered));  // another token
  CHECK(!waiting.close(frameOf(octets, 7), token, 2, 2'000, answered));      // another port
  CHECK(!waiting.close(frameOf(octets, 8), token, 1, 2'000, answered));      // another network
  writeEcho(octets.data(), B, A, {EchoKind::answer, 1, token});
  CHECK(!waiting.close(frameOf(octets, 7), token, 1, 2'000, answered));  // the wrong way round
  writeEcho(octets.data(), A, B, {EchoKind::answer, 1, token});
  CHECK(waiting.close(frameOf(octets, 7), token, 1, 6'000, answered) && answered.echo == 41 &&
        answered.rttNs == 5'000);
  CHECK(!waiting.close(frameOf(octets, 7), token, 1, 6'000, answered));  // once

  // Of too many, some are given up, and the newest is not among them.
  uint64_t last = 0;
  for (uint32_t i = 1; i <= 3 * ECHOES_WAITING; i++) last = waiting.open({i, 1, 7, A, B, 60}, i);
  CHECK(waiting.close(frameOf(octets, 7), last, 1, 6'000, answered) && answered.echo == 3 * ECHOES_WAITING);
}

}  // namespace

int main() {
  auto random = seeded();
  layout();
  garbage(random);
  answers();
  std::puts("echo: ok");
}
