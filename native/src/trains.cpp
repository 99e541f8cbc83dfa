#include "trains.hpp"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "limits.hpp"
#include "train.hpp"
#include "wire.hpp"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif

namespace vnet {

void Trains::send(Train train) {
  const std::lock_guard lock(mutex_);
  const std::string name = "link " + std::to_string(train.link);
  const auto found = paths_.find(train.link);
  if (found == paths_.end())
    throw PlaneError("VNET_ERR_UNREACHABLE", name + " is down", "wait until it is up");
  if (busy_.count(train.link) != 0)
    throw PlaneError("VNET_ERR_LIMIT", name + " is sending a train", "wait until that one has left");
  const TrainPath& path = found->second;
  const size_t most = path.datagramBytes + path.to.headerBytes();
  for (const uint32_t size : train.sizes)
    if (size > most)
      throw PlaneError("VNET_ERR_INVALID",
                       name + "'s path carries packets of " + std::to_string(most) + " octets, not of " +
                           std::to_string(size),
                       "make the packets smaller");
  if (!thread_.joinable()) start();
  busy_.insert(train.link);
  jobs_.push_back({std::move(train), path});
  wake_.notify_one();
}

void Trains::setPath(TrainPath path) {
  const std::lock_guard lock(mutex_);
  paths_[path.link] = std::move(path);
}

void Trains::forgetPath(uint32_t link) {
  const std::lock_guard lock(mutex_);
  paths_.erase(link);
}

void Trains::start() {
  stop_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_) throw systemError(errno, "cannot make an event descriptor");
  sigset_t all, before;  // signals are for the JavaScript thread
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

void Trains::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (!thread_.joinable()) return;
    const uint64_t one = 1;
    (void)!write(stop_.get(), &one, sizeof one);
  }
  wake_.notify_one();
  thread_.join();
}

void Trains::run() {
  pthread_setname_np(pthread_self(), "vnet-trains");
  prctl(PR_SET_TIMERSLACK, 1UL);  // nanoseconds; by default the kernel wakes a sleeper up to 50 us late
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    leave(job);
    lock.lock();
    busy_.erase(job.train.link);
  }
}

// Each distance counts from when the packet before was sent, not from a plan: one that was late must not make
// the next one early, and so the train faster than it was asked to be.
void Trains::leave(const Job& job) {
  const auto& [train, path] = job;
  sockaddr_storage to;
  const socklen_t toLength = path.to.fill(to, path.family);
  const size_t headers = path.to.headerBytes();
  const auto packets = static_cast<uint16_t>(train.sizes.size());
  std::vector<uint8_t> octets;
  Header header;
  header.type = Type::train;
  header.session = path.session;
  for (uint16_t i = 0; i < packets;) {
    const size_t length = std::max(size_t{train.sizes[i]}, headers + TRAIN_LEAST_BYTES) - headers;
    const uint16_t end = batchEnd(train, i);
    octets.assign(length * (end - i), 0);
    if (i > 0 && !waitUntil(header.timestampNs + train.gapsNs[i - 1])) return;
    header.timestampNs = nowNs();
    for (uint8_t* at = octets.data(); i < end; i++, at += length) {
      writeTrain(at + HEADER_BYTES, {train.number, i, packets});
      encodeHeader(header, at);
    }
    sendBatch(path.socket->get(), octets, length, reinterpret_cast<const sockaddr*>(&to), toLength);
  }
}

// Packets of one size without distance leave in one system call: one by one they are no faster than a fast path.
uint16_t Trains::batchEnd(const Train& train, uint16_t from) {
  uint16_t end = from + 1;
  while (end < train.sizes.size() && end - from < TRAIN_BATCH_PACKETS &&
         size_t{train.sizes[from]} * (end - from + 1) <= TRAIN_BATCH_BYTES && train.gapsNs[end - 1] == 0 &&
         train.sizes[end] == train.sizes[from])
    end++;
  return end;
}

// A socket that takes no more loses the packets, as the path would.
void Trains::sendBatch(int socket, std::vector<uint8_t>& octets, size_t length, const sockaddr* to, socklen_t toLength) {
  iovec part{octets.data(), octets.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = {};
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(to);
  message.msg_namelen = toLength;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (octets.size() > length) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* segment = CMSG_FIRSTHDR(&message);
    segment->cmsg_level = SOL_UDP;
    segment->cmsg_type = UDP_SEGMENT;
    segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    const uint16_t size = static_cast<uint16_t>(length);
    std::memcpy(CMSG_DATA(segment), &size, sizeof size);
  }
  if (sendmsg(socket, &message, MSG_DONTWAIT) >= 0 || octets.size() == length || errno == EAGAIN) return;
  // A way out that cannot cut segments: one by one.
  for (size_t at = 0; at < octets.size(); at += length)
    (void)!sendto(socket, octets.data() + at, length, MSG_DONTWAIT, to, toLength);
}

// False: stop() was called.
bool Trains::waitUntil(uint64_t dueNs) const {
  for (uint64_t now = nowNs(); now < dueNs; now = nowNs()) {
    const uint64_t left = dueNs - now;
    pollfd stopped{stop_.get(), POLLIN, 0};
    // The last of it on the CPU: a sleeper wakes tens of microseconds late.
    const uint64_t sleep = left > TRAIN_SPIN_NS ? left - TRAIN_SPIN_NS : 0;
    if (sleep == 0) continue;
    const timespec timeout{static_cast<time_t>(sleep / 1'000'000'000u),
                           static_cast<long>(sleep % 1'000'000'000u)};
    if (ppoll(&stopped, 1, &timeout, nullptr) > 0) return false;
  }
  return true;
}

}  // namespace vnet
