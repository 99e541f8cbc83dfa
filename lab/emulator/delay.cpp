// Delay, jitter, loss and reordering for pairs of underlay addresses.
//
// The core namespace routes the frames of an impaired pair into one end of a veth; this program reads them at the
// other end (AF_PACKET ring), keeps each for its time and sends it back out of the same end, unchanged, whereupon
// the core routes it on. Nothing else ever passes here. With PACKET_VNET_HDR an offloaded super-frame stays one
// frame; the interface for pairs with jitter, loss or reordering has segmentation switched off, so that those act
// on single packets.
//
// One thread, no locks. Each turn: drain the rings into a heap ordered by departure, send what is due in batches,
// sleep in ppoll until the next departure, a frame or a control line.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <queue>
#include <random>
#include <sstream>
#include <unordered_map>

#include "interface.hpp"

namespace lab {
namespace {

constexpr size_t kQueueLimitBytes = 256u << 20;        // frames under way, all pairs together
constexpr size_t kFrameOverheadBytes = 128;            // what a queued frame costs beyond its bytes
constexpr size_t kControlLimitBytes = 1u << 20;        // one control request
constexpr int64_t kReorderLagMin = kNanosPerMilli;     // a reordered packet is held back a quarter of the delay,
constexpr int64_t kReorderLagShare = 4;                // but at least this long
constexpr uint64_t kMillion = 1'000'000;
constexpr int kNice = -10;                             // precise timing beside busy hosts, where it is allowed

using Address = std::array<uint8_t, 16>;  // IPv4 as ::ffff:a.b.c.d

struct PairKey {
  Address from, to;
  bool operator==(const PairKey&) const = default;
};

struct PairHash {
  size_t operator()(const PairKey& key) const {
    uint64_t words[4];
    std::memcpy(words, &key, sizeof words);
    uint64_t hash = 0;
    for (const uint64_t word : words) hash = (hash ^ word) * 0x9e3779b97f4a7c15ull, hash ^= hash >> 29;
    return hash;
  }
};

struct Path {
  int64_t delay = 0, jitter = 0;  // ns; jitter is uniform within plus and minus this
  uint64_t lossPpm = 0, reorderPpm = 0;
  int64_t lastDeparture = 0;      // keeps the order of a pair whatever the jitter
};

struct Later {
  bool operator()(const Frame& a, const Frame& b) const {
    return a.departure != b.departure ? a.departure > b.departure : a.order > b.order;
  }
};

bool readAddress(const std::string& text, Address& out) {
  out = {};
  if (inet_pton(AF_INET6, text.c_str(), out.data()) == 1) return true;
  out[10] = out[11] = 0xff;
  return inet_pton(AF_INET, text.c_str(), out.data() + 12) == 1;
}

bool readPair(const uint8_t* frame, size_t size, PairKey& key) {
  if (size < sizeof(ether_header)) return false;
  const unsigned type = static_cast<unsigned>(frame[12] << 8 | frame[13]);
  const uint8_t* packet = frame + sizeof(ether_header);
  key = {};
  if (type == ETHERTYPE_IP && size >= sizeof(ether_header) + 20) {
    key.from[10] = key.from[11] = key.to[10] = key.to[11] = 0xff;
    std::memcpy(key.from.data() + 12, packet + 12, 4);
    std::memcpy(key.to.data() + 12, packet + 16, 4);
    return true;
  }
  if (type == ETHERTYPE_IPV6 && size >= sizeof(ether_header) + 40) {
    std::memcpy(key.from.data(), packet + 8, 16);
    std::memcpy(key.to.data(), packet + 24, 16);
    return true;
  }
  return false;
}

class Emulator {
 public:
  Emulator(const std::string& socketPath, uint64_t seed, const Arguments& interfaces)
      : random_(seed), listener_(listenOn(socketPath)) {
    for (const std::string& description : interfaces) addInterface(description);
  }

  void run() {
    std::puts("ready");
    std::fflush(stdout);
    for (;;) {
      bool more = false;
      for (size_t i = 0; i < interfaces_.size(); ++i) {
        more |= interfaces_[i]->drain(
            [&](const uint8_t* bytes, size_t size, int64_t arrival) { accept(i, bytes, size, arrival); });
      }
      release(monotonicNanos());
      wait(more);
    }
  }

 private:
  static Descriptor listenOn(const std::string& path) {
    Descriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "control socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) throw std::runtime_error("the socket's path is too long");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    if (bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) throw systemError(path);
    if (listen(listener.get(), 16) < 0) throw systemError("listen");
    return listener;
  }

  void addInterface(const std::string& description) {
    std::istringstream fields(description);
    std::string name, slotBytes, slots;
    std::getline(fields, name, ':');
    std::getline(fields, slotBytes, ':');
    std::getline(fields, slots);
    const auto bytes = static_cast<size_t>(parseNumber(slotBytes, 4096, 1 << 20));
    if (bytes % 4096 != 0) throw std::runtime_error("SLOT_BYTES is a multiple of 4096");
    interfaces_.push_back(
        std::make_unique<Interface>(name, bytes, static_cast<size_t>(parseNumber(slots, 8, 1 << 16))));
  }

  bool chance(uint64_t ppm) { return ppm > 0 && random_() % kMillion < ppm; }

  void accept(size_t interface, const uint8_t* bytes, size_t size, int64_t arrival) {
    PairKey key;
    const bool known = readPair(bytes + kVnetHeaderBytes, size - kVnetHeaderBytes, key);
    const auto found = known ? paths_.find(key) : paths_.end();
    ++counters_.frames;
    int64_t departure = arrival;
    if (found == paths_.end()) {
      ++counters_.unknown;  // the core sends only known pairs here; what slips through a change is not held up
    } else {
      if (chance(found->second.lossPpm)) return void(++counters_.lost);
      departure = departureOf(found->second, arrival);
    }
    if (queuedBytes_ + size + kFrameOverheadBytes > kQueueLimitBytes) return void(++counters_.overflow);
    queuedBytes_ += size + kFrameOverheadBytes;
    Frame frame{departure, order_++, interface, size, std::make_unique_for_overwrite<uint8_t[]>(size)};
    std::memcpy(frame.bytes.get(), bytes, size);
    queue_.push(std::move(frame));
  }

  int64_t departureOf(Path& path, int64_t arrival) {
    int64_t departure = arrival + path.delay;
    if (path.jitter > 0) {
      departure += std::uniform_int_distribution<int64_t>(-path.jitter, path.jitter)(random_);
      departure = std::max(departure, arrival);
    }
    if (chance(path.reorderPpm)) {
      ++counters_.reordered;
      return departure + std::max(kReorderLagMin, path.delay / kReorderLagShare);
    }
    path.lastDeparture = std::max(path.lastDeparture, departure);
    return path.lastDeparture;
  }

  void release(int64_t now) {
    while (!queue_.empty() && queue_.top().departure <= now) {
      const size_t interface = queue_.top().interface;
      while (!queue_.empty() && batch_.size() < kSendBatch && queue_.top().departure <= now &&
             queue_.top().interface == interface) {
        // top() is const only to protect the order, and pop() follows at once.
        batch_.push_back(std::move(const_cast<Frame&>(queue_.top())));
        queue_.pop();
        queuedBytes_ -= batch_.back().size + kFrameOverheadBytes;
      }
      interfaces_[interface]->send(batch_, counters_);
    }
  }

  void wait(bool more) {
    std::vector<pollfd> polled;
    for (const auto& interface : interfaces_) polled.push_back({interface->receiveDescriptor(), POLLIN, 0});
    polled.push_back({listener_.get(), POLLIN, 0});
    if (client_.get() >= 0) polled.push_back({client_.get(), POLLIN, 0});
    timespec timeout{};
    const bool forever = !more && queue_.empty();
    if (!more && !queue_.empty()) {
      const int64_t left = std::max<int64_t>(0, queue_.top().departure - monotonicNanos());
      timeout = {left / kNanosPerSecond, left % kNanosPerSecond};
    }
    if (ppoll(polled.data(), polled.size(), forever ? nullptr : &timeout, nullptr) < 0) {
      if (errno == EINTR) return;
      throw systemError("ppoll");
    }
    const size_t listenerAt = interfaces_.size();
    if (client_.get() >= 0) {
      if (polled[listenerAt + 1].revents != 0) readControl();
    } else if (polled[listenerAt].revents != 0) {
      const int accepted = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (accepted >= 0) client_ = Descriptor(accepted, "accept");
    }
  }

  // A request is lines up to an empty one; it is applied whole or not at all, and answered with one line.
  void readControl() {
    char chunk[4096];
    const ssize_t count = read(client_.get(), chunk, sizeof chunk);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count > 0) request_.append(chunk, static_cast<size_t>(count));
    const bool complete = request_ == "\n" || (request_.size() >= 2 && request_.ends_with("\n\n"));
    if (count > 0 && !complete && request_.size() <= kControlLimitBytes) return;
    if (complete) {
      const std::string answer = answerTo(request_) + "\n";
      if (::send(client_.get(), answer.data(), answer.size(), MSG_NOSIGNAL) < 0) std::perror("control answer");
    }
    request_.clear();
    client_.reset();
  }

  std::string answerTo(const std::string& request) {
    std::istringstream lines(request);
    std::vector<std::pair<PairKey, Path>> changes;
    std::string line;
    while (std::getline(lines, line) && !line.empty()) {
      if (line == "stats") return stats();
      std::istringstream words(line);
      std::string verb, from, to, rest;
      int64_t delayUs = -1, jitterUs = -1, lossPpm = -1, reorderPpm = -1;
      PairKey key;
      words >> verb >> from >> to >> delayUs >> jitterUs >> lossPpm >> reorderPpm;
      if (verb != "path" || !words || words >> rest || !readAddress(from, key.from) || !readAddress(to, key.to) ||
          delayUs < 0 || jitterUs < 0 || lossPpm < 0 || reorderPpm < 0) {
        return "error expected 'path FROM TO DELAY_US JITTER_US LOSS_PPM REORDER_PPM', got: " + line;
      }
      changes.emplace_back(key, Path{delayUs * kNanosPerMicro, jitterUs * kNanosPerMicro,
                                     static_cast<uint64_t>(lossPpm), static_cast<uint64_t>(reorderPpm), 0});
    }
    for (const auto& [key, path] : changes) paths_[key] = path;
    return "ok " + std::to_string(changes.size());
  }

  std::string stats() {
    for (const auto& interface : interfaces_) counters_.ringDrops += interface->takeRingDrops();
    std::ostringstream text;
    text << "{\"frames\":" << counters_.frames << ",\"lost\":" << counters_.lost
         << ",\"reordered\":" << counters_.reordered << ",\"unknown\":" << counters_.unknown
         << ",\"overflow\":" << counters_.overflow << ",\"ringDrops\":" << counters_.ringDrops
         << ",\"sendErrors\":" << counters_.sendErrors << ",\"queued\":" << queue_.size() << "}";
    return text.str();
  }

  std::mt19937_64 random_;
  Descriptor listener_;
  Descriptor client_;
  std::string request_;
  std::vector<std::unique_ptr<Interface>> interfaces_;
  std::unordered_map<PairKey, Path, PairHash> paths_;
  std::priority_queue<Frame, std::vector<Frame>, Later> queue_;
  std::vector<Frame> batch_;
  size_t queuedBytes_ = 0;
  uint64_t order_ = 0;
  Counters counters_;
};

}  // namespace

int runDelay(const Arguments& arguments) {
  if (arguments.size() < 3) throw std::runtime_error("expected SOCKET SEED INTERFACE:SLOT_BYTES:SLOTS...");
  prctl(PR_SET_TIMERSLACK, 1);
  if (setpriority(PRIO_PROCESS, 0, kNice) < 0) errno = 0;  // an ordinary user may not; then timing is only usual
  const auto seed = static_cast<uint64_t>(parseNumber(arguments[1], 0, INT64_MAX));
  Emulator(arguments[0], seed, Arguments(arguments.begin() + 2, arguments.end())).run();
  return 0;
}

}  // namespace lab
