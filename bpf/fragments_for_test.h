// What a router with a small MTU makes of a datagram. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "bpf/test_run.h"
#include "userspace/packet/build.h"

namespace gray {

/// `datagram`, an IPv4 packet with a header of 20 bytes, in fragments of `step` bytes of payload.
inline std::vector<Bytes> cut(const Bytes& datagram, std::size_t step, std::uint32_t id) {
  const IpAddress source = IpAddress::v4(&datagram[12]);
  const IpAddress destination = IpAddress::v4(&datagram[16]);
  const auto payload = std::span(datagram).subspan(20);
  std::vector<Bytes> fragments;
  for (std::size_t at = 0; at < payload.size(); at += step) {
    const std::size_t length = std::min(step, payload.size() - at);
    fragments.push_back(
        PacketBuilder()
            .eth()
            .ipv4(source.to_string(), destination.to_string())
            .fragment(static_cast<std::uint16_t>(at), at + length < payload.size(), id)
            .protocol(datagram[9])
            .payload(payload.subspan(at, length))
            .bytes());
  }
  return fragments;
}

}  // namespace gray
