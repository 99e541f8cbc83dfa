#include "loop.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>

#include "limits.hpp"

namespace vnet {

void Timer::at(uint64_t ns) {
  if (at_ == ns) return;
  cancel();
  at_ = ns == 0 ? 1 : ns;
  loop_.timers_.insert({at_, this});
}

void Timer::cancel() {
  if (at_ != 0) loop_.timers_.erase({at_, this});
  at_ = 0;
}

Loop::Loop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      now_(nowNs()),
      scratch_(new uint8_t[RECEIVE_BATCH * RECEIVE_STRIDE]) {
  if (!epoll_ || !timer_) throw systemError(errno, "cannot make an event queue");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, timer_.get(), &event);
}

void Loop::watch(int fd, Pollable& who, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &who;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Loop::change(int fd, Pollable& who, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &who;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::forget(int fd) { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void Loop::retire(std::unique_ptr<Pollable> who) {
  who->retired = true;
  retired_.push_back(std::move(who));
}

void Loop::arm() {
  const uint64_t first = timers_.empty() ? 0 : timers_.begin()->first;
  if (first == armedAt_) return;
  armedAt_ = first;
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(first / 1'000'000'000u);
  when.it_value.tv_nsec = static_cast<long>(first % 1'000'000'000u);
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Loop::fireTimers() {
  uint64_t count;
  (void)!read(timer_.get(), &count, sizeof count);
  armedAt_ = 0;
  // Those due now, not those that the fired ones set: a timer that sets itself to the past must not spin
  // here.
  const uint64_t due = now_;
  std::vector<std::pair<uint64_t, Timer*>> fired;
  for (auto it = timers_.begin(); it != timers_.end() && it->first <= due; ++it) fired.push_back(*it);
  for (const auto& [at, timer] : fired) {
    if (timers_.count({at, timer}) == 0) continue;  // one fired before it has cancelled, moved or deleted it
    timer->cancel();
    timer->fire_();
  }
}

void Loop::turn(const std::function<bool()>& first, const std::function<void()>& afterEach) {
  arm();
  epoll_event events[64];
  int count = epoll_wait(epoll_.get(), events, 64, -1);
  for (int round = 0; first(); round++) {
    retired_.clear();
    count = epoll_wait(epoll_.get(), events, 64, 0);
    if (round == COMMAND_ROUNDS) break;  // whoever commands without a pause must not stop the frames
  }
  bool timersDue = false;
  for (int i = 0; i < count; i++) {
    now_ = nowNs();
    auto* who = static_cast<Pollable*>(events[i].data.ptr);
    if (!who) timersDue = true;
    else if (!who->retired) who->onEvents(events[i].events);
    afterEach();
  }
  // Last: after a stall of ours, what a peer sent meanwhile is heard before it is taken for dead.
  if (timersDue) {
    now_ = nowNs();
    fireTimers();
    afterEach();
  }
  retired_.clear();
}

}  // namespace vnet
