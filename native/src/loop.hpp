// One epoll, one timerfd: what the I/O thread turns. Everything here belongs to that thread.
//
// A Pollable that goes away is retired, not deleted: the events of this turn may still point at it.
#pragma once
#include <sys/epoll.h>

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "sys.hpp"

namespace vnet {

class Pollable {
 public:
  virtual ~Pollable() = default;
  virtual void onEvents(uint32_t events) = 0;
  bool retired = false;
};

class Loop;

class Timer {
 public:
  Timer(Loop& loop, std::function<void()> fire) : fire_(std::move(fire)), loop_(loop) {}
  Timer(const Timer&) = delete;
  ~Timer() { cancel(); }
  void at(uint64_t ns);  // replaces an earlier setting
  void cancel();
  bool armed() const { return at_ != 0; }

 private:
  friend class Loop;
  std::function<void()> fire_;
  Loop& loop_;
  uint64_t at_ = 0;
};

class Loop {
 public:
  Loop();  // throws PlaneError
  void watch(int fd, Pollable& who, uint32_t events);
  void change(int fd, Pollable& who, uint32_t events);
  // Before every close: while a child between fork and exec holds a copy, epoll would still report it.
  void forget(int fd);
  void retire(std::unique_ptr<Pollable> who);
  // Waits for events, serves them, fires timers; afterEach() after every served descriptor and after the
  // timers. first() is asked when events are there and before any is served; true: it may have closed what
  // they are about, so look anew (epoll is level-triggered, nothing is lost) and ask again, COMMAND_ROUNDS
  // times at most.
  void turn(const std::function<bool()>& first, const std::function<void()>& afterEach);
  // CLOCK_MONOTONIC, read once for each event served.
  uint64_t now() const { return now_; }
  void refresh() { now_ = nowNs(); }
  // Room for one recvmmsg: RECEIVE_BATCH strides of RECEIVE_STRIDE octets, free between two events.
  uint8_t* scratch() { return scratch_.get(); }

 private:
  friend class Timer;
  void fireTimers();
  void arm();

  Fd epoll_, timer_;
  uint64_t now_;
  uint64_t armedAt_ = 0;
  std::set<std::pair<uint64_t, Timer*>> timers_;
  std::vector<std::unique_ptr<Pollable>> retired_;
  std::unique_ptr<uint8_t[]> scratch_;
};

}  // namespace vnet
