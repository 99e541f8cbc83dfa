// An echo: a frame with the ECHO flag, answered where it would leave at a port. The codec of its octets, and
// the table of those that wait for their answer. I/O thread only.
//
//   destination 6 | source 6 | Ethernet type 2 | kind 1 | hops 1 | token 8 | zeros up to the size
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bytes.hpp"
#include "frame.hpp"
#include "limits.hpp"
#include "table.hpp"
#include "wire.hpp"

namespace vnet {

constexpr uint16_t ECHO_ETHERNET_TYPE =
    0x88b5;  // local experimental (IEEE 802); the flag marks an echo, not this
constexpr size_t ECHO_BYTES = ETHERNET_BYTES + 10;

enum class EchoKind : uint8_t { request = 1, answer = 2 };

struct Echo {
  EchoKind kind = EchoKind::request;
  uint8_t hops = 0;    // of an answer: links that the request crossed
  uint64_t token = 0;  // random, so that only who saw the request can answer it
};

// Writes ECHO_BYTES octets.
void writeEcho(uint8_t* frame, uint64_t destination, uint64_t source, const Echo& echo);
// False: too short, no such kind, or a group address at either end.
bool readEcho(const uint8_t* frame, size_t length, Echo& out);
// The answer to a request: the same octets, addresses swapped.
std::vector<uint8_t> answerTo(const uint8_t* request, size_t length, uint64_t token, uint8_t hops);

struct EchoRequest {
  uint32_t echo = 0;  // the caller's number
  uint32_t port = 0, network = 0;
  uint64_t source = 0, destination = 0;
  uint32_t bytes = 0;
};

class EchoesWaiting {
 public:
  // The token to send. Of too many, one that has waited long is given up.
  uint64_t open(const EchoRequest& request, uint64_t nowNs);
  struct Answered {
    uint32_t echo = 0;
    uint64_t rttNs = 0;
  };
  // An answer that would leave at `port`: is it to one that waits?
  bool close(const Frame& answer, uint64_t token, uint32_t port, uint64_t nowNs, Answered& out);

 private:
  struct Token {
    uint64_t value = 0;
    bool operator==(const Token&) const = default;
    uint64_t hash() const { return mix(value, 0); }
  };
  struct Waiting {
    EchoRequest request;
    uint64_t sentNs = 0;
  };
  Table<Token, Waiting> waiting_{ECHOES_WAITING};
};

}  // namespace vnet
