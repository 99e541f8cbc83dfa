#include "sys.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bytes.hpp"
#include "limits.hpp"

namespace vnet {

namespace {
uint64_t drawSeed() {
  uint64_t seed;
  randomBytes(&seed, sizeof seed);
  return seed | 1;
}
}  // namespace
const uint64_t hashSeed = drawSeed();

PlaneError systemError(int error, const std::string& what) {
  const std::string message = what + ": " + std::strerror(error);
  switch (error) {
    case EPERM:
    case EACCES:
      return {"VNET_ERR_PRIVILEGE", message,
              "run as root, or give the process CAP_NET_ADMIN and CAP_NET_RAW"};
    case EEXIST:
    case EBUSY:
    case EADDRINUSE:
      return {"VNET_ERR_EXISTS", message,
              "another process holds it: stop that one, or choose another name or port"};
    case ENODEV:
    case ENXIO:
      return {"VNET_ERR_NOT_FOUND", message, "make the device first, or correct its name (ip link)"};
    case EADDRNOTAVAIL:
      return {"VNET_ERR_NOT_FOUND", message, "use an address of this machine (ip address), or :: for all"};
    case ENOENT:
      return {"VNET_ERR_NOT_FOUND", message, "make the folder first, or correct the path"};
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case EOPNOTSUPP:
    case ENOSYS:
      return {"VNET_ERR_UNSUPPORTED", message, "the kernel lacks this feature"};
    case EMFILE:
    case ENFILE:
      return {"VNET_ERR_LIMIT", message, "raise the limit of open files (ulimit -n)"};
    default:
      return {"VNET_ERR_INVALID", message};
  }
}

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

bool Address::parse(const std::string& text, uint16_t port, Address& out) {
  out = Address{};
  out.port = port;
  in_addr v4;
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    out.ip.s6_addr[10] = out.ip.s6_addr[11] = 0xff;
    std::memcpy(&out.ip.s6_addr[12], &v4, 4);
    return true;
  }
  const auto percent = text.find('%');
  if (percent != std::string::npos) out.scope = if_nametoindex(text.c_str() + percent + 1);
  return inet_pton(AF_INET6, text.substr(0, percent).c_str(), &out.ip) == 1;
}

Address Address::from(const sockaddr_storage& address) {
  Address out;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    out.ip.s6_addr[10] = out.ip.s6_addr[11] = 0xff;
    std::memcpy(&out.ip.s6_addr[12], &v4.sin_addr, 4);
    out.port = ntohs(v4.sin_port);
  } else {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    out.ip = v6.sin6_addr;
    out.port = ntohs(v6.sin6_port);
    out.scope = v6.sin6_scope_id;
  }
  return out;
}

socklen_t Address::fill(sockaddr_storage& out, int family) const {
  std::memset(&out, 0, sizeof out);
  if (family == AF_INET) {
    if (!isV4()) return 0;
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, &ip.s6_addr[12], 4);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = ip;
  v6.sin6_scope_id = scope;
  return sizeof v6;
}

std::string Address::text() const {
  char literal[INET6_ADDRSTRLEN] = "", out[INET6_ADDRSTRLEN + 10];
  if (isV4()) inet_ntop(AF_INET, &ip.s6_addr[12], literal, sizeof literal);
  else inet_ntop(AF_INET6, &ip, literal, sizeof literal);
  std::snprintf(out, sizeof out, isV4() ? "%s:%u" : "[%s]:%u", literal, port);
  return out;
}

bool Address::operator==(const Address& other) const {
  return port == other.port && std::memcmp(&ip, &other.ip, sizeof ip) == 0 && scope == other.scope;
}

void randomBytes(void* out, size_t length) {
  auto* p = static_cast<uint8_t*>(out);
  while (length > 0) {
    const ssize_t got = getrandom(p, length, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) std::abort();  // no entropy source: nothing here could be trusted
    p += got;
    length -= static_cast<size_t>(got);
  }
}

uint32_t random32() {
  uint32_t value;
  randomBytes(&value, sizeof value);
  return value;
}

uint64_t nowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

void bigBuffers(int fd) {
  const int size = SOCKET_BUFFER_BYTES;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

}  // namespace vnet
