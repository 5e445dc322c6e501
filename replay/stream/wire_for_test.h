// For tests: a wire between two ends whose segments go to a Reassembler, and what came out of it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "replay/stream/reassembler.h"

namespace gray {

inline constexpr std::uint64_t kMs = 1'000'000;

/// What one connection gave: bytes, "<N>" for a gap, "$" for a FIN, "!reason" for its end.
struct Heard {
  Connection connection;
  std::string text[2];
  bool closed = false;
  CloseReason reason = CloseReason::Finished;
  std::vector<std::uint64_t> times;
};

class Recorder final : public StreamSink {
 public:
  std::vector<std::unique_ptr<Heard>> heard;
  std::size_t wanted_bytes = ~std::size_t{0};

  std::unique_ptr<StreamConsumer> opened(const Connection& connection) noexcept override {
    heard.push_back(std::make_unique<Heard>());
    heard.back()->connection = connection;
    return std::make_unique<Consumer>(*heard.back(), wanted_bytes);
  }

 private:
  class Consumer final : public StreamConsumer {
   public:
    Consumer(Heard& heard, std::size_t wanted) : heard_(heard), wanted_(wanted) {}
    void data(unsigned from, std::span<const std::uint8_t> bytes,
              std::uint64_t time_ns) noexcept override {
      heard_.text[from].append(bytes.begin(), bytes.end());
      heard_.times.push_back(time_ns);
    }
    void gap(unsigned from, std::uint64_t length) noexcept override {
      heard_.text[from] += "<" + std::to_string(length) + ">";
    }
    void end(unsigned from) noexcept override { heard_.text[from] += "$"; }
    void closed(CloseReason reason) noexcept override {
      EXPECT_FALSE(heard_.closed);
      heard_.closed = true;
      heard_.reason = reason;
    }
    bool wanted() const noexcept override { return heard_.text[0].size() < wanted_; }

   private:
    Heard& heard_;
    std::size_t wanted_;
  };
};

struct Wire {
  explicit Wire(const ReassemblerOptions& options = {}) : reassembler(options, recorder) {}

  Recorder recorder;
  Reassembler reassembler;
  Endpoint ends[2] = {{IpAddress::parse("10.0.0.1"), 50000}, {IpAddress::parse("10.0.0.2"), 80}};
  std::uint64_t now = 0;

  /// From side 0 (client) or 1; `cut` bytes at the end were not captured.
  void send(unsigned from, std::uint32_t seq, std::string_view text, std::uint8_t flags = kTcpAck,
            std::uint32_t ack = 0, std::uint32_t cut = 0) {
    Packet packet;
    packet.is_ip = packet.is_v4 = packet.has_tcp = true;
    packet.source = ends[from];
    packet.destination = ends[1 - from];
    packet.seq = seq;
    packet.ack = ack;
    packet.tcp_flags = flags;
    packet.payload = {reinterpret_cast<const std::uint8_t*>(text.data()), text.size() - cut};
    packet.payload_wire_len = static_cast<std::uint32_t>(text.size());
    packet.time_ns = now += kMs;
    reassembler.segment(packet, 0);
    check();
  }
  void open(std::uint32_t client, std::uint32_t server) {
    send(0, client - 1, "", kTcpSyn);
    send(1, server - 1, "", kTcpSyn | kTcpAck, client);
    send(0, client, "", kTcpAck, server);
  }
  void check() const {
    Ledger ledger;
    reassembler.account(ledger);
    EXPECT_TRUE(ledger.balanced());
  }
  const StreamCounters& count() const { return reassembler.counters(); }
  const Heard& only() const {
    EXPECT_EQ(recorder.heard.size(), 1U);
    return *recorder.heard.at(0);
  }
};

}  // namespace gray
