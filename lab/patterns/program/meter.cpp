#include "meter.hpp"

#include <algorithm>
#include <bit>
#include <cinttypes>

namespace patterns {
namespace {

double micros(int64_t nanos) { return static_cast<double>(nanos) / kNanosPerMicro; }

template <typename... Values>
std::string format(const char* pattern, Values... values) {
  char text[512];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

}  // namespace

void Histogram::add(int64_t nanos) {
  const auto value = static_cast<uint64_t>(std::max<int64_t>(nanos, 1));
  const int octave = std::max(0, static_cast<int>(std::bit_width(value)) - kSubBits - 1);
  const size_t index = (static_cast<size_t>(octave) << kSubBits) + (value >> octave);
  ++counts_[std::min(index, counts_.size() - 1)];
  ++total_;
}

int64_t Histogram::quantile(double share) const {
  const auto wanted = static_cast<uint64_t>(share * static_cast<double>(total_));
  uint64_t seen = 0;
  for (size_t index = 0; index < counts_.size(); ++index) {
    seen += counts_[index];
    if (seen <= wanted && seen < total_) continue;
    if (seen == 0) return 0;
    constexpr size_t kSub = size_t{1} << kSubBits;
    const size_t octave = index < 2 * kSub ? 0 : (index >> kSubBits) - 1;
    return static_cast<int64_t>(((index - (octave << kSubBits)) << octave) + ((size_t{1} << octave) >> 1));
  }
  return 0;
}

Meter::Meter(const Settings& settings, bool reportsAllAlong)
    : settings_(settings), reportsAllAlong_(reportsAllAlong), since_(monotonicNanos()) {
  second_.startedAt = inPhase_.startedAt = whole_.startedAt = since_;
}

void Meter::account() {
  const int64_t now = monotonicNanos();
  for (Span* span : {&second_, &inPhase_, &whole_}) span->nanos[static_cast<size_t>(activity_)] += now - since_;
  since_ = now;
}

void Meter::enter(Activity activity) {
  account();
  activity_ = activity;
}

void Meter::enterPhase(int64_t number, const Phase& phase) {
  account();
  phaseNumber_ = number;
  phase_ = &phase;
  inPhase_ = Span{};
  inPhase_.startedAt = since_;
}

void Meter::iteration(int64_t nanos) {
  for (Span* span : {&second_, &inPhase_, &whole_}) {
    ++span->iterations;
    span->durations.add(nanos);
  }
}

int64_t Meter::untilTick() const {
  return reportsAllAlong_ ? second_.startedAt + settings_.reportNanos - monotonicNanos() : settings_.reportNanos;
}

void Meter::tick() {
  if (!reportsAllAlong_ || untilTick() > 0) return;
  account();
  print("interval", second_);
  second_ = Span{};
  second_.startedAt = since_;
}

void Meter::endPhase() {
  account();
  if (reportsAllAlong_) print("phase", inPhase_);
}

void Meter::end(const std::map<Rank, std::pair<uint64_t, uint64_t>>& traffic, double flopsPerSecond) {
  account();
  std::string peers;
  for (const auto& [rank, bytes] : traffic) {
    peers += format("%s{\"rank\":%u,\"sentBytes\":%" PRIu64 ",\"receivedBytes\":%" PRIu64 "}",
                    peers.empty() ? "" : ",", unsigned{rank}, bytes.first, bytes.second);
  }
  print("end", whole_, format(",\"flopsPerSecond\":%.0f,\"peers\":[", flopsPerSecond) + peers + "]");
}

std::string Meter::figures(const Span& span) const {
  const auto seconds = static_cast<double>(std::max<int64_t>(since_ - span.startedAt, 1)) / kNanosPerSecond;
  const auto share = [&](Activity activity) {
    return static_cast<double>(span.nanos[static_cast<size_t>(activity)]) / kNanosPerSecond / seconds;
  };
  return format("\"seconds\":%.6f,\"iterations\":%" PRIu64
                ",\"iterationsPerSecond\":%.6g,\"computeShare\":%.4f,\"communicationShare\":%.4f,"
                "\"pauseShare\":%.4f,\"connectShare\":%.4f,\"medianUs\":%.1f,\"p95Us\":%.1f",
                seconds, span.iterations, static_cast<double>(span.iterations) / seconds, share(Activity::compute),
                share(Activity::communicate), share(Activity::pause), share(Activity::connect),
                micros(span.durations.quantile(0.5)), micros(span.durations.quantile(0.95)));
}

void Meter::print(const char* kind, const Span& span, const std::string& more) const {
  const int64_t unixMs = clockNanos(CLOCK_REALTIME) / kNanosPerMilli;
  const std::string line =
      format("{\"kind\":\"%s\",\"rank\":%u,\"unixMs\":%" PRId64 ",\"phase\":%" PRId64
             ",\"shape\":\"%s\",\"operation\":\"%s\",",
             kind, unsigned{settings_.rank}, unixMs, phaseNumber_, phase_ ? phase_->shape.text().c_str() : "",
             phase_ ? operationName(phase_->operation) : "") +
      figures(span) + more + "}\n";
  // Without a reader this run is for nobody, and would go on for ever.
  if (std::fputs(line.c_str(), stdout) < 0 || std::fflush(stdout) != 0) throw systemError("cannot write the report");
}

}  // namespace patterns
