#include "link.hpp"

#include <algorithm>

#include "links.hpp"

namespace vnet {

namespace {
// Between three quarters and the whole, so that many links do not dial in step.
uint64_t jittered(uint64_t ns) { return ns - ns / 4 * (random32() % 1024) / 1024; }
}  // namespace

Link::Link(LinkConfig config, Links& links)
    : config_(std::move(config)),
      links_(links),
      timer_(links.loop(), [this] { onTimer(); }),
      record_(links.recorder(), config_.id) {}

void Link::start() {
  if (config_.dial) {
    beginDialling();
    nextAttemptNs_ += FIRST_DIAL_NS;
  }
  schedule();
}

void Link::stop() {
  if (session_) {
    uint8_t body[PROOF_BODY];
    writeProof(body, Type::bye, config_.wireId, config_.secret, session_->mine, session_->theirs);
    sendControl(Type::bye, body, sizeof body, session_->theirs.session, session_->origin);
    links_.unbind(session_->mine.session);
    if (session_->origin.connection) links_.drop(*session_->origin.connection);
    session_.reset();
  }
  if (dialConnection_) links_.drop(*dialConnection_);
  dialConnection_ = nullptr;
  dialling_ = false;
  timer_.cancel();
}

// ---- time

void Link::onTimer() {
  const uint64_t now = links_.loop().now();
  if (session_) {
    if (now - session_->heardNs >= config_.deadAfterNs) {
      down("no answer from " + remote() + " for " + std::to_string(config_.deadAfterMs) + " ms");
    } else {
      if (now >= session_->nextPingNs) ping();
      if (session_->dialledHere && !session_->confirmed && now >= session_->nextDoneNs) sendDone();
      if (!config_.tcp && path_.tick(now, [this](uint16_t size) { return probe(size); }))
        links_.pathChanged(*this);
    }
  } else if (dialling_) {
    if (dialConnection_) {
      if (now - attemptNs_ >= config_.deadAfterNs)
        giveUpConnection("no answer from " + config_.dial->text() + " for " +
                         std::to_string(config_.deadAfterMs) + " ms");
    } else if (now >= nextAttemptNs_) {
      dial();
    }
    if (!config_.tcp && now - dialSinceNs_ >= config_.deadAfterNs && !silenceTold_) {
      silenceTold_ = true;
      report(false, "no answer from " + config_.dial->text() + " for " + std::to_string(config_.deadAfterMs) +
                        " ms");
    }
  }
  schedule();
}

void Link::schedule() {
  uint64_t next = UINT64_MAX;
  if (session_) {
    next = std::min(session_->heardNs + config_.deadAfterNs, session_->nextPingNs);
    if (session_->dialledHere && !session_->confirmed) next = std::min(next, session_->nextDoneNs);
    if (!config_.tcp) next = std::min(next, path_.nextNs());
  } else if (dialling_) {
    next = dialConnection_ ? attemptNs_ + config_.deadAfterNs : nextAttemptNs_;
    if (!config_.tcp && !silenceTold_) next = std::min(next, dialSinceNs_ + config_.deadAfterNs);
  }
  if (next == UINT64_MAX) timer_.cancel();
  else timer_.at(next);
}

// ---- dialling

void Link::beginDialling() {
  dialling_ = true;
  silenceTold_ = false;
  dialSinceNs_ = nextAttemptNs_ = links_.loop().now();
  backoffNs_ = BACKOFF_FIRST_NS;
  dialShare_ = {config_.initiator, links_.newSession(), {}};
  randomBytes(dialShare_.nonce.data(), dialShare_.nonce.size());
}

void Link::dial() {
  const uint64_t now = links_.loop().now();
  attemptNs_ = now;
  nextAttemptNs_ = now + jittered(backoffNs_);
  backoffNs_ = std::min(backoffNs_ * 2, std::max(config_.backoffCapNs, BACKOFF_FIRST_NS));
  if (!config_.tcp) return sendHello();
  randomBytes(dialShare_.nonce.data(), dialShare_.nonce.size());
  std::string reason;
  dialConnection_ = links_.connect(*this, *config_.dial, reason);
  if (!dialConnection_) report(false, reason);
}

void Link::giveUpConnection(const std::string& reason) {
  links_.drop(*dialConnection_);
  dialConnection_ = nullptr;
  report(false, reason);
}

void Link::onConnected(TcpConnection& connection) {
  if (dialConnection_ == &connection) sendHello();
}

void Link::onClosed(TcpConnection& connection, const std::string& reason) {
  if (session_ && session_->origin.connection == &connection) {
    session_->origin.connection = nullptr;  // closed already
    down(reason);
  } else if (dialConnection_ == &connection) {
    dialConnection_ = nullptr;
    report(false, reason);
  }
  schedule();
}

void Link::sendHello() {
  uint8_t body[HELLO_BODY];
  writeHello(body, Type::hello, config_.wireId, config_.secret, dialShare_, nullptr);
  sendControl(Type::hello, body, sizeof body, 0, Origin{dialConnection_, *config_.dial});
}

void Link::sendDone() {
  uint8_t body[PROOF_BODY];
  writeProof(body, Type::helloDone, config_.wireId, config_.secret, session_->mine, session_->theirs);
  sendControl(Type::helloDone, body, sizeof body, session_->theirs.session, session_->origin);
  session_->nextDoneNs = links_.loop().now() + BACKOFF_FIRST_NS;
}

// ---- the handshake, from the other end

void Link::onHandshake(const Header& header, const uint8_t* body, size_t length, const Origin& origin) {
  if (header.type == Type::hello) onHello(body, length, origin);
  else if (header.type == Type::helloAck) onHelloAck(body, length, origin);
  else onHelloDone(body, length, origin);
}

void Link::onHello(const uint8_t* body, size_t length, const Origin& origin) {
  HalfOpen fresh;
  // Our own HELLO, sent back to us, would carry a proof that holds.
  if (!readHello(body, length, Type::hello, config_.secret, nullptr, fresh.theirs) ||
      fresh.theirs.nonce == dialShare_.nonce)
    return links_.sink().linkDrop(this, Drop::handshake);
  if (origin.connection) links_.adopt(*origin.connection, *this);
  forgetHalfOpen(HALF_OPEN, origin);
  auto half = std::find_if(halfOpen_.begin(), halfOpen_.end(), [&](const HalfOpen& other) {
    return other.origin == origin && other.theirs.nonce == fresh.theirs.nonce &&
           other.theirs.session == fresh.theirs.session;
  });
  if (half == halfOpen_.end()) {
    fresh.origin = origin;
    fresh.mine = {config_.initiator, links_.newSession(), {}};
    randomBytes(fresh.mine.nonce.data(), fresh.mine.nonce.size());
    fresh.sinceNs = links_.loop().now();
    forgetHalfOpen(HALF_OPEN - 1, origin);
    half = halfOpen_.insert(halfOpen_.end(), fresh);
  }
  half->askedNs = links_.loop().now();
  uint8_t reply[HELLO_BODY];
  writeHello(reply, Type::helloAck, config_.wireId, config_.secret, half->mine, &half->theirs);
  sendControl(Type::helloAck, reply, sizeof reply, 0, origin);
}

// Lets go of what is too old (an answer kept back for long must not replace a session of today), and of any
// beyond `keep`, with their connections: recorded HELLOs buy a stranger no more than these places. Which one
// goes is left to chance, so that a stranger who repeats them cannot be sure to push out an honest peer.
void Link::forgetHalfOpen(size_t keep, const Origin& origin) {
  const uint64_t now = links_.loop().now();
  while (!halfOpen_.empty()) {
    const bool old = now - halfOpen_.front().sinceNs >= HALF_OPEN_NS;  // they are in order of age
    if (!old && halfOpen_.size() <= keep) return;
    const auto gone = halfOpen_.begin() + (old ? 0 : static_cast<long>(random32() % halfOpen_.size()));
    TcpConnection* connection = gone->origin.connection;
    halfOpen_.erase(gone);
    const bool inUse = std::any_of(halfOpen_.begin(), halfOpen_.end(), [&](const HalfOpen& other) {
      return other.origin.connection == connection;
    });
    if (connection && !inUse && connection != origin.connection && connection != dialConnection_ &&
        !(session_ && session_->origin.connection == connection))
      links_.drop(*connection);
  }
}

void Link::onHelloAck(const uint8_t* body, size_t length, const Origin& origin) {
  Share theirs;
  if (!readHello(body, length, Type::helloAck, config_.secret, &dialShare_, theirs))
    return links_.sink().linkDrop(this, Drop::handshake);
  if (session_ && session_->mine.session == dialShare_.session) {  // a repeated answer
    if (!session_->confirmed) sendDone();
    return;
  }
  if (!dialling_ || (config_.tcp && origin.connection != dialConnection_))
    return;  // the other side's dial has won
  Session session;
  session.mine = dialShare_;
  session.theirs = theirs;
  session.origin = origin;
  session.dialledHere = true;
  session.byInitiator = config_.initiator;
  establish(std::move(session), links_.loop().now() - attemptNs_);
  sendDone();
  ping();
  schedule();
}

void Link::onHelloDone(const uint8_t* body, size_t length, const Origin& origin) {
  if (session_ && session_->origin == origin &&
      checkProof(body, length, Type::helloDone, config_.secret, session_->theirs, session_->mine))
    return ping();  // a repeated HELLO_DONE: the ping is what confirms
  forgetHalfOpen(HALF_OPEN, origin);
  const auto half = std::find_if(halfOpen_.begin(), halfOpen_.end(), [&](const HalfOpen& other) {
    return other.origin == origin &&
           checkProof(body, length, Type::helloDone, config_.secret, other.theirs, other.mine);
  });
  if (half == halfOpen_.end()) return links_.sink().linkDrop(this, Drop::handshake);
  const HalfOpen proved = *half;
  halfOpen_.erase(half);
  const uint64_t now = links_.loop().now();
  if (session_ && session_->byInitiator && !proved.theirs.initiator &&
      now - session_->sinceNs < TIE_WINDOW_NS) {
    // Both dialled at once, and the initiator's session is there already.
    if (origin.connection) links_.drop(*origin.connection);
    return;
  }
  Session session;
  session.mine = proved.mine;
  session.theirs = proved.theirs;
  session.origin = origin;
  session.byInitiator = proved.theirs.initiator;
  session.confirmed = true;
  establish(std::move(session), now - proved.askedNs);
  ping();
  schedule();
}

void Link::establish(Session session, uint64_t rttNs) {
  const uint64_t now = links_.loop().now();
  if (session_) {
    links_.unbind(session_->mine.session);
    TcpConnection* old = session_->origin.connection;
    if (old && old != session.origin.connection) links_.drop(*old);
  }
  TcpConnection* kept = session.origin.connection;
  if (dialConnection_ && dialConnection_ != kept) links_.drop(*dialConnection_);
  dialConnection_ = nullptr;
  dialling_ = false;
  if (kept && kept->deadline) kept->deadline->cancel();
  session.sinceNs = session.heardNs = session.nextPingNs = now;
  session_ = std::move(session);
  window_.restart();
  record_.restart();
  links_.bind(session_->mine.session, *this);
  rttNs_ = rttNs;
  path_.start(now);
  links_.pathChanged(*this);
  report(true, "connected");
}

void Link::down(const std::string& reason) {
  links_.unbind(session_->mine.session);
  TcpConnection* connection = session_->origin.connection;
  if (connection) links_.drop(*connection);
  const bool brief = links_.loop().now() - session_->sinceNs < STEADY_NS;
  session_.reset();
  rttNs_ = 0;
  links_.pathChanged(*this);
  reported_.clear();
  report(false, reason);
  reported_ = reason;
  if (config_.dial) {
    const uint64_t backoffNs = backoffNs_;
    beginDialling();
    // A link that comes and goes is damped: the back-off goes on from where it was.
    if (brief && backoffNs != 0) {
      backoffNs_ = backoffNs;
      nextAttemptNs_ += jittered(backoffNs);
    } else {
      nextAttemptNs_ += BACKOFF_FIRST_NS - jittered(BACKOFF_FIRST_NS);
    }
  }
  schedule();
}

// A link that stays down says so once for each reason.
void Link::report(bool up, const std::string& reason) {
  if (!up && reported_ == reason) return;
  reported_ = up ? "" : reason;
  links_.sink().linkState(*this, up, reason, remote());
}

std::string Link::remote() const {
  if (session_) return session_->origin.address.text();
  return config_.dial ? config_.dial->text() : "";
}

}  // namespace vnet
