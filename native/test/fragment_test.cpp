// Split and join: in any order, twice over, split again on the way, within the limits.
#include <algorithm>
#include <vector>

#include "../src/fragment.hpp"
#include "check.hpp"

using namespace vnet;

struct Piece {
  Frame frame;
  std::vector<uint8_t> octets;
};

static std::vector<Piece> split(const Frame& frame, uint32_t id, size_t most) {
  std::vector<Piece> out;
  CHECK(splitFrame(frame, id, most, [&](const Frame& part, const uint8_t* body, size_t length) {
    Piece piece{part, {}};
    piece.octets.assign(part.data, part.data + MAC_PAIR_BYTES);
    piece.octets.insert(piece.octets.end(), body, body + length);
    CHECK(piece.octets.size() == part.length && part.length <= most);
    out.push_back(std::move(piece));
  }));
  for (auto& piece : out) piece.frame.data = piece.octets.data();
  return out;
}

int main() {
  auto random = seeded();
  const auto never = [](Drop) { CHECK(false); };
  for (int round = 0; round < 3'000; round++) {
    std::vector<uint8_t> octets(64 + random() % 9'000);
    for (auto& octet : octets) octet = static_cast<uint8_t>(random());
    Frame frame;
    frame.data = octets.data();
    frame.length = static_cast<uint32_t>(octets.size());
    frame.network = 3;
    std::vector<Piece> pieces;
    for (Piece& piece : split(frame, 77, 500 + random() % 1'000)) {
      if (random() % 3) pieces.push_back(piece);
      else
        for (Piece& smaller : split(piece.frame, 1, 200)) pieces.push_back(smaller);
    }
    if (round % 2) {
      const std::vector<Piece> again(pieces.begin(), pieces.begin() + static_cast<long>(pieces.size() / 2));
      pieces.insert(pieces.end(), again.begin(), again.end());
    }
    std::shuffle(pieces.begin(), pieces.end(), random);
    for (auto& piece : pieces) piece.frame.data = piece.octets.data();
    Joiner joiner;
    int whole = 0;
    for (const Piece& piece : pieces) {
      Frame joined;
      if (!joiner.add(piece.frame, 1, joined, never)) continue;
      whole++;
      CHECK(!joined.fragment && joined.length == frame.length &&
            std::equal(octets.begin(), octets.end(), joined.data));
    }
    CHECK(whole >= 1);
  }
  // Half-joined frames: bounded, and gone after a while.
  Joiner joiner;
  size_t limited = 0, timedOut = 0;
  std::vector<uint8_t> octets(3'000, 5);
  Frame frame, joined;
  frame.data = octets.data();
  frame.length = 3'000;
  for (uint32_t id = 0; id < 2 * JOIN_FRAMES; id++) {
    const auto pieces = split(frame, id, 1'200);
    CHECK(
        !joiner.add(pieces[0].frame, id, joined, [&](Drop reason) { limited += reason == Drop::joinLimit; }));
  }
  CHECK(limited == JOIN_FRAMES);
  joiner.expire(JOIN_TIMEOUT_NS * 2, [&](Drop reason) { timedOut += reason == Drop::joinTimeout; });
  CHECK(timedOut == JOIN_FRAMES && joiner.empty());
  // Pieces that contradict each other.
  auto pieces = split(frame, 9, 1'200);
  pieces[1].frame.total = 2'000;
  size_t malformed = 0;
  for (const Piece& piece : pieces)
    joiner.add(piece.frame, 1, joined, [&](Drop reason) { malformed += reason == Drop::malformed; });
  CHECK(malformed == 1);
  // A piece of an echo never completes a frame.
  pieces = split(frame, 10, 1'200);
  pieces[0].frame.echo = true;
  for (const Piece& piece : pieces) CHECK(!joiner.add(piece.frame, 1, joined, [](Drop) {}));
  std::puts("fragment: ok");
}
