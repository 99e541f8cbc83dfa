#include "handshake.hpp"

#include <cstring>

#include "bytes.hpp"

namespace vnet {

namespace {
// What is hashed: type 1 | link id 8 | role 1 | session 4 | nonce 16 | [ other's session 4 | other's nonce 16
// ]
Tag proof(Type type, const uint8_t* id, const Secret& secret, const Share& from, const Share* to) {
  uint8_t text[50];
  text[0] = static_cast<uint8_t>(type);
  std::memcpy(text + 1, id, 8);
  text[9] = from.initiator ? ROLE_INITIATOR : 0;
  store32(text + 10, from.session);
  std::memcpy(text + 14, from.nonce.data(), 16);
  if (to) {
    store32(text + 30, to->session);
    std::memcpy(text + 34, to->nonce.data(), 16);
  }
  return sipHash128(secret, text, to ? 50 : 30);
}
}  // namespace

void writeHello(uint8_t* body, Type type, const LinkId& id, const Secret& secret, const Share& mine,
                const Share* theirs) {
  std::memcpy(body, id.data(), 8);
  body[8] = mine.initiator ? ROLE_INITIATOR : 0;
  body[9] = body[10] = body[11] = 0;
  store32(body + 12, mine.session);
  std::memcpy(body + 16, mine.nonce.data(), 16);
  const Tag tag = proof(type, id.data(), secret, mine, theirs);
  std::memcpy(body + 32, tag.data(), 16);
}

bool readHello(const uint8_t* body, size_t length, Type type, const Secret& secret, const Share* theirs,
               Share& out) {
  if (length < HELLO_BODY) return false;
  out.initiator = body[8] & ROLE_INITIATOR;
  out.session = load32(body + 12);
  std::memcpy(out.nonce.data(), body + 16, 16);
  const Tag tag = proof(type, body, secret, out, theirs);
  return equalTags(tag.data(), body + 32);
}

void writeProof(uint8_t* body, Type type, const LinkId& id, const Secret& secret, const Share& from,
                const Share& to) {
  std::memcpy(body, id.data(), 8);
  const Tag tag = proof(type, id.data(), secret, from, &to);
  std::memcpy(body + 8, tag.data(), 16);
}

bool checkProof(const uint8_t* body, size_t length, Type type, const Secret& secret, const Share& from,
                const Share& to) {
  if (length < PROOF_BODY) return false;
  const Tag tag = proof(type, body, secret, from, &to);
  return equalTags(tag.data(), body + 8);
}

bool readLinkId(const uint8_t* body, size_t length, LinkId& out) {
  if (length < 8) return false;
  std::memcpy(out.data(), body, 8);
  return true;
}

}  // namespace vnet
