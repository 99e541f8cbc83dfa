#include "echo.hpp"

#include <cstring>

#include "sys.hpp"

namespace vnet {

namespace {
void storeMac(uint8_t* p, uint64_t mac) {
  store16(p, static_cast<uint16_t>(mac >> 32));
  store32(p + 2, static_cast<uint32_t>(mac));
}
}  // namespace

void writeEcho(uint8_t* frame, uint64_t destination, uint64_t source, const Echo& echo) {
  storeMac(frame, destination);
  storeMac(frame + 6, source);
  store16(frame + 12, ECHO_ETHERNET_TYPE);
  frame[14] = static_cast<uint8_t>(echo.kind);
  frame[15] = echo.hops;
  store64(frame + 16, echo.token);
}

bool readEcho(const uint8_t* frame, size_t length, Echo& out) {
  if (length < ECHO_BYTES || isGroupMac(loadMac(frame)) || isGroupMac(loadMac(frame + 6))) return false;
  if (frame[14] != static_cast<uint8_t>(EchoKind::request) &&
      frame[14] != static_cast<uint8_t>(EchoKind::answer))
    return false;
  out = {static_cast<EchoKind>(frame[14]), frame[15], load64(frame + 16)};
  return true;
}

std::vector<uint8_t> answerTo(const uint8_t* request, size_t length, uint64_t token, uint8_t hops) {
  std::vector<uint8_t> answer(request, request + length);
  writeEcho(answer.data(), loadMac(request + 6), loadMac(request), {EchoKind::answer, hops, token});
  return answer;
}

uint64_t EchoesWaiting::open(const EchoRequest& request, uint64_t nowNs) {
  Token token;
  do randomBytes(&token.value, sizeof token.value);
  while (waiting_.find(token));
  waiting_.insert(token) = {request, nowNs};
  return token.value;
}

bool EchoesWaiting::close(const Frame& answer, uint64_t token, uint32_t port, uint64_t nowNs, Answered& out) {
  const Waiting* found = waiting_.find({token});
  if (!found) return false;
  const EchoRequest& asked = found->request;
  if (asked.port != port || asked.network != answer.network || asked.source != answer.destination() ||
      asked.destination != answer.source())
    return false;
  out = {asked.echo, nowNs - found->sentNs};
  waiting_.erase({token});
  return true;
}

}  // namespace vnet
