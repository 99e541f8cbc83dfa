// Frames that the plane makes itself, at the ports (see forwarder.hpp): echoes, of which none is given to a device,
// and announcements. In between they are frames like any other. No pair counts them and no port learns from them.
// I/O thread only.
#include "announcement.hpp"
#include "echo.hpp"
#include "forwarder.hpp"

namespace vnet {

void Forwarder::sendEcho(const EchoRequest& request) {
  std::vector<uint8_t> octets(request.bytes);
  writeEcho(octets.data(), request.destination, request.source,
            {EchoKind::request, 0, echoes_.open(request, nowNs())});
  enterEcho(octets, request.network, request.port);
}

void Forwarder::enterEcho(const std::vector<uint8_t>& octets, uint32_t network, uint32_t port) {
  enterOwn(octets, network, port, true);
}

void Forwarder::announce(uint32_t port, uint64_t source) {
  const auto found = ports_.find(port);
  if (found == ports_.end()) return count(Drop::portClosed);
  enterOwn(announcementOf(source), found->second->network(), port, false);
}

// As fromPort() from its stage 5 on.
void Forwarder::enterOwn(const std::vector<uint8_t>& octets, uint32_t network, uint32_t port, bool echo) {
  Frame frame;
  frame.data = octets.data();
  frame.length = static_cast<uint32_t>(octets.size());
  frame.network = network;
  frame.ingress = port;
  frame.hopLimit = FIRST_HOP_LIMIT;
  frame.fromPort = true;
  frame.echo = echo;
  const auto found = networks_.find(network);
  if (found == networks_.end()) return drop(frame, Drop::unknownNetwork);
  if (ports_.find(port) == ports_.end()) return drop(frame, Drop::portClosed);
  frame.epoch = found->second.epoch;
  enter(frame);
}

// An echo that would leave at `port`: a request is answered from there, an answer is told.
void Forwarder::echoArrived(const Frame& frame, uint32_t port) {
  Echo echo;
  if (!readEcho(frame.data, frame.length, echo)) return drop(frame, Drop::malformed);
  if (echo.kind == EchoKind::answer) {
    EchoesWaiting::Answered answered;
    if (!echoes_.close(frame, echo.token, port, nowNs(), answered)) return drop(frame, Drop::malformed);
    Event event;
    event.kind = Event::Kind::echo;
    event.id = answered.echo;
    event.rttUs = static_cast<uint32_t>(answered.rttNs / 1000);
    event.hops = echo.hops;
    up_.event(std::move(event));
    return;
  }
  auto& answers =
      echoAnswers_.try_emplace(frame.ingress, ECHO_ANSWERS_PER_SECOND, ECHO_ANSWER_BURST).first->second;
  if (!answers.take(loop_.now())) return drop(frame, Drop::noteRate);
  // The first link carries the first hop limit, and each relay takes one off.
  const auto hops = static_cast<uint8_t>(frame.fromPort ? 0 : FIRST_HOP_LIMIT - frame.hopLimit + 1);
  enterEcho(answerTo(frame.data, frame.length, echo.token, hops), frame.network, port);
}

}  // namespace vnet
