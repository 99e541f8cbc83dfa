// What a packet port on an interface of the host's own links leaves alone: the links' datagrams and the
// control channel's, to or from this host. Taken in as frames they would be sent to the Proxy, by a link,
// whose acknowledgements would be taken in as frames. A classic BPF program, run by the kernel before it
// queues a copy for us (Linux Documentation/networking/filter.rst).
//
// A frame is left out when it is an unfragmented or first-fragment UDP or TCP packet, one of its IP addresses
// is this host's, and one of its ports is the links' or the control channel's (the next number). Whatever
// else passes: a VM's own traffic with that port number too, since its addresses are not the host's. VLAN
// tags that the device or the kernel took off do not matter; what still has one passes.
#pragma once
#include <linux/filter.h>
#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <vector>

namespace vnet {

// More of a host are not looked for; those of the port's own interface come first.
constexpr size_t FILTER_ADDRESSES = 64;

// IPv4 as IPv6-mapped. Without loopback, in the same order as long as nothing changed.
std::vector<in6_addr> hostAddresses(const std::string& firstInterface);

// Empty where there is nothing to leave out.
std::vector<sock_filter> linkFilter(const std::vector<in6_addr>& addresses, uint16_t linkPort);

// Replaces the socket's filter, or takes it away. Throws PlaneError.
void attachFilter(int fd, std::vector<sock_filter>& program);

}  // namespace vnet
