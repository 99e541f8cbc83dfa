#include "plane.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <future>

namespace vnet {

Plane::Wake::Wake() : fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!fd) throw systemError(errno, "cannot make an event descriptor");
}

void Plane::Wake::clear() {
  uint64_t count;
  (void)!read(fd.get(), &count, sizeof count);
}

void Plane::Wake::signal() {
  const uint64_t one = 1;
  (void)!write(fd.get(), &one, sizeof one);
}

Plane::Plane(std::function<void()> wakeJavaScript)
    : up_(std::move(wakeJavaScript)), forwarder_(loop_, up_, trains_) {
  loop_.watch(wake_.fd.get(), wake_, EPOLLIN);
  // Signals are for the JavaScript thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Plane::~Plane() { stop(); }

void Plane::run() {
  pthread_setname_np(pthread_self(), "vnet-plane");
  const std::function<bool()> commands = [this] { return runCommands(); };
  const std::function<void()> flush = [this] { forwarder_.flush(); };
  for (bool stop = false; !stop;) {
    loop_.turn(commands, flush);
    const std::lock_guard lock(mutex_);
    stop = stopping_;
  }
}

bool Plane::runCommands() {
  std::vector<Command> commands;
  {
    const std::lock_guard lock(mutex_);
    if (commands_.empty()) return false;
    wake_.clear();
    commands.swap(commands_);
  }
  loop_.refresh();
  for (Command& command : commands) command(forwarder_);
  forwarder_.flush();
  return true;
}

void Plane::post(Command command) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
  }
  wake_.signal();
}

void Plane::call(Command command) {
  std::promise<void> done;
  post([&](Forwarder& forwarder) {
    command(forwarder);
    done.set_value();
  });
  done.get_future().wait();
}

void Plane::stop() {
  trains_.stop();
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.signal();
  thread_.join();
}

}  // namespace vnet
