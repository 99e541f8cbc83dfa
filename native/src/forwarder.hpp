// The path of a frame, from where it comes in to where it leaves. ingress.cpp and egress.cpp hold the stages,
// in the order a frame meets them; forwarder.cpp what configures them. I/O thread only.
//
//   ingress, port:  1 size  2 guard or learning  3 MSS clamp  4 count the pair  5 stamp network, epoch, hop
//   limit ingress, link:  1 (unseal)  2 network  3 epoch  4 size both:           6 what waits for the same
//   key goes first  7 look up: actions, wait for an answer, or hold egress:         8 for each action:
//   ground, liveness, loop  9 port: join, deliver  10 edge: hop limit, split, (seal), send
#pragma once
#include <memory>
#include <unordered_map>
#include <vector>

#include "counters.hpp"
#include "echo.hpp"
#include "flow_cache.hpp"
#include "fragment.hpp"
#include "links.hpp"
#include "pending.hpp"
#include "port.hpp"
#include "up.hpp"

namespace vnet {

struct Network {
  uint32_t id = 0, mtu = 0, epoch = 0, oldestEpoch = 0;
  // `mtu` counts neither the Ethernet header nor a VLAN tag.
  size_t mostOctets(bool tagged) const { return size_t{mtu} + (tagged ? 18 : 14); }
};

struct FlowDelta {
  double generation = 0;
  std::vector<FlowScope> invalidate;
  std::vector<FlowEntry> install;
};

class Forwarder final : public PortSink, public LinkSink {
 public:
  Forwarder(Loop& loop, Up& up, Trains& trains);
  ~Forwarder() override;

  Links& links() { return links_; }
  void setNetwork(const Network& network) { networks_[network.id] = network; }
  void removeNetwork(uint32_t id);
  void openPort(std::unique_ptr<Port> port);
  void setPortMacs(uint32_t id, std::vector<uint64_t> macs);
  void closePort(uint32_t id);
  void removeEdge(uint32_t id);
  void applyFlows(FlowDelta delta);
  void sendEcho(const EchoRequest& request);
  void announce(uint32_t port, uint64_t source);
  // Copies of what leaves by the port are kept for recall().
  void keepSent(uint32_t port, bool kept);
  // What its reader had not read `agoNs` ago waits again, before what waits already.
  void recall(uint32_t port, uint64_t agoNs);
  // Copies the counters and sends them up with `ticket`.
  void reportSnapshot(uint64_t ticket);
  // Sends what this turn has queued.
  void flush();

  // ingress.cpp
  void fromPort(Port& port, uint8_t* frame, size_t length) override;
  void fromLink(Link& link, const Header& header, const uint8_t* end, size_t length) override;

  void portState(Port& port, bool up, const std::string& reason) override;
  void portDrop(Port& port, Drop reason) override;
  void linkState(Link& link, bool up, const std::string& reason, const std::string& remote) override;
  void linkNote(Link& link, const uint8_t* note, size_t length) override;
  void linkDrop(Link* link, Drop reason) override;

 private:
  struct Learnt {
    uint64_t mac;
    uint32_t network;
    bool operator==(const Learnt&) const = default;
    uint64_t hash() const { return mix(mac, network); }
  };
  struct LearntAt {
    uint32_t port;
    uint64_t reported;
  };

  // ingress.cpp
  bool admit(Port& port, const uint8_t* frame, size_t length);
  size_t clampOctets(const Network& network) const;
  void enter(const Frame& frame);
  void wait(const FlowKey& key, const Frame& frame);
  bool ask(WaitingQueue& queue, const FlowKey& key, uint32_t epoch);
  bool mayMiss(uint32_t ingress);

  // hold.cpp
  void hold(const Frame& frame, const Action& action, bool copy);
  void countHeld(WaitingFrame& waiting, const std::optional<uint32_t>& port);
  void dropHeld(const Frame& frame, Drop reason, const std::optional<uint32_t>& port);
  void drain(const FlowKey& key);
  bool decideAgain(WaitingQueue& queue, WaitingFrame& waiting, const Actions& actions);

  void lookAtSent();
  void recallOne(Port& port, SentFrame sent, std::vector<FlowKey>& fresh);

  // egress.cpp
  void act(const Frame& frame, const Actions& actions);
  void toGround(const Frame& frame);
  bool toEdge(const Frame& frame, uint32_t edge);
  bool join(const Frame& piece, Frame& whole);
  void toPort(const Frame& frame, uint32_t port);
  void deliver(Port& port, const Frame& frame);

  // forwarder_echo.cpp
  void enterEcho(const std::vector<uint8_t>& octets, uint32_t network, uint32_t port);
  void enterOwn(const std::vector<uint8_t>& octets, uint32_t network, uint32_t port, bool echo);
  void echoArrived(const Frame& frame, uint32_t port);

  void drop(const Frame& frame, Drop reason);
  void count(Drop reason) { drops_[static_cast<size_t>(reason)]++; }

  Loop& loop_;
  Up& up_;
  std::unordered_map<uint32_t, Network> networks_;
  std::unordered_map<uint32_t, std::unique_ptr<Port>> ports_;
  std::unordered_map<uint32_t, TokenBucket> edgeMisses_, echoAnswers_;
  Links links_;
  FlowCache flows_;
  Pending pending_;
  Joiner joiner_;
  EchoesWaiting echoes_;
  PairCounters pairs_;
  Table<Learnt, LearntAt> learnt_{LEARNT_SOURCES};
  DropCounts drops_{};
  double generation_ = 0;
  std::vector<Port*> dirty_;
  Timer pendingTimer_, joinTimer_, sentTimer_;
};

}  // namespace vnet
