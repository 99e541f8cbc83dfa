#include "run.hpp"

#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <optional>

#include "meter.hpp"
#include "superstep.hpp"
#include "work.hpp"

namespace patterns {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitPeerGone = 3;
constexpr int kExitSignal = 128;
constexpr Rank kRoot = 0;

volatile std::sig_atomic_t signalled = 0;

void catchSignals() {
  struct sigaction action{};
  action.sa_handler = [](int number) { signalled = number; };  // without SA_RESTART: waits end
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

// A descriptor for each neighbour: the usual 1024 would not do for the largest patterns.
void raiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return;  // then what is too much fails with its own message
}

struct Stopped {};

class Runner {
 public:
  explicit Runner(const Settings& settings)
      : settings_(settings), links_(settings), meter_(settings, settings.rank == kRoot) {}

  int go();

 private:
  bool isRoot() const { return settings_.rank == kRoot; }
  bool runPhase(int64_t number, const Phase& phase);
  void compute(int64_t flops);
  void communicate(Superstep& superstep, uint32_t step);
  void decide(Superstep& superstep, const Phase& phase, uint32_t step);
  void idle();

  const Settings& settings_;
  Links links_;
  Meter meter_;
  int64_t phaseStartedAt_ = 0;
  bool decided_ = false;
  bool started_ = false;  // from here on rank 0 can end the run for all
  uint32_t step_ = 0;
  std::map<Rank, std::pair<uint64_t, uint64_t>> traffic_;
};

// Called while we wait: reports, and notices signals.
void Runner::idle() {
  meter_.tick();
  if (signalled != 0 && (!isRoot() || !started_)) throw Stopped{};
}

void Runner::compute(int64_t flops) {
  meter_.enter(Activity::compute);
  if (flops > 0) computeFlops(flops);
  if (settings_.computeNanos > 0) computeFor(settings_.computeNanos);
  if (settings_.pauseNanos == 0) return;
  meter_.enter(Activity::pause);
  pauseFor(settings_.pauseNanos);
}

void Runner::communicate(Superstep& superstep, uint32_t step) {
  meter_.enter(Activity::communicate);
  superstep.begin(step);
  int64_t heardAt = monotonicNanos();
  while (!superstep.complete() || !links_.flush()) {
    bool heard = false;
    links_.poll(meter_.untilTick(), [&](const Header& header) {
      heard = true;
      superstep.receive(header);
    });
    idle();
    const int64_t now = monotonicNanos();
    if (heard) heardAt = now;
    if (now - heardAt < settings_.stallNanos) continue;
    const Rank awaited = superstep.awaited();
    throw PeerLost(awaited, "nothing came for " + secondsText(settings_.stallNanos) + "; " +
                                links_.name(awaited) + " is awaited");
  }
}

// Rank 0 ends a phase by naming its last superstep. The news takes a superstep a hop, so that step is as far ahead.
void Runner::decide(Superstep& superstep, const Phase& phase, uint32_t step) {
  if (!isRoot() || decided_) return;
  const bool timeIsOver = phase.nanos > 0 && monotonicNanos() - phaseStartedAt_ >= phase.nanos;
  if (!timeIsOver && signalled == 0) return;
  const auto last = static_cast<uint32_t>(step + superstep.depth());
  if (superstep.form.last != 0 && last >= superstep.form.last) return;  // it ends by itself before that
  decided_ = true;
  superstep.form.last = last;
  superstep.form.isFinal = signalled != 0;
}

// False if the run ends with this phase whatever the schedule says.
bool Runner::runPhase(int64_t number, const Phase& phase) {
  const Graph graph = graphOf(phase.shape, settings_.peers.size());
  step_ = 0;
  meter_.enterPhase(number, phase);
  meter_.enter(Activity::connect);
  links_.open(static_cast<Rank>(number), graph[settings_.rank], [this] { idle(); });
  Superstep superstep(settings_, phase, graph, links_);
  superstep.form.phase = static_cast<Rank>(number);
  superstep.form.last = static_cast<uint32_t>(phase.iterations);
  decided_ = false;
  phaseStartedAt_ = monotonicNanos();
  int64_t flops = settings_.flops;
  if (settings_.flopsPerByte > 0) flops += std::llround(settings_.flopsPerByte * superstep.meanBytesSent());
  started_ = true;
  do {
    ++step_;
    const int64_t startedAt = monotonicNanos();
    compute(flops);
    decide(superstep, phase, step_);
    communicate(superstep, step_);
    meter_.iteration(monotonicNanos() - startedAt);
    idle();
  } while (superstep.form.last == 0 || step_ < superstep.form.last);
  meter_.enter(Activity::connect);
  for (const auto& [rank, connection] : links_.current()) {
    auto& [sent, received] = traffic_[rank];
    sent += connection->sentBytes;
    received += connection->receivedBytes;
  }
  links_.closePhase([this] { meter_.tick(); });
  meter_.endPhase();
  return superstep.form.isFinal == 0;
}

int Runner::go() {
  const double flopsPerSecond = calibrateFlops();
  try {
    const auto count = static_cast<int64_t>(settings_.phases.size());
    const int64_t total = settings_.cycles * count;  // 0: for ever
    for (int64_t number = 0; total == 0 || number < total; ++number) {
      if (!runPhase(number, settings_.phases[static_cast<size_t>(number % count)])) break;
    }
    meter_.end(traffic_, flopsPerSecond);
    return 0;
  } catch (const Stopped&) {
    links_.abandon(settings_.rank);
    std::fprintf(stderr, "patterns: rank %u was stopped in superstep %u\n", unsigned{settings_.rank}, step_);
    return kExitSignal + signalled;
  } catch (const PeerLost& lost) {
    links_.abandon(lost.culprit);
    std::fprintf(stderr, "patterns: rank %u, superstep %u: %s\n", unsigned{settings_.rank}, step_, lost.what());
    return dynamic_cast<const PeerGone*>(&lost) == nullptr ? kExitFailed : kExitPeerGone;
  } catch (const std::exception& error) {
    links_.abandon(settings_.rank);
    std::fprintf(stderr, "patterns: rank %u, superstep %u: %s\n", unsigned{settings_.rank}, step_, error.what());
  }
  return kExitFailed;
}

}  // namespace

int run(const Settings& settings) {
  catchSignals();
  raiseDescriptorLimit();
  return Runner(settings).go();
}

}  // namespace patterns
