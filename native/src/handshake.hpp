// The messages by which two ends prove the link's secret to each other, as docs/wire.md has them. Pure:
// octets in, octets out. The proof covers both nonces, so a recorded message proves nothing later.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "siphash.hpp"
#include "wire.hpp"

namespace vnet {

using LinkId = std::array<uint8_t, 8>;
using Secret = std::array<uint8_t, 16>;
using Nonce = std::array<uint8_t, 16>;

// HELLO and HELLO_ACK:  link id 8 | role 1 | reserved 3 | session 4 | nonce 16 | proof 16
// HELLO_DONE and BYE:   link id 8 | proof 16
constexpr size_t HELLO_BODY = 48;
constexpr size_t PROOF_BODY = 24;
constexpr uint8_t ROLE_INITIATOR = 1;

// One end's share of a handshake.
struct Share {
  bool initiator = false;
  uint32_t session = 0;  // the number by which the other end shall address this one
  Nonce nonce{};
};

// `theirs` is nullptr for HELLO and the dialler's share for HELLO_ACK.
void writeHello(uint8_t* body, Type type, const LinkId& id, const Secret& secret, const Share& mine,
                const Share* theirs);
// The share that the message carries; false when its proof does not hold.
bool readHello(const uint8_t* body, size_t length, Type type, const Secret& secret, const Share* theirs,
               Share& out);
// HELLO_DONE comes from the dialler; BYE from either side.
void writeProof(uint8_t* body, Type type, const LinkId& id, const Secret& secret, const Share& from,
                const Share& to);
bool checkProof(const uint8_t* body, size_t length, Type type, const Secret& secret, const Share& from,
                const Share& to);
// The link that a handshake's message is about; false when too short.
bool readLinkId(const uint8_t* body, size_t length, LinkId& out);

}  // namespace vnet
