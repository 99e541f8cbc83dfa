// Sub-commands of the lab's helper program. See README.md of the lab for what each is used for.
#include <charconv>
#include <csignal>
#include <map>

#include "emulator.hpp"

namespace lab {

int64_t parseNumber(const std::string& text, int64_t low, int64_t high) {
  int64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end || value < low || value > high) {
    throw std::runtime_error("'" + text + "' is not a whole number from " + std::to_string(low) + " to " +
                             std::to_string(high));
  }
  return value;
}

}  // namespace lab

namespace {

constexpr const char* kUsage =
    "usage: emulator delay SOCKET SEED INTERFACE:SLOT_BYTES:SLOTS...\n"
    "       emulator serve ADDRESS                          (prints the port it took)\n"
    "       emulator probe ADDRESS PORT COUNT INTERVAL_US   (round trips, loss, reordering as JSON)\n"
    "       emulator throughput ADDRESS PORT DURATION_MS OMIT_MS\n"
    "       emulator load PERCENT\n"
    "       emulator stream INTERFACE SOCKET                (a TAP joined to a Unix socket, as QEMU's -netdev stream)\n"
    "       emulator cross ADDRESS PORT BYTES BITS_PER_SECOND DURATION_MS   (evenly spaced UDP, of payload)\n"
    "       emulator sink ADDRESS                           (prints the port it took, and when ended what came)\n";

const std::map<std::string, int (*)(const lab::Arguments&)> kCommands = {
    {"delay", lab::runDelay},           {"serve", lab::runServe}, {"probe", lab::runProbe},
    {"throughput", lab::runThroughput}, {"load", lab::runLoad},
    {"stream", lab::runStream},         {"cross", lab::runCross}, {"sink", lab::runSink},
};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto command = argc < 2 ? kCommands.end() : kCommands.find(argv[1]);
  if (command == kCommands.end()) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  try {
    return command->second(lab::Arguments(argv + 2, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "emulator %s: %s\n", argv[1], error.what());
    return 1;
  }
}
