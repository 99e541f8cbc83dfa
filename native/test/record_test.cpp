// What is counted and recorded of arrivals: the sequence window against a slow oracle, runs and trains and
// their bounds.
#include "../src/record.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "../src/sequence.hpp"
#include "check.hpp"

using namespace vnet;

namespace {

// A stream that loses, repeats and reorders within the window, over the wrap; the oracle keeps every number.
void sequenceAgainstOracle(std::mt19937_64& random) {
  for (int round = 0; round < 300; round++) {
    const auto first = static_cast<uint32_t>(random()) | (round % 2 ? 0xfffffe00u : 0u);
    std::vector<std::pair<uint64_t, uint64_t>> sent;  // when it arrives, the place in the stream
    const size_t spread = 1 + random() % (round % 3 ? 40 : SequenceWindow::WINDOW - 1);
    for (uint64_t i = 0; i < 3'000; i++) {
      if (i > 0 && random() % 10 == 0) continue;
      sent.push_back({i == 0 ? 0 : i + random() % spread, i});
      if (random() % 20 == 0) sent.push_back({i + 1 + random() % spread, i});
    }
    std::stable_sort(sent.begin(), sent.end(), [](auto& a, auto& b) { return a.first < b.first; });
    SequenceWindow window;
    std::set<uint64_t> seen;
    uint64_t newest = 0, late = 0;
    for (const auto& [at, place] : sent) {
      window.take(first + static_cast<uint32_t>(place));
      if (!seen.insert(place).second) continue;
      if (place < newest) late++;
      newest = std::max(newest, place);
    }
    CHECK(window.arrived() == seen.size() && window.late() == late);
    CHECK(window.lost() == newest + 1 - seen.size());
  }
}

void sequenceEdges() {
  SequenceWindow window;
  window.take(10);
  window.take(9);  // from before the first that was heard
  window.take(10);
  CHECK(window.arrived() == 1 && window.lost() == 0 && window.late() == 0);
  window.take(10 + 5'000);
  CHECK(window.lost() == 4'999);
  window.take(11);  // too late to be taken back
  CHECK(window.lost() == 4'999 && window.late() == 1);
  window.take(5'009);
  CHECK(window.lost() == 4'998 && window.late() == 2);
  window.take(5'010 + (1u << 30));  // counts anew
  CHECK(window.lost() == 4'998 && window.arrived() == 5);
  window.restart();
  window.take(3);
  CHECK(window.lost() == 4'998 && window.arrived() == 6);
}

struct Bed {
  Loop loop;
  ArrivalColumns rows;
  bool taken = true;
  Recorder recorder{loop, [this](const ArrivalColumns& columns) {
                      if (taken) rows.add(columns);
                      return taken;
                    }};
  LinkRecord link{recorder, 5};
  Receipt receipt{1'000'000'000'000'000'000u, 0, 100};

  void traffic(uint32_t from, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) link.traffic(from + i, receipt);
  }
  void train(uint32_t number, uint16_t packets) {
    for (uint16_t place = 0; place < packets; place++) link.train({number, place, packets}, receipt);
  }
  // Until the rows have gone up.
  void flush() {
    loop.turn([] { return false; }, [] {});
  }
};

void runsAreWholeAndUnbroken() {
  Bed bed;
  bed.link.setRate(10);
  bed.traffic(1, 1'000);
  bed.flush();
  CHECK(bed.rows.rows() == RUN_ROWS);  // the rate has no room for a second run
  for (size_t i = 0; i < RUN_ROWS; i++) {
    CHECK(bed.rows.run[i] == 1 && bed.rows.sequence[i] == i + 1 && bed.rows.link[i] == 5 &&
          bed.rows.train[i] == 0);
    CHECK(bed.rows.sentNs[i] == 0 && bed.rows.arrivedNs[i] >= 0);
  }

  Bed other;
  other.link.setRate(20'000);
  other.traffic(1, 10);
  other.link.interrupt();
  other.traffic(11, 10);
  other.link.restart();
  other.traffic(21, 10);
  other.flush();
  CHECK(other.rows.rows() == 30 && other.rows.run[9] == 1 && other.rows.run[10] == 2 &&
        other.rows.run[20] == 3);
  other.taken = false;
  other.traffic(31, 10);
  other.flush();
  other.taken = true;
  other.traffic(41, 10);
  other.flush();
  CHECK(other.rows.rows() == 40 && other.rows.run[30] == 4 &&
        other.rows.sequence[30] == 41);  // not run 3 with a hole
}

void trainsAreWholeOrNothing() {
  Bed bed;
  bed.train(1, 10);
  bed.link.setRate(1'000);
  bed.train(2, 10);
  bed.train(2, 10);                         // each place once
  bed.link.train({2, 3, 11}, bed.receipt);  // another number of packets: not of this train
  bed.traffic(1, 1);
  bed.train(3, 1);
  bed.flush();
  CHECK(bed.rows.rows() == 12);
  for (size_t i = 0; i < 10; i++)
    CHECK(bed.rows.train[i] == 2 && bed.rows.sequence[i] == i && bed.rows.trainPackets[i] == 10 &&
          bed.rows.run[i] == 1);
  CHECK(bed.rows.train[10] == 0 && bed.rows.run[10] == 2 && bed.rows.run[11] == 3);

  // A peer that sends trains without end: whole ones only, as many as its share holds.
  Bed greedy;
  greedy.link.setRate(1'000);
  for (uint32_t number = 1; number <= 100; number++) greedy.train(number, TRAIN_PACKETS);
  greedy.flush();
  CHECK(greedy.rows.rows() == static_cast<size_t>(TRAIN_RECORD_BURST) / TRAIN_PACKETS * TRAIN_PACKETS);
}

void allLinksTogether() {
  Bed bed;
  std::vector<LinkRecord> links;
  for (uint32_t id = 0; id < 10; id++) links.emplace_back(bed.recorder, id).setRate(20'000);
  for (uint32_t i = 0; i < 1'000; i++)
    for (auto& link : links) link.traffic(i, bed.receipt);
  bed.flush();
  CHECK(bed.rows.rows() == static_cast<size_t>(RECORD_BURST));
}

void trainCodec(std::mt19937_64& random) {
  for (int i = 0; i < 100'000; i++) {
    std::vector<uint8_t> body(random() % 12);
    for (auto& octet : body) octet = static_cast<uint8_t>(random() % (i % 2 ? 256 : 3));
    TrainPlace at;
    if (readTrain(body.data(), body.size(), at))
      CHECK(body.size() >= TRAIN_BODY && at.train != 0 && at.place < at.packets &&
            at.packets <= TRAIN_PACKETS);
  }
  uint8_t body[TRAIN_BODY];
  writeTrain(body, {0x01020304, 7, 256});
  const uint8_t expected[TRAIN_BODY] = {1, 2, 3, 4, 0, 7, 1, 0};
  CHECK(std::memcmp(body, expected, sizeof body) == 0);
  TrainPlace at;
  CHECK(readTrain(body, sizeof body, at) && at.train == 0x01020304 && at.place == 7 && at.packets == 256);
}

// Kernel stamps are of the wall clock; ours count from when the plane opened.
void arrivalClock() {
  ArrivalClock clock;
  timespec wall;
  clock_gettime(CLOCK_REALTIME, &wall);
  const auto wallNs =
      static_cast<uint64_t>(wall.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(wall.tv_nsec);
  clock.adjust();
  const double at = clock.sinceOpenNs(wallNs), later = clock.sinceOpenNs(wallNs + 7),
               present = clock.sinceOpenNs(0);
  CHECK(later - at == 7 && at > -1e6 && present >= at - 1e5);
}

}  // namespace

int main() {
  auto random = seeded();
  sequenceAgainstOracle(random);
  sequenceEdges();
  runsAreWholeAndUnbroken();
  trainsAreWholeOrNothing();
  allLinksTogether();
  trainCodec(random);
  arrivalClock();
  std::puts("record: ok");
}
