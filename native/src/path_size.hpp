// How large a datagram the path of one UDP session carries: padded probes, in the manner of RFC 8899
// (DPLPMTUD). A search sends every candidate above the known size, a few rounds; the largest that is answered
// holds. Now and then the known size is confirmed, and lost confirmations lower it. Pure: the caller sends
// and keeps the time.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "limits.hpp"

namespace vnet {

// Sizes after the IP and UDP headers: 1232 fits every IPv6 path (1280 octets; RFC 8200 section 5), 1452 and
// 1472 Ethernet, 8952 and 8972 jumbo frames; 548 is what IPv4 hosts must accept (RFC 791: 576 octets).
constexpr std::array<uint16_t, 10> PATH_SIZES = {548, 1232, 1352, 1392, 1412, 1432, 1452, 1472, 8952, 8972};
constexpr uint16_t PATH_SAFE = 1232;
constexpr int PATH_ROUNDS = 3;
constexpr uint64_t PATH_ROUND_NS = 250 * MS;
constexpr uint64_t PATH_CONFIRM_NS = 1'000 * MS;
constexpr uint64_t PATH_SEARCH_NS = 30'000 * MS;
constexpr int PATH_LOST = 3;

class PathSize {
 public:
  void start(uint64_t now);
  uint16_t size() const { return size_; }
  uint64_t nextNs() const { return next_; }
  // A probe of this size was answered. True: the known size has grown.
  bool answered(uint16_t size);
  // The probe being sent could not be: it says nothing about the path.
  void notSent() {
    if (unanswered_ > 0) unanswered_--;
  }
  // The system refused a datagram of this size. True: the known size has shrunk.
  bool refused(size_t size, uint64_t now);
  // Due at nextNs(): calls probe(size) for what is to be sent now; probe answers false when the system
  // refused that size. True: the known size has changed.
  template <class Probe>
  bool tick(uint64_t now, Probe&& probe) {
    if (now < next_) return false;
    if (round_ < PATH_ROUNDS) {
      for (const uint16_t size : PATH_SIZES)
        if (size > size_ && !probe(size)) break;  // the larger ones are refused as well
      if (++round_ == PATH_ROUNDS) searchAt_ = now + PATH_SEARCH_NS;
      next_ = now + PATH_ROUND_NS;
      return false;
    }
    const bool lost = unanswered_ >= PATH_LOST && lower(now);
    if (now >= searchAt_) round_ = 0;
    unanswered_++;
    probe(size_);
    next_ = now + (round_ == 0 ? 0 : PATH_CONFIRM_NS);
    return lost;
  }

 private:
  bool lower(uint64_t now);
  uint16_t size_ = PATH_SAFE;
  int round_ = 0;
  int unanswered_ = 0;
  uint64_t next_ = 0;
  uint64_t searchAt_ = 0;
};

}  // namespace vnet
