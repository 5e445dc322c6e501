// What idle connections take, allocator included: a million that only opened, and such as wait for
// the next request.
#include <gtest/gtest.h>
#include <malloc.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "replay/protocol/extractor.h"
#include "replay/protocol/shard.h"

namespace gray {
namespace {

constexpr std::size_t kMostOfAnIdleFlow = 512;  // bytes

/// Memory that the program holds from the allocator; does not grow when a sanitizer has its own.
std::size_t allocated() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

struct Nowhere final : ExchangeSink {
  void exchange(Exchange&&) override { ++exchanges; }
  std::size_t exchanges = 0;
};

/// The segments of connection `number`, of which each has ports or an address of its own.
class Client {
 public:
  explicit Client(std::uint32_t number) {
    packet_.is_ip = packet_.is_v4 = packet_.has_tcp = true;
    const std::array<std::uint8_t, 4> address{10, static_cast<std::uint8_t>(number >> 22),
                                              static_cast<std::uint8_t>(number >> 14), 1};
    client_ = {IpAddress::v4(address.data()), static_cast<std::uint16_t>(1024 + number % 16384)};
    server_ = {IpAddress::parse("192.0.2.1"), 80};
  }

  const Packet& segment(bool from_client, std::uint32_t seq, std::uint8_t flags,
                        std::string_view payload = {}) {
    packet_.source = from_client ? client_ : server_;
    packet_.destination = from_client ? server_ : client_;
    packet_.seq = seq;
    packet_.tcp_flags = flags;
    packet_.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
    packet_.payload_wire_len = static_cast<std::uint32_t>(payload.size());
    packet_.time_ns = 1;
    return packet_;
  }

 private:
  Packet packet_;
  Endpoint client_, server_;
};

TEST(Capacity, AMillionConnectionsThatOpened) {
  constexpr std::uint32_t kFlows = 1'000'000;
  Nowhere sink;
  const ExtractorOptions options{.max_flows = kFlows};
  const std::size_t before = allocated();
  Shard shard(options, 1, sink);
  for (std::uint32_t i = 0; i < kFlows; ++i) {
    Client client(i);
    shard.reassembler().segment(client.segment(true, 99, kTcpSyn), 0);
    shard.reassembler().segment(client.segment(false, 499, kTcpSyn | kTcpAck), 0);
  }
  EXPECT_EQ(shard.reassembler().flows(), kFlows);
  EXPECT_EQ(shard.reassembler().counters().flows_shed, 0U);
  const std::size_t a_flow = (allocated() - before) / kFlows;
  RecordProperty("bytes", std::to_string(a_flow));
  EXPECT_LE(a_flow, kMostOfAnIdleFlow);
  EXPECT_LE(shard.reassembler().table_bytes() / kFlows, kMostOfAnIdleFlow);
  // One more, and the idlest goes.
  Client late(kFlows);
  shard.reassembler().segment(late.segment(true, 99, kTcpSyn), 0);
  EXPECT_EQ(shard.reassembler().flows(), kFlows);
  EXPECT_EQ(shard.reassembler().counters().flows_shed, 1U);
}

TEST(Capacity, ConnectionsThatAreKeptAliveBetweenTwoRequests) {
  constexpr std::uint32_t kFlows = 50'000;
  constexpr std::string_view kRequest = "GET /articles/1 HTTP/1.1\r\nHost: production\r\n\r\n";
  constexpr std::string_view kResponse = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody";
  Nowhere sink;
  const ExtractorOptions options{.max_flows = kFlows, .community_ids = true};
  const std::size_t before = allocated();
  Shard shard(options, 1, sink);
  for (std::uint32_t i = 0; i < kFlows; ++i) {
    Client client(i);
    Reassembler& reassembler = shard.reassembler();
    reassembler.segment(client.segment(true, 99, kTcpSyn), 0);
    reassembler.segment(client.segment(false, 499, kTcpSyn | kTcpAck), 0);
    reassembler.segment(client.segment(true, 100, kTcpAck, kRequest), 0);
    reassembler.segment(client.segment(false, 500, kTcpAck, kResponse), 0);
  }
  EXPECT_EQ(sink.exchanges, kFlows);
  EXPECT_EQ(shard.reassembler().flows(), kFlows);
  const std::size_t a_flow = (allocated() - before) / kFlows;
  RecordProperty("bytes", std::to_string(a_flow));
  EXPECT_LE(a_flow, kMostOfAnIdleFlow);
}

}  // namespace
}  // namespace gray
