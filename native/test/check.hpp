// The smallest test harness: a failed check says where, and the program ends with 1.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <random>

#define CHECK(condition)                                                           \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                                \
    }                                                                              \
  } while (0)

// Seeded, so that a failure can be had again: VNET_SEED, or 1.
inline std::mt19937_64 seeded() {
  const char* seed = std::getenv("VNET_SEED");
  return std::mt19937_64(seed ? std::strtoull(seed, nullptr, 10) : 1);
}
