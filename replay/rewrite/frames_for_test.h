// Frames and their checksums for the tests of this folder: a generator of sound frames of every
// kind, and a verifier that computes each checksum in full, by the RFCs and without the code under
// test.
#pragma once

#include <netinet/in.h>

#include <random>
#include <string>
#include <vector>

#include "userspace/packet/build.h"
#include "userspace/packet/checksum.h"
#include "userspace/packet/packet.h"

namespace gray {

using Bytes = PacketBuilder::Bytes;

inline Frame ethernet(const Bytes& bytes) {
  Frame frame;
  frame.bytes = bytes;
  frame.wire_len = static_cast<std::uint32_t>(bytes.size());
  return frame;
}

/// What is wrong with the checksums of a whole Ethernet frame and of the packets in it; empty when
/// nothing is.
class ChecksumVerifier {
 public:
  static std::string verify(const Bytes& frame) {
    ChecksumVerifier verifier;
    verifier.ethernet(frame);
    return verifier.complaints_;
  }

 private:
  using View = std::span<const std::uint8_t>;
  enum class Whole { Yes, Quoted };

  static unsigned get16(View bytes, std::size_t at) {
    return static_cast<unsigned>(bytes[at] << 8 | bytes[at + 1]);
  }
  void expect(bool right, const std::string& what) {
    if (!right) complaints_ += what + " ";
  }

  void ethernet(View frame) {
    std::size_t at = 12;
    while (get16(frame, at) == 0x8100 || get16(frame, at) == 0x88a8) at += 4;
    if (get16(frame, at) == 0x0800) ipv4(frame.subspan(at + 2), Whole::Yes);
    if (get16(frame, at) == 0x86dd) ipv6(frame.subspan(at + 2), Whole::Yes);
  }

  void ipv4(View ip, Whole whole) {
    const std::size_t header = (ip[0] & 15U) * 4;
    expect(internet_checksum(ip.first(header)) == 0, "ipv4");
    const bool fragment = (get16(ip, 6) & 0x3fff) != 0;
    if (fragment || whole == Whole::Quoted) return;
    View source = ip.subspan(12, 4);
    View destination = ip.subspan(16, 4);
    // A source route that is not used up: the pseudo-header has its end.
    if (header > 20 && ip[20] == 131 && ip[22] <= ip[21])
      destination = ip.subspan(20U + ip[21] - 4, 4);
    upper(ip[9], ip.subspan(header, get16(ip, 2) - header), source, destination);
  }

  void ipv6(View ip, Whole whole) {
    if (whole == Whole::Quoted) return;
    std::size_t at = 40;
    View destination = ip.subspan(24, 16);
    std::uint8_t next = ip[6];
    while (next == 0 || next == 43 || next == 44 || next == 60) {
      if (next == 44) return;
      if (next == 43 && ip[at + 3] > 0)
        destination = ip.subspan(at + 8 + (ip[at + 1] / 2U - 1) * 16, 16);
      next = ip[at];
      at += (ip[at + 1] + 1U) * 8;
    }
    upper(next, ip.subspan(at, 40 + get16(ip, 4) - at), ip.subspan(8, 16), destination);
  }

  static std::uint64_t pseudo(View source, View destination, std::uint8_t proto,
                              std::size_t length) {
    return checksum_add(checksum_add(0, source), destination) + proto + length;
  }

  void upper(std::uint8_t proto, View data, View source, View destination) {
    const bool v4 = source.size() == 4;
    const std::uint16_t full =
        checksum_finish(checksum_add(pseudo(source, destination, proto, data.size()), data));
    if (proto == IPPROTO_TCP) expect(full == 0, "tcp");
    if (proto == IPPROTO_UDP) {
      expect(full == 0 || (v4 && get16(data, 6) == 0), "udp");
      if (get16(data, 2) == 4789) ethernet(data.subspan(16));
    }
    if (proto == IPPROTO_ICMPV6) {
      expect(full == 0, "icmpv6");
      if (data[0] < 128) ipv6(data.subspan(8), Whole::Quoted);
    }
    if (proto == IPPROTO_ICMP) {
      expect(internet_checksum(data) == 0, "icmp");
      if (data[0] == 3) ipv4(data.subspan(8), Whole::Quoted);
    }
    if (proto == IPPROTO_SCTP) expect(crc32c(data) == stored_crc(data), "sctp");
    if (proto == IPPROTO_IPIP) ipv4(data, Whole::Yes);
    if (proto == IPPROTO_IPV6) ipv6(data, Whole::Yes);
    if (proto == IPPROTO_GRE) gre(data);
  }

  void gre(View data) {
    const bool has_sum = data[0] & 0x80;
    if (has_sum) expect(internet_checksum(data) == 0, "gre");
    const View inside = data.subspan(has_sum ? 8 : 4);
    if (get16(data, 2) == 0x0800) ipv4(inside, Whole::Yes);
    if (get16(data, 2) == 0x86dd) ipv6(inside, Whole::Yes);
  }

  static std::uint32_t stored_crc(View data) {
    return std::uint32_t{data[8]} | std::uint32_t{data[9]} << 8 | std::uint32_t{data[10]} << 16 |
           std::uint32_t{data[11]} << 24;
  }
  static std::uint32_t crc32c(View data) {
    std::uint32_t crc = ~0U;
    for (std::size_t i = 0; i < data.size(); ++i) {
      crc ^= i >= 8 && i < 12 ? 0 : data[i];
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78U : 0);
    }
    return ~crc;
  }

  std::string complaints_;
};

/// Sound frames at random, the same ones for the same seed. Addresses are of 10.0.0.0/8 and
/// 2001:db8::/32, ports of 1000 to 1999.
class FrameGenerator {
 public:
  explicit FrameGenerator(unsigned seed) : random_(seed) {}

  unsigned below(unsigned count) { return static_cast<unsigned>(random_() % count); }

  Bytes next() {
    PacketBuilder builder;
    builder.eth();
    for (unsigned tags = below(3); tags-- > 0;)
      builder.vlan(static_cast<std::uint16_t>(below(4096)), below(2) ? 0x8100 : 0x88a8);
    return packet(builder, 0).bytes();
  }

 private:
  std::string v4() {
    return "10." + std::to_string(below(256)) + "." + std::to_string(below(256)) + "." +
           std::to_string(below(256));
  }
  std::string v6() {
    char text[40];
    std::snprintf(text, sizeof text, "2001:db8:%x::%x:%x", below(65536), below(65536),
                  1 + below(65535));
    return text;
  }
  std::uint16_t port() { return static_cast<std::uint16_t>(1000 + below(1000)); }
  Bytes filler() { return PacketBuilder().filler(below(4) ? below(200) : below(1400)).bytes(); }

  PacketBuilder& packet(PacketBuilder& builder, unsigned depth) {
    const bool four = below(2) != 0;
    if (four) {
      builder.ipv4(v4(), v4());
      if (below(8) == 0) builder.options(route());
    } else {
      builder.ipv6(v6(), v6());
      if (below(8) == 0) builder.extension(0, static_cast<std::uint8_t>(below(3)));
      if (below(8) == 0) builder.extension(60);
    }
    if (depth == 0 && below(10) == 0) return fragment(builder, four);
    return upper(builder, four, depth);
  }

  /// A loose source route that is used up, at an odd offset.
  Bytes route() {
    Bytes option = {131, 11, 12};
    for (unsigned i = 0; i < 8; ++i)
      option.push_back(static_cast<std::uint8_t>(i % 4 == 0 ? 10 : below(256)));
    return option;
  }

  /// The later ones hold bytes that look like anything.
  PacketBuilder& fragment(PacketBuilder& builder, bool) {
    builder.fragment(static_cast<std::uint16_t>((1 + below(100)) * 8), below(2) != 0, below(60000));
    return builder.protocol(IPPROTO_TCP).payload(filler());
  }

  PacketBuilder& upper(PacketBuilder& builder, bool four, unsigned depth) {
    switch (below(depth < 2 ? 8 : 4)) {
      case 0:
        return builder.sctp(port(), port()).payload(filler());
      case 1:
        return builder.udp(port(), port()).payload(filler());
      case 2:
        return four ? builder.icmp(8).payload(filler()) : builder.icmpv6(128).payload(filler());
      case 4:
        return error(builder, four);
      case 5:
        return builder.udp(port(), 4789).payload(vxlan(depth));
      case 6:
        return builder.protocol(IPPROTO_GRE).payload(gre(depth));
      case 7: {
        PacketBuilder inner;
        const Bytes inside = packet(inner, depth + 1).bytes();
        return builder.protocol(inside[0] >> 4 == 4 ? IPPROTO_IPIP : IPPROTO_IPV6).payload(inside);
      }
      default:
        return builder.tcp(port(), port(), 0x18)
            .seq(below(1u << 31), below(1u << 31))
            .payload(filler());
    }
  }

  PacketBuilder& error(PacketBuilder& builder, bool four) {
    PacketBuilder quoted;
    four ? quoted.ipv4(v4(), v4()) : quoted.ipv6(v6(), v6());
    below(2) ? quoted.tcp(port(), port()) : quoted.udp(port(), port());
    Bytes bytes = quoted.payload(filler()).bytes();
    bytes.resize(std::min<std::size_t>(bytes.size(), (four ? 28 : 48) + below(40)));
    return four ? builder.icmp(3, 1).payload(bytes) : builder.icmpv6(1, 3).payload(bytes);
  }

  Bytes vxlan(unsigned depth) {
    PacketBuilder inner;
    inner.eth();
    const Bytes inside = packet(inner, depth + 1).bytes();
    Bytes bytes = {8, 0, 0, 0, 0, 0, 7, 0};
    bytes.insert(bytes.end(), inside.begin(), inside.end());
    return bytes;
  }

  Bytes gre(unsigned depth) {
    PacketBuilder inner;
    const Bytes inside = packet(inner, depth + 1).bytes();
    const bool sum = below(2) != 0;
    Bytes bytes = {0, 0, 8, 0};
    if (inside[0] >> 4 == 6) bytes = {0, 0, 0x86, 0xdd};
    if (sum) bytes[0] = 0x80, bytes.resize(8);
    bytes.insert(bytes.end(), inside.begin(), inside.end());
    if (!sum) return bytes;
    const std::uint16_t checksum = internet_checksum(bytes);
    bytes[4] = static_cast<std::uint8_t>(checksum >> 8);
    bytes[5] = static_cast<std::uint8_t>(checksum);
    return bytes;
  }

  std::mt19937 random_;
};

}  // namespace gray
