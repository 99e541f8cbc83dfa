// The connections of one rank. The higher rank of two dials, again and again until the other one listens, so
// processes may start in any order. A neighbour that is a phase ahead may have dialled already: it waits in `early_`.
#pragma once

#include <memory>

#include "connection.hpp"
#include "settings.hpp"

namespace patterns {

// A neighbour cannot be had; `culprit` is the rank that everything goes back to, as far as it is known here.
struct PeerLost : std::runtime_error {
  PeerLost(Rank rank, const std::string& what) : std::runtime_error(what), culprit(rank) {}
  Rank culprit;
};

// It was here and went away: it, or whoever it waited for, knows the cause.
struct PeerGone : PeerLost {
  using PeerLost::PeerLost;
};

class Links {
 public:
  using OnFrame = std::function<void(const Header&)>;

  explicit Links(const Settings& settings);
  ~Links();

  // Dials and accepts until there is a connection to every neighbour. `onWait` is called now and then meanwhile.
  // Throws when the time for that is over.
  void open(Rank phase, const std::vector<Rank>& neighbours, const std::function<void()>& onWait);

  // Queues; poll and flush write. Throws std::logic_error without a connection.
  void send(Rank to, const Header& header);
  // Waits for traffic at most this long and works on it. Throws PeerLost.
  void poll(int64_t waitNanos, const OnFrame& onFrame);
  // Writes what can be written at once; true if nothing is left.
  bool flush();
  // Says goodbye to every neighbour and closes.
  void closePhase(const std::function<void()>& onWait);
  // Tells every neighbour that this run fails, and why, as well as it goes.
  void abandon(Rank culprit) noexcept;

  const std::map<Rank, std::unique_ptr<Connection>>& current() const { return current_; }
  std::string name(Rank rank) const;

 private:
  struct Attempt {
    Rank peer;
    int64_t until;  // then it is given up and made again
  };

  void listen();
  void redial(int64_t now);
  void dial(Rank peer);
  void dialDone(int fd);
  void acceptAll();
  void greet(int fd);
  void adoptEarly();
  void adopt(Rank peer, std::unique_ptr<Connection> connection);
  void receive(Connection& connection, const OnFrame& onFrame);
  void watch(int fd, uint32_t events, bool isNew);
  void watchWriting();
  void setUp(int fd) const;
  [[noreturn]] void notConnected(const std::vector<Rank>& neighbours) const;

  const Settings& settings_;
  int epoll_ = -1, listener_ = -1;
  Rank phase_ = 0;
  std::map<Rank, std::unique_ptr<Connection>> current_;
  std::map<int, Rank> rankOf_;                               // of current_, by descriptor
  std::map<int, std::unique_ptr<Connection>> strangers_;     // accepted, not yet greeted
  std::map<std::pair<Rank, Rank>, std::unique_ptr<Connection>> early_;  // by phase and rank
  std::map<int, Attempt> attempts_;
  std::map<Rank, int64_t> redialAt_;
  int lastError_ = 0;
};

}  // namespace patterns
