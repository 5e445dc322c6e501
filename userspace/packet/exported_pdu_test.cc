// Exported PDUs: what is read of their tags, which are of no stream, and every cut of a good one.
#include "userspace/packet/exported_pdu.h"

#include <gtest/gtest.h>

#include <string>

#include "userspace/packet/nested_for_test.h"
#include "userspace/packet/pdu_for_test.h"

namespace gray {
namespace {

ExportedPdu read(const Bytes& bytes, std::uint32_t wire_len = 0) {
  return read_exported_pdu(
      {.bytes = bytes,
       .wire_len = std::max(wire_len, static_cast<std::uint32_t>(bytes.size())),
       .link = LinkType::WiresharkUpperPdu});
}

TEST(ExportedPdu, HasEndpointsAndBytes) {
  const PduBytes made;
  const Bytes bytes = made.bytes("hello");
  const ExportedPdu pdu = read(bytes);
  EXPECT_EQ(pdu.packet.odd, Odd::None);
  EXPECT_TRUE(pdu.packet.has_tcp && pdu.packet.is_ip && pdu.packet.is_v4);
  EXPECT_EQ(pdu.protocol, PduProtocol::Http2);
  EXPECT_EQ(pdu.packet.source.to_string(), "10.0.0.1:40000");
  EXPECT_EQ(pdu.packet.destination.to_string(), "10.0.0.2:443");
  EXPECT_EQ(text_of(pdu.packet), "hello");
  EXPECT_EQ(text_of(decode_as(LinkType::WiresharkUpperPdu, bytes)), "hello");
}

TEST(ExportedPdu, OfIpv6AndHttp1) {
  PduBytes made;
  made.dissector = "http-over-tls";
  made.source = "2001:db8::1";
  made.destination = "2001:db8::2";
  const Bytes bytes = made.bytes("hello");
  const ExportedPdu pdu = read(bytes);
  EXPECT_EQ(pdu.packet.odd, Odd::None);
  EXPECT_FALSE(pdu.packet.is_v4);
  EXPECT_EQ(pdu.protocol, PduProtocol::Http1);
  EXPECT_EQ(pdu.packet.source.to_string(), "[2001:db8::1]:40000");
}

TEST(ExportedPdu, OfADissectorThatWasFoundByContent) {
  PduBytes made;
  made.name_tag = 13;
  made.dissector = "http_tls";
  const Bytes bytes = made.bytes("hello");
  EXPECT_EQ(text_of(read(bytes).packet), "hello");
  EXPECT_EQ(read(bytes).protocol, PduProtocol::Http1);
}

TEST(ExportedPdu, WhatIsOfNoStream) {
  const auto odd = [](auto change) {
    PduBytes made;
    change(made);
    return read(made.bytes("hello")).packet.odd;
  };
  EXPECT_EQ(odd([](PduBytes& made) { made.dissector = "json"; }), Odd::PduOfNoStream);
  EXPECT_EQ(odd([](PduBytes& made) { made.dissector = ""; }), Odd::PduOfNoStream);
  EXPECT_EQ(odd([](PduBytes& made) { made.port_type = 3; }), Odd::PduOfNoStream) << "UDP";
  EXPECT_EQ(odd([](PduBytes& made) { made.source = ""; }), Odd::PduOfNoStream);
  EXPECT_EQ(odd([](PduBytes& made) { made.destination = "::1"; }), Odd::PduOfNoStream);
  EXPECT_EQ(odd([](PduBytes& made) { made.source_port = 65536; }), Odd::PduOfNoStream);
  // An address that has not the length of one.
  EXPECT_EQ(read({0, 12, 0, 4, 'h', 't', 't', 'p', 0, 20, 0, 2, 1, 1, 0, 0, 0, 0}).packet.odd,
            Odd::PduOfNoStream);
}

TEST(ExportedPdu, EveryCut) {
  const Bytes whole = PduBytes().bytes("hello");
  const std::size_t begins = whole.size() - 5;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const Packet packet = read(cut, static_cast<std::uint32_t>(whole.size())).packet;
    EXPECT_EQ(packet.odd, size < begins ? Odd::PduTags : Odd::None) << size;
    if (size < begins) continue;
    EXPECT_EQ(packet.payload.size(), size - begins);
    EXPECT_EQ(packet.payload_wire_len, 5U);
  }
  EXPECT_EQ(read({0, 20, 0xff, 0xff, 1}).packet.odd, Odd::PduTags) << "a tag beyond the frame";
}

}  // namespace
}  // namespace gray
