// Sends trains: packets of given sizes at given distances, each by a system call of its own, so that neither
// GSO nor the batches of the I/O thread blur their times.
//
//   JavaScript thread      I/O thread              measuring thread
//   send() --jobs_---------------------------------> sleeps until shortly before each packet,
//                          setPath() --paths_-->     waits the rest out on the CPU, stamps, sends
//
// paths_, jobs_ and busy_ are behind mutex_; a path holds a duplicate of the UDP descriptor, so the socket
// may go while a train leaves. The thread starts with the first train; stop() ends it within a packet and
// joins it.
#pragma once
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "sys.hpp"

namespace vnet {

// Where a live UDP link's datagrams go.
struct TrainPath {
  uint32_t link = 0;
  std::shared_ptr<const Fd> socket;
  int family = 0;
  Address to;
  uint32_t session = 0;
  size_t datagramBytes = 0;  // the most that the path carries
};

struct Train {
  uint32_t link = 0, number = 0;
  std::vector<uint32_t> sizes;   // as the underlay carries them
  std::vector<uint64_t> gapsNs;  // one less
};

class Trains {
 public:
  Trains() = default;
  ~Trains() { stop(); }
  // Queues it. Throws PlaneError: no live UDP link, one that is sending a train, a size that its path does
  // not carry.
  void send(Train train);
  void setPath(TrainPath path);
  void forgetPath(uint32_t link);
  void stop();

 private:
  struct Job {
    Train train;
    TrainPath path;
  };
  void start();
  void run();
  void leave(const Job& job);
  static uint16_t batchEnd(const Train& train, uint16_t from);
  static void sendBatch(int socket, std::vector<uint8_t>& octets, size_t length, const sockaddr* to, socklen_t toLength);
  bool waitUntil(uint64_t dueNs) const;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<uint32_t, TrainPath> paths_;  // of live UDP links
  std::deque<Job> jobs_;
  std::set<uint32_t> busy_;  // links whose train waits or leaves
  bool stopping_ = false;
  Fd stop_;  // an eventfd, readable for ever once stop() was called
  std::thread thread_;
};

}  // namespace vnet
