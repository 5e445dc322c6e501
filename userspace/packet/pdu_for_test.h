// For tests: an exported PDU as Wireshark writes it, each tag of which may be wrong or missing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "userspace/packet/address.h"
#include "userspace/packet/build.h"

namespace gray {

struct PduBytes {
  std::string dissector = "http2";  ///< of these, such as are empty have no tag
  unsigned name_tag = 12;
  std::string source = "10.0.0.1";
  std::string destination = "10.0.0.2";
  std::uint32_t port_type = 2;
  std::uint32_t source_port = 40'000;
  std::uint32_t destination_port = 443;

  PacketBuilder::Bytes bytes(std::string_view payload) const {
    PacketBuilder::Bytes out;
    std::string name = dissector;
    name.resize((name.size() + 3) / 4 * 4);
    if (!name.empty()) put(out, name_tag, name);
    put_address(out, 20, source);
    put_address(out, 21, destination);
    put_number(out, 24, port_type);
    put_number(out, 25, source_port);
    put_number(out, 26, destination_port);
    put_number(out, 30, 7);  // the number of the frame that it was in
    put(out, 0, "");
    out.insert(out.end(), payload.begin(), payload.end());
    return out;
  }

 private:
  static void put(PacketBuilder::Bytes& out, unsigned tag, std::string_view value) {
    for (const std::size_t word : {std::size_t{tag}, value.size()}) {
      out.push_back(static_cast<std::uint8_t>(word >> 8));
      out.push_back(static_cast<std::uint8_t>(word));
    }
    out.insert(out.end(), value.begin(), value.end());
  }
  static void put_number(PacketBuilder::Bytes& out, unsigned tag, std::uint32_t value) {
    std::string text;
    for (const int shift : {24, 16, 8, 0}) text += static_cast<char>(value >> shift);
    put(out, tag, text);
  }
  static void put_address(PacketBuilder::Bytes& out, unsigned tag, const std::string& text) {
    if (text.empty()) return;
    const IpAddress address = IpAddress::parse(text);
    const std::string all(address.bytes.begin(), address.bytes.end());
    address.is_v4() ? put(out, tag, all.substr(12)) : put(out, tag + 2, all);
  }
};

}  // namespace gray
