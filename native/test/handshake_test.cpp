// SipHash against the reference implementation's vectors, and what the proofs cover.
#include <vector>

#include "../src/bytes.hpp"
#include "../src/handshake.hpp"
#include "check.hpp"

using namespace vnet;

int main() {
  // vectors.h of the reference implementation (github.com/veorq/SipHash, vectors_sip128): key 00..0f, input
  // 00..n-1.
  Secret key;
  for (uint8_t i = 0; i < 16; i++) key[i] = i;
  const uint8_t empty[16] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                             0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
  const uint8_t one[16] = {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44,
                           0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45};
  const uint8_t zero[1] = {0};
  CHECK(equalTags(sipHash128(key, nullptr, 0).data(), empty));
  CHECK(equalTags(sipHash128(key, zero, 1).data(), one));

  auto random = seeded();
  const LinkId id = {1, 2, 3, 4, 5, 6, 7, 8};
  Secret other = key;
  other[3] ^= 1;
  Share dialler{true, 0x11111111, {}}, acceptor{false, 0x22222222, {}};
  for (auto& octet : dialler.nonce) octet = static_cast<uint8_t>(random());
  for (auto& octet : acceptor.nonce) octet = static_cast<uint8_t>(random());

  uint8_t hello[HELLO_BODY], ack[HELLO_BODY], done[PROOF_BODY];
  Share read;
  writeHello(hello, Type::hello, id, key, dialler, nullptr);
  CHECK(readHello(hello, sizeof hello, Type::hello, key, nullptr, read));
  CHECK(read.initiator && read.session == dialler.session && read.nonce == dialler.nonce);
  CHECK(!readHello(hello, sizeof hello, Type::hello, other, nullptr, read));
  CHECK(!readHello(hello, sizeof hello - 1, Type::hello, key, nullptr, read));
  CHECK(!readHello(hello, sizeof hello, Type::helloAck, key, &acceptor,
                   read));  // not to be sent back as an answer

  writeHello(ack, Type::helloAck, id, key, acceptor, &dialler);
  CHECK(readHello(ack, sizeof ack, Type::helloAck, key, &dialler, read));
  Share later = dialler;
  later.nonce[0] ^= 1;
  CHECK(
      !readHello(ack, sizeof ack, Type::helloAck, key, &later, read));  // a recorded answer to another HELLO

  writeProof(done, Type::helloDone, id, key, dialler, acceptor);
  CHECK(checkProof(done, sizeof done, Type::helloDone, key, dialler, acceptor));
  CHECK(!checkProof(done, sizeof done, Type::bye, key, dialler, acceptor));
  CHECK(!checkProof(done, sizeof done, Type::helloDone, key, acceptor, dialler));
  CHECK(!checkProof(done, sizeof done, Type::helloDone, key, later, acceptor));

  for (size_t at = 0; at < sizeof hello; at++) {
    if (at >= 9 && at < 12) continue;  // reserved
    uint8_t changed[HELLO_BODY];
    std::memcpy(changed, hello, sizeof hello);
    changed[at] ^= 0x01;
    CHECK(!readHello(changed, sizeof changed, Type::hello, key, nullptr, read));
  }
  std::puts("handshake: ok");
}
