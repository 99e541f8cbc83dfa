#include "record.hpp"

#include <algorithm>

namespace vnet {

void ArrivalColumns::add(const ArrivalRow& row) {
  link.push_back(row.link);
  run.push_back(row.run);
  train.push_back(row.train);
  trainPackets.push_back(row.trainPackets);
  sequence.push_back(row.sequence);
  bytes.push_back(row.bytes);
  sentNs.push_back(row.sentNs);
  arrivedNs.push_back(row.arrivedNs);
}

void ArrivalColumns::add(const ArrivalColumns& more) {
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  append(link, more.link);
  append(run, more.run);
  append(train, more.train);
  append(trainPackets, more.trainPackets);
  append(sequence, more.sequence);
  append(bytes, more.bytes);
  append(sentNs, more.sentNs);
  append(arrivedNs, more.arrivedNs);
}

Recorder::Recorder(Loop& loop, UpArrivals up)
    : loop_(loop), up_(std::move(up)), timer_(loop, [this] { flush(); }) {}

void Recorder::add(const ArrivalRow& row) {
  waiting_.add(row);
  if (!timer_.armed()) timer_.at(loop_.now() + RECORD_FLUSH_NS);
}

void Recorder::flush() {
  if (!up_(waiting_)) era_++;
  waiting_ = ArrivalColumns{};
}

void LinkRecord::setRate(double recordsPerSecond) {
  on_ = recordsPerSecond > 0;
  // Bursts are what a run is for: a tenth of a second of them, and always one whole run.
  bucket_ = TokenBucket(recordsPerSecond, RUN_ROWS + recordsPerSecond / 10);
  run_ = trainRun_ = 0;
}

void LinkRecord::restart() {
  interrupt();
  train_ = TrainPlace{};
  trainRun_ = 0;
}

void LinkRecord::interrupt() {
  if (run_ == 0) return;
  run_ = 0;
  bucket_.give(RUN_ROWS - runRows_);
}

void LinkRecord::traffic(uint32_t sequence, const Receipt& receipt) {
  if (!on_) return;
  if (run_ != 0 && runEra_ != recorder_.era()) interrupt();
  if (run_ == 0) {
    // A run begins only when there is room for the whole of it: short ones tell nothing.
    if (!bucket_.take(recorder_.now(), RUN_ROWS)) return;
    run_ = ++runs_;
    runRows_ = 0;
    runEra_ = recorder_.era();
  }
  if (!recorder_.take(1)) return interrupt();
  add(run_, TrainPlace{}, sequence, receipt);
  if (++runRows_ == RUN_ROWS) run_ = 0;
}

// A train is recorded whole, or not at all: its rows are paid for in advance.
bool LinkRecord::beginTrain(const TrainPlace& at) {
  train_ = at;
  trainNs_ = recorder_.now();
  trainSeen_.reset();
  trainEra_ = recorder_.era();
  return trains_.take(trainNs_, at.packets) && recorder_.take(at.packets);
}

void LinkRecord::train(const TrainPlace& at, const Receipt& receipt) {
  if (!on_) return;
  interrupt();
  const bool fresh = at.train != train_.train || recorder_.now() - trainNs_ > TRAIN_FORGET_NS;
  if (fresh) trainRun_ = beginTrain(at) ? ++runs_ : 0;
  if (trainRun_ == 0 || trainEra_ != recorder_.era() || at.packets != train_.packets || trainSeen_[at.place])
    return;
  trainSeen_.set(at.place);
  add(trainRun_, at, at.place, receipt);
}

void LinkRecord::add(uint32_t run, const TrainPlace& train, uint32_t sequence, const Receipt& receipt) {
  ArrivalRow row;
  row.link = link_;
  row.run = run;
  row.train = train.train;
  row.trainPackets = train.packets;
  row.sequence = sequence;
  row.bytes = static_cast<uint32_t>(receipt.bytes);
  // Not counted from the session's first: all links from one host shall show one clock. Exact for 104 days of uptime,
  // to 2 ns for another 104.
  row.sentNs = static_cast<double>(static_cast<int64_t>(receipt.timestampNs));
  row.arrivedNs = recorder_.clock.sinceOpenNs(receipt.wallNs);
  // What came while the kernel did not stamp yet has the time it was read, after the stamps of those behind it.
  if (row.arrivedNs < arrivedNs_ && arrivedNs_ - row.arrivedNs < UNSTAMPED_NS) row.arrivedNs = arrivedNs_;
  arrivedNs_ = row.arrivedNs;
  recorder_.add(row);
}

}  // namespace vnet
