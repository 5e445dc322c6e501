// For tests: a TCP conversation as frames, and an extractor that reads them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "replay/protocol/extractor.h"
#include "userspace/packet/build.h"

namespace gray {

struct BuiltFrame {
  std::vector<std::uint8_t> bytes;
  std::uint64_t time_ns;
};

/// One connection between 10.0.0.1:50000 (client) and 10.0.0.2:8080; a millisecond passes with each
/// segment.
class Conversation {
 public:
  explicit Conversation(std::uint16_t client_port = 50000) : port_(client_port) {}

  Conversation& open() {
    segment(0, "", 0x02);
    segment(1, "", 0x12);
    segment(0, "", 0x10);
    return *this;
  }
  Conversation& client(std::string_view text) { return segment(0, text, 0x18); }
  Conversation& server(std::string_view text) { return segment(1, text, 0x18); }
  /// `text` was sent and acknowledged, but not captured.
  Conversation& lose_client(std::string_view text) { return lose(0, text); }
  Conversation& lose_server(std::string_view text) { return lose(1, text); }
  /// An empty segment, with what its sender has received.
  Conversation& ack(unsigned from) { return segment(from, "", 0x10); }
  Conversation& fin(unsigned from) { return segment(from, "", 0x11); }
  Conversation& reset(unsigned from) { return segment(from, "", 0x04); }

  const std::vector<BuiltFrame>& frames() const { return frames_; }
  std::uint64_t now() const { return now_; }

 private:
  Conversation& segment(unsigned from, std::string_view text, std::uint8_t flags) {
    now_ += 1'000'000;
    PacketBuilder packet;
    packet.eth().ipv4(from == 0 ? "10.0.0.1" : "10.0.0.2", from == 0 ? "10.0.0.2" : "10.0.0.1");
    packet.tcp(from == 0 ? port_ : 8080, from == 0 ? 8080 : port_, flags);
    packet.seq(next_[from], (flags & 0x10) != 0 ? next_[1 - from] : 0);
    if (!text.empty()) packet.payload(text);
    frames_.push_back({packet.bytes(), now_});
    next_[from] += static_cast<std::uint32_t>(text.size()) + ((flags & 0x03) != 0 ? 1U : 0U);
    return *this;
  }
  Conversation& lose(unsigned from, std::string_view text) {
    next_[from] += static_cast<std::uint32_t>(text.size());
    return *this;
  }

  std::uint16_t port_;
  std::uint32_t next_[2] = {0xffffff00, 7000};
  std::uint64_t now_ = 1'700'000'000'000'000'000;
  std::vector<BuiltFrame> frames_;
};

/// Keeps the exchanges.
struct ExchangeList : ExchangeSink {
  std::vector<Exchange> list;
  std::vector<std::uint64_t> ended;

  void exchange(Exchange&& exchange) override { list.push_back(std::move(exchange)); }
  void connection_end(std::uint64_t stream) override { ended.push_back(stream); }

  /// "GET /a 200, POST /b -": each with "!" behind what is not complete.
  std::string text() const {
    std::string text;
    for (const Exchange& e : list) {
      if (!text.empty()) text += ", ";
      text += e.request.method.empty() ? "-" : e.request.method + " " + e.request.target;
      if (!e.request.method.empty() && !e.request.complete) text += "!";
      text += e.response ? " " + std::to_string(e.response->status) : " -";
      if (e.response && !e.response->complete) text += "!";
    }
    return text;
  }
};

struct Extraction {
  explicit Extraction(const ExtractorOptions& options = {}) : extractor(options, exchanges) {}

  ExchangeList exchanges;
  Extractor extractor;

  void feed(const BuiltFrame& built) {
    Frame frame;
    frame.bytes = built.bytes;
    frame.wire_len = static_cast<std::uint32_t>(built.bytes.size());
    frame.time_ns = built.time_ns;
    extractor.frame(frame);
  }
  Extraction& feed(const Conversation& conversation) {
    for (const BuiltFrame& frame : conversation.frames()) feed(frame);
    return *this;
  }
  std::string finish() {
    extractor.finish();
    Ledger ledger;
    extractor.account(ledger);
    EXPECT_TRUE(ledger.balanced());
    for (const Stage& stage : ledger.stages())
      EXPECT_TRUE(stage.held == 0 || stage.name == "defragment") << stage.name;
    return exchanges.text();
  }
};

}  // namespace gray
