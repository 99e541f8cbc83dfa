// What a VM's move does to its traffic, seen from a VM that stays: `meter serve` in the one that moves, `meter watch
// ADDRESS` in the other. Without dependencies, so that it runs in any guest.
//
//   ICMP  watch asks for an echo each millisecond (RFC 792), the VM's kernel answers
//   UDP   numbered datagrams each millisecond, both ways, each end by its own clock; the VM's say what it has counted
//   TCP   the VM sends a chunk each two milliseconds; watch notes the longest time without one
//
// watch: a line `begin` on standard input opens a window; `end` prints what happened in it, as a line of JSON.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

namespace {

constexpr uint16_t PORT = 7000;
constexpr long TICK_NS = 1'000'000;
constexpr uint64_t CHUNK_TICKS = 2;
constexpr size_t CHUNK_BYTES = 1000;
constexpr size_t DATAGRAM_BYTES = 64;
/** What is under way when a window ends may still come. */
constexpr int64_t DRAIN_US = 300'000;
constexpr int64_t CONNECT_AGAIN_US = 500'000;
constexpr size_t REMEMBERED = 1 << 18;

int64_t nowUs() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

int must(int result, const char* what) {
  if (result < 0) fail(what);
  return result;
}

// What waited for a VM comes at once; that the meter's own socket has no room for it is nobody's loss.
void makeRoom(int socket) {
  constexpr int BYTES = 4 << 20;
  must(setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &BYTES, sizeof BYTES), "receive buffer");
}

// Which numbers came, and how often. Numbers begin at 1.
class Numbers {
 public:
  void take(uint64_t number) {
    if (number > highest_) {
      if (number - highest_ >= REMEMBERED) came_.reset();
      else for (uint64_t next = highest_ + 1; next <= number; next++) came_.reset(next % REMEMBERED);
      highest_ = number;
    } else if (highest_ - number >= REMEMBERED) {
      return;
    }
    if (came_.test(number % REMEMBERED)) repeated_++;
    else distinct_++;
    came_.set(number % REMEMBERED);
  }
  uint64_t highest() const { return highest_; }
  uint64_t distinct() const { return distinct_; }
  uint64_t repeated() const { return repeated_; }
  // In [from, to).
  uint64_t missing(uint64_t from, uint64_t to) const {
    uint64_t count = 0;
    for (uint64_t number = from; number < to; number++)
      count += number > highest_ || !came_.test(number % REMEMBERED);
    return count;
  }

 private:
  uint64_t highest_ = 0, distinct_ = 0, repeated_ = 0;
  std::bitset<REMEMBERED> came_;
};

// The longest time between two of something.
class Silence {
 public:
  void begin(int64_t us) { last_ = us, longest_ = 0; }
  void heard(int64_t us) { longest_ = std::max(longest_, us - last_), last_ = us; }
  double longestMs(int64_t us) const { return static_cast<double>(std::max(longest_, us - last_)) / 1000; }

 private:
  int64_t last_ = 0, longest_ = 0;
};

struct Datagram {
  uint64_t number = 0;
  // What its sender has received so far.
  uint64_t highest = 0, distinct = 0, repeated = 0;
};

int ticks() {
  const int timer = must(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), "timer");
  const itimerspec each{{0, TICK_NS}, {0, TICK_NS}};
  must(timerfd_settime(timer, 0, &each, nullptr), "timer");
  return timer;
}

// Ticks that passed; after a pause many, of which all are made good for.
uint64_t passed(int timer) {
  uint64_t count = 0;
  return read(timer, &count, sizeof count) == sizeof count ? count : 0;
}

sockaddr_in at(in_addr_t address, uint16_t port) {
  sockaddr_in end{};
  end.sin_family = AF_INET;
  end.sin_port = htons(port);
  end.sin_addr.s_addr = address;
  return end;
}

void sendDatagram(int socket, const sockaddr_in& to, const Datagram& datagram) {
  std::array<char, DATAGRAM_BYTES> bytes{};
  std::memcpy(bytes.data(), &datagram, sizeof datagram);
  // Without a wire it is lost, which is what is measured.
  sendto(socket, bytes.data(), bytes.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

bool takeDatagram(int socket, Datagram& datagram, sockaddr_in& from) {
  std::array<char, DATAGRAM_BYTES> bytes{};
  socklen_t length = sizeof from;
  const ssize_t got = recvfrom(socket, bytes.data(), bytes.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &length);
  if (got < static_cast<ssize_t>(sizeof datagram)) return false;
  std::memcpy(&datagram, bytes.data(), sizeof datagram);
  return true;
}

int serve() {
  const sockaddr_in own = at(INADDR_ANY, PORT);
  const int udp = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
  makeRoom(udp);
  must(bind(udp, reinterpret_cast<const sockaddr*>(&own), sizeof own), "bind");
  const int listener = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
  const int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  must(bind(listener, reinterpret_cast<const sockaddr*>(&own), sizeof own), "bind");
  must(listen(listener, 4), "listen");
  const int timer = ticks();
  Numbers numbers;
  sockaddr_in peer{};
  uint64_t sent = 0, tick = 0;
  int stream = -1;
  const std::array<char, CHUNK_BYTES> chunk{};
  for (;;) {
    std::array<pollfd, 3> wanted{{{udp, POLLIN, 0}, {listener, POLLIN, 0}, {timer, POLLIN, 0}}};
    must(poll(wanted.data(), wanted.size(), -1), "poll");
    for (Datagram datagram; takeDatagram(udp, datagram, peer);) numbers.take(datagram.number);
    if (const int fresh = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK); fresh >= 0) {
      if (stream >= 0) close(stream);
      stream = fresh;
      setsockopt(stream, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
    for (uint64_t count = passed(timer); count > 0; count--) {
      if (peer.sin_port != 0)
        sendDatagram(udp, peer, {++sent, numbers.highest(), numbers.distinct(), numbers.repeated()});
      if (stream < 0 || ++tick % CHUNK_TICKS != 0) continue;
      if (send(stream, chunk.data(), chunk.size(), MSG_NOSIGNAL) < 0 && errno != EAGAIN) {
        close(stream);
        stream = -1;
      }
    }
  }
}

uint16_t checksum(const void* bytes, size_t count) {
  uint32_t sum = 0;
  for (size_t i = 0; i < count; i += 2) sum += static_cast<const uint16_t*>(bytes)[i / 2];
  sum = (sum >> 16) + (sum & 0xffff);
  return static_cast<uint16_t>(~(sum + (sum >> 16)));
}

struct Echo {
  icmphdr head{};
  uint32_t number = 0;
  uint32_t rest[5]{};
};

class Watch {
 public:
  explicit Watch(in_addr_t address) : peer_(at(address, PORT)), id_(htons(static_cast<uint16_t>(getpid()))) {
    udp_ = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    makeRoom(udp_);
    icmp_ = must(socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP), "raw socket");
    makeRoom(icmp_);
    timer_ = ticks();
    connectStream();
  }

  int run() {
    for (;;) {
      std::array<pollfd, 5> wanted{{{udp_, POLLIN, 0}, {icmp_, POLLIN, 0}, {timer_, POLLIN, 0}, {0, POLLIN, 0}, {stream_, POLLIN, 0}}};
      must(poll(wanted.data(), wanted.size(), -1), "poll");
      takeAll();
      for (uint64_t count = passed(timer_); count > 0; count--) sendAll();
      if (wanted[3].revents != 0 && !command()) return 0;
      if (const int64_t now = nowUs(); endedUs_ > 0 && now - endedUs_ > DRAIN_US) report();
    }
  }

 private:
  void connectStream() {
    if (stream_ >= 0) close(stream_);
    stream_ = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
    connect(stream_, reinterpret_cast<const sockaddr*>(&peer_), sizeof peer_);
    connectedUs_ = nowUs();
    bytes_ = 0;
  }

  void sendAll() {
    sendDatagram(udp_, peer_, {++sent_, 0, 0, 0});
    Echo echo;
    echo.head.type = ICMP_ECHO;
    echo.head.un.echo.id = id_;
    echo.head.un.echo.sequence = htons(static_cast<uint16_t>(sent_));
    echo.number = static_cast<uint32_t>(sent_);
    echo.head.checksum = checksum(&echo, sizeof echo);
    sendto(icmp_, &echo, sizeof echo, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&peer_), sizeof peer_);
  }

  void takeAll() {
    const int64_t now = nowUs();
    sockaddr_in from{};
    for (Datagram datagram; takeDatagram(udp_, datagram, from); told_ = datagram) {
      received_.take(datagram.number);
      receiving_.heard(now);
    }
    std::array<char, 256> packet{};
    for (ssize_t got; (got = recv(icmp_, packet.data(), packet.size(), MSG_DONTWAIT)) > 0;) takeEcho(packet.data(), got, now);
    takeStream(now);
  }

  void takeEcho(const char* packet, ssize_t bytes, int64_t now) {
    const size_t head = static_cast<size_t>(packet[0] & 15) * 4;
    Echo echo;
    if (bytes < static_cast<ssize_t>(head + sizeof echo)) return;
    std::memcpy(&echo, packet + head, sizeof echo);
    if (echo.head.type != ICMP_ECHOREPLY || echo.head.un.echo.id != id_) return;
    answered_.take(echo.number);
    echoing_.heard(now);
  }

  void takeStream(int64_t now) {
    std::array<char, 65536> data{};
    ssize_t got;
    while ((got = recv(stream_, data.data(), data.size(), MSG_DONTWAIT)) > 0) {
      bytes_ += static_cast<uint64_t>(got);
      streaming_.heard(now);
    }
    const bool isOver = got == 0 || (errno != EAGAIN && errno != EINPROGRESS);
    const bool isLate = bytes_ == 0 && now - connectedUs_ > CONNECT_AGAIN_US;
    if (isOver) broken_ += bytes_ > 0;
    if (isLate || (isOver && now - connectedUs_ > CONNECT_AGAIN_US)) connectStream();
  }

  bool command() {
    std::array<char, 64> line{};
    const ssize_t got = read(0, line.data(), line.size());
    if (got <= 0) return false;
    const std::string_view word(line.data(), static_cast<size_t>(got));
    const int64_t now = nowUs();
    if (word.starts_with("begin")) {
      for (Silence* silence : {&echoing_, &receiving_, &streaming_}) silence->begin(now);
      before_ = {sent_ + 1, received_.highest() + 1, answered_.repeated(), received_.repeated(), broken_, told_};
    } else if (word.starts_with("end")) {
      endedUs_ = now;
      after_ = {sent_ + 1, received_.highest() + 1, 0, 0, 0, told_};
      silences_ = {echoing_.longestMs(now), receiving_.longestMs(now), streaming_.longestMs(now)};
    }
    return true;
  }

  void report() {
    endedUs_ = 0;
    const uint64_t between = told_.highest - before_.told.highest;
    const uint64_t came = told_.distinct - before_.told.distinct;
    std::printf(
        "{\"pingSilenceMs\":%.3f,\"fromVmSilenceMs\":%.3f,\"streamSilenceMs\":%.3f,\"streamWhole\":%s,"
        "\"pingLost\":%lu,\"pingRepeated\":%lu,\"toVmSent\":%lu,\"toVmLost\":%lu,\"toVmRepeated\":%lu,"
        "\"fromVmSent\":%lu,\"fromVmLost\":%lu,\"fromVmRepeated\":%lu}\n",
        silences_[0], silences_[1], silences_[2], broken_ == before_.broken && bytes_ > 0 ? "true" : "false",
        answered_.missing(before_.sent, after_.sent), answered_.repeated() - before_.pingRepeated, between,
        between - std::min(between, came), told_.repeated - before_.told.repeated, after_.received - before_.received,
        received_.missing(before_.received, after_.received), received_.repeated() - before_.repeated);
    std::fflush(stdout);
  }

  struct Mark {
    uint64_t sent = 1, received = 1, pingRepeated = 0, repeated = 0, broken = 0;
    Datagram told;
  };

  const sockaddr_in peer_;
  const uint16_t id_;
  int udp_ = -1, icmp_ = -1, timer_ = -1, stream_ = -1;
  uint64_t sent_ = 0, bytes_ = 0, broken_ = 0;
  int64_t connectedUs_ = 0, endedUs_ = 0;
  Numbers answered_, received_;
  Silence echoing_, receiving_, streaming_;
  Datagram told_;
  Mark before_, after_;
  std::array<double, 3> silences_{};
};

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc == 2 && std::string_view(argv[1]) == "serve") return serve();
  if (argc == 3 && std::string_view(argv[1]) == "watch") {
    static Watch watch(inet_addr(argv[2]));
    return watch.run();
  }
  std::fputs("meter serve | meter watch ADDRESS\n", stderr);
  return 2;
}
