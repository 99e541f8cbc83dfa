// A plane: its I/O thread and the way to it.
//
//   JavaScript thread                          I/O thread
//   post(), call() --commands_, mutex_, wake_--> runs them before it serves the events it woke for
//                                              (so what was configured before a frame came holds for it)
//   up_.take()     <------- Up, its own lock --- misses, events, snapshots, arrivals
//   trains_.send()  -- Trains, its own lock --- setPath()         (trains.hpp: a third thread sends them)
//
// Loop, forwarder, links and ports belong to the I/O thread from start to join. stop() joins both threads;
// afterwards everything is destroyed on the JavaScript thread. No exception leaves the thread: a command that
// throws is a fault of ours, and ends the process with its message rather than a silent loss.
#pragma once
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "forwarder.hpp"

namespace vnet {

class Plane {
 public:
  explicit Plane(std::function<void()> wakeJavaScript);
  ~Plane();

  using Command = std::function<void(Forwarder&)>;
  void post(Command command);
  // Waits until it is done: for what must be over when we return (a closed port's name is free again). The
  // thread runs commands after each turn, within microseconds to a millisecond.
  void call(Command command);
  void stop();
  UpBatch take() { return up_.take(); }
  Trains& trains() { return trains_; }

 private:
  class Wake final : public Pollable {
   public:
    Wake();
    void onEvents(uint32_t) override {}
    void signal();
    void clear();
    Fd fd;
  };
  void run();
  // True: there were some.
  bool runCommands();

  Up up_;
  Loop loop_;
  Wake wake_;
  Trains trains_;
  Forwarder forwarder_;
  std::mutex mutex_;
  std::vector<Command> commands_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace vnet
