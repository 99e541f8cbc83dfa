// The operating system: descriptors that close themselves, addresses, random octets, and errors with a hint.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace vnet {

// What JavaScript sees as a VnetError; thrown only on the JavaScript thread.
struct PlaneError : std::runtime_error {
  PlaneError(std::string code, const std::string& message, std::string hint = "")
      : std::runtime_error(message), code(std::move(code)), hint(std::move(hint)) {}
  std::string code;
  std::string hint;
};
// `what` failed with errno `error`: the right code, the system's words, and what to do.
PlaneError systemError(int error, const std::string& what);

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }
  void reset(int fd = -1);
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// An IPv4 address is kept as its IPv6-mapped form, so that one comparison serves both.
struct Address {
  in6_addr ip{};
  uint16_t port = 0;
  uint32_t scope = 0;

  static bool parse(const std::string& text, uint16_t port, Address& out);
  static Address from(const sockaddr_storage& address);
  socklen_t fill(sockaddr_storage& out, int family) const;  // 0: this family cannot reach it
  bool isV4() const { return IN6_IS_ADDR_V4MAPPED(&ip); }
  size_t headerBytes() const { return isV4() ? 28 : 48; }  // IP and UDP headers of a datagram
  std::string text() const;
  bool operator==(const Address& other) const;
};

void randomBytes(void* out, size_t length);
uint32_t random32();
uint64_t nowNs();  // CLOCK_MONOTONIC
void bigBuffers(int fd);

}  // namespace vnet
