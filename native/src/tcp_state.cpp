#include "tcp_state.hpp"

#include <linux/tcp.h>  // glibc's own tcp_info ends before the delivery rate; the two headers exclude each other
#include <netinet/in.h>
#include <sys/socket.h>

namespace vnet {

std::optional<TcpState> readTcpState(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  TcpState out;
  out.rttUs = info.tcpi_rtt;
  out.rttVarUs = info.tcpi_rttvar;
  out.minRttUs = info.tcpi_min_rtt;
  out.deliveryBitsPerSecond = static_cast<double>(info.tcpi_delivery_rate) * 8;
  out.appLimited = info.tcpi_delivery_rate_app_limited;
  out.sentSegments = info.tcpi_segs_out;
  out.retransmittedSegments = info.tcpi_total_retrans;
  out.congestionWindowBytes = static_cast<double>(info.tcpi_snd_cwnd) * info.tcpi_snd_mss;
  out.unsentBytes = info.tcpi_notsent_bytes;
  return out;
}

}  // namespace vnet
