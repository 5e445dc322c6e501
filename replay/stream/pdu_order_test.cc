// Exported PDUs as segments: one behind the other, what comes again taken off, connections
// forgotten.
#include "replay/stream/pdu_order.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "replay/stream/segmenter.h"
#include "userspace/packet/pdu_for_test.h"

namespace gray {
namespace {

using std::string_literals::operator""s;

std::string text_of(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

/// The bytes of one direction; fails where one does not begin where the last ended.
class Talk {
 public:
  explicit Talk(std::string dissector) { client_.dissector = server_.dissector = dissector; }

  void client(const std::string& bytes) { add(client_, sent, bytes); }
  void server(const std::string& bytes) { add(server_, answered, bytes); }

  std::string sent;
  std::string answered;

 private:
  void add(const PduBytes& made, std::string& all, const std::string& payload) {
    const auto bytes = made.bytes(payload);
    const ExportedPdu pdu =
        read_exported_pdu({.bytes = bytes, .link = LinkType::WiresharkUpperPdu});
    ASSERT_EQ(pdu.packet.odd, Odd::None);
    const Packet packet = order_.place(pdu);
    EXPECT_EQ(packet.seq, all.size());
    EXPECT_EQ(packet.payload.size(), packet.payload_wire_len);
    all += text_of(packet.payload);
  }

  PduOrder order_;
  PduBytes client_;
  PduBytes server_{.source = "10.0.0.2",
                   .destination = "10.0.0.1",
                   .source_port = 443,
                   .destination_port = 40'000};
};

/// A DATA frame.
std::string frame(const std::string& payload) {
  return "\0\0"s + static_cast<char>(payload.size()) + "\0\0\0\0\0\1"s + payload;
}

TEST(PduOrder, HoweverAStreamOfFramesIsCutAndExportedItIsTheSame) {
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const std::string first = frame("first") + frame("");
  const std::string cut = frame("second, which is cut");
  const std::string all = preface + first + cut + frame("third");
  for (std::size_t at = 0; at < cut.size(); ++at) {
    Talk again("http2");  // the cut one twice, as far as it was there and whole
    again.client(preface + first + cut.substr(0, at));
    again.client(cut);
    again.client(frame("third"));
    EXPECT_EQ(again.sent, all) << at;

    Talk once("http2");
    const std::string sure = frame("this one tells it from the other way");
    once.client(preface + first + sure.substr(0, 20));
    once.client(sure.substr(20) + cut.substr(0, at));
    once.client(cut.substr(at) + frame("third"));
    EXPECT_EQ(once.sent, preface + first + sure + cut + frame("third")) << at;

    if (at < 2) continue;
    Talk grows("http2");
    grows.client(preface + first + cut.substr(0, at / 2));
    grows.client(cut.substr(0, at));
    grows.client(cut + frame("third"));
    EXPECT_EQ(grows.sent, all) << at;
  }
}

TEST(PduOrder, AMessageThatGrowsComesOnce) {
  Talk talk("http-over-tls");
  const std::string head = "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\n";
  talk.client(head);
  talk.server("HTTP/1.1 100 Continue\r\n\r\n");
  talk.client(head + "abc");
  talk.client(head + "abcdef");
  talk.server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
  talk.server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(talk.sent, head + "abcdef");
  EXPECT_EQ(talk.answered,
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

TEST(PduOrder, EqualMessagesAreNotOneThatGrows) {
  Talk talk("http-over-tls");
  const std::string get = "GET / HTTP/1.1\r\n\r\n";
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
  talk.client("HEAD / HTTP/1.1\r\n\r\n");
  talk.server(head);
  talk.client(get);
  talk.server(head + "ok");
  talk.client(get);
  talk.server(head + "ok");
  EXPECT_EQ(talk.sent, "HEAD / HTTP/1.1\r\n\r\n" + get + get);
  EXPECT_EQ(talk.answered, head + head + "ok" + head + "ok");
}

TEST(PduOrder, RecordsThatAreNoMessagesFollowEachOther) {
  Talk talk("http-over-tls");
  talk.server("0000");
  talk.server("00000000");
  EXPECT_EQ(talk.answered, "000000000000");
}

TEST(PduOrder, WhatWasNotCapturedIsAGap) {
  PduOrder order;
  const auto bytes = PduBytes().bytes(frame("hello"));
  const auto place = [&](std::size_t captured) {
    return order.place(read_exported_pdu({.bytes = std::span(bytes).first(captured),
                                          .wire_len = static_cast<std::uint32_t>(bytes.size()),
                                          .link = LinkType::WiresharkUpperPdu}));
  };
  place(bytes.size() - 7);
  const Packet next = place(bytes.size());
  EXPECT_EQ(next.seq, 14U);
  EXPECT_EQ(next.payload.size(), 14U);
}

TEST(PduOrder, ForgetsTheIdlest) {
  PduOrder order({.connections = 10, .idle_ns = 1000});
  const auto place = [&](std::uint32_t port, std::uint64_t now) {
    PduBytes made;
    made.source_port = port;
    const auto bytes = made.bytes(frame(""));
    return order
        .place(read_exported_pdu(
            {.bytes = bytes, .time_ns = now, .link = LinkType::WiresharkUpperPdu}))
        .seq;
  };
  for (std::uint32_t port = 1; port <= 100; ++port) place(port, 1);
  EXPECT_EQ(order.connections(), 10U);
  EXPECT_EQ(place(100, 2), 9U);
  EXPECT_EQ(place(1, 2), 0U);
  EXPECT_EQ(place(99, 1500), 0U) << "idle too long";
  EXPECT_EQ(order.connections(), 1U);
}

TEST(PduOrder, OddOnesAreCountedByName) {
  Segmenter segmenter;
  PduBytes json;
  json.dissector = "json";
  const auto good = PduBytes().bytes("hello");
  const auto other = json.bytes("{}");
  const std::vector<Frame> frames{
      {.bytes = good, .link = LinkType::WiresharkUpperPdu},
      {.bytes = other, .link = LinkType::WiresharkUpperPdu},
      {.bytes = std::span(good).first(10), .link = LinkType::WiresharkUpperPdu}};
  EXPECT_EQ(segmenter.read(frames, frames.size()).size(), 1U);
  Ledger ledger;
  segmenter.account(ledger);
  EXPECT_TRUE(ledger.balanced());
  EXPECT_EQ(ledger.drop("decode", "pdu_of_no_stream"), 1U);
  EXPECT_EQ(ledger.drop("decode", "pdu_tags"), 1U);
}

}  // namespace
}  // namespace gray
