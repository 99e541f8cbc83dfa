// What counting a frame for its pair costs the data plane: the hash, the look-up and two additions, nothing else.
//   pair_counters PAIRS     prints nanoseconds a frame, frames of PAIRS pairs in random order
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../../native/src/counters.hpp"

int main(int argc, char** argv) {
  const size_t pairs = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 64;
  constexpr size_t FRAMES = 20'000'000, ORDER = 1 << 16;
  vnet::PairCounters counters;
  std::vector<vnet::PairKey> order;
  uint64_t state = 1;
  for (size_t i = 0; i < ORDER; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const uint64_t pair = (state >> 33) % pairs;
    order.push_back({1, 0x020000000000 + pair, 0x020000010000 + pair * 7});
  }
  // Keys alone, for what the loop itself costs.
  uint64_t sum = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (size_t i = 0; i < FRAMES; i++) sum += order[i & (ORDER - 1)].source;
  const auto middle = std::chrono::steady_clock::now();
  for (size_t i = 0; i < FRAMES; i++) counters.entered(order[i & (ORDER - 1)], 1500);
  const auto end = std::chrono::steady_clock::now();
  const auto ns = [](auto from, auto to) { return std::chrono::duration<double, std::nano>(to - from).count(); };
  std::printf("%.2f\n", (ns(middle, end) - ns(begin, middle)) / FRAMES + (sum == 1 ? 1 : 0));
}
