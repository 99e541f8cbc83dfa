// What arrives on UDP links, row by row, for Wren. Runs of traffic are unbroken; a train is a run of its own.
// The rows of all links go up together, at most every RECORD_FLUSH_NS. Bounded: rows a second of each link
// (as configured), of its trains, and of all together. I/O thread only.
#pragma once
#include <bitset>
#include <functional>
#include <vector>

#include "arrival_clock.hpp"
#include "counters.hpp"
#include "loop.hpp"
#include "train.hpp"
#include "wire.hpp"

namespace vnet {

struct ArrivalRow {
  uint32_t link = 0, run = 0, train = 0, trainPackets = 0, sequence = 0, bytes = 0;
  double sentNs = 0, arrivedNs = 0;
};

struct ArrivalColumns {
  std::vector<uint32_t> link, run, train, trainPackets, sequence, bytes;
  std::vector<double> sentNs, arrivedNs;
  size_t rows() const { return link.size(); }
  void add(const ArrivalRow& row);
  void add(const ArrivalColumns& more);
};

// All links together.
class Recorder {
 public:
  // up(columns): false where they cannot be taken, and are lost.
  using UpArrivals = std::function<bool(const ArrivalColumns&)>;
  Recorder(Loop& loop, UpArrivals up);
  uint64_t now() const { return loop_.now(); }
  bool take(double rows) { return total_.take(loop_.now(), rows); }
  void add(const ArrivalRow& row);
  // Changes when rows were lost on their way up: no run goes on across that.
  uint32_t era() const { return era_; }

  ArrivalClock clock;

 private:
  void flush();
  Loop& loop_;
  UpArrivals up_;
  TokenBucket total_{RECORDS_PER_SECOND, RECORD_BURST};
  ArrivalColumns waiting_;
  Timer timer_;
  uint32_t era_ = 0;
};

// A datagram of a link, when it is recorded.
struct Receipt {
  uint64_t timestampNs = 0;  // the sender's
  uint64_t wallNs = 0;       // the kernel's stamp
  size_t bytes = 0;          // IP and UDP headers included
};

// One link's share.
class LinkRecord {
 public:
  LinkRecord(Recorder& recorder, uint32_t link) : recorder_(recorder), link_(link) {}
  // 0: nothing, not even trains.
  void setRate(double recordsPerSecond);
  bool on() const { return on_; }
  // A new session: its clock is another's.
  void restart();
  void traffic(uint32_t sequence, const Receipt& receipt);
  void train(const TrainPlace& at, const Receipt& receipt);
  // Something that is not recorded arrived: the run is over.
  void interrupt();

 private:
  void add(uint32_t run, const TrainPlace& train, uint32_t sequence, const Receipt& receipt);
  bool beginTrain(const TrainPlace& at);

  Recorder& recorder_;
  uint32_t link_;
  bool on_ = false;
  double arrivedNs_ = 0;  // of the last row
  TokenBucket bucket_{0, 0}, trains_{TRAIN_RECORDS_PER_SECOND, TRAIN_RECORD_BURST};
  uint32_t runs_ = 0;
  uint32_t run_ = 0;  // 0: none goes on
  uint32_t runRows_ = 0, runEra_ = 0;
  TrainPlace train_;
  uint32_t trainRun_ = 0;  // 0: this train is not recorded
  uint32_t trainEra_ = 0;
  uint64_t trainNs_ = 0;
  std::bitset<TRAIN_PACKETS> trainSeen_;
};

}  // namespace vnet
