// For tests of the reader: capture files, block by block, whether they are right or not.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace gray {

/// Bytes of a capture file in either byte order.
class FileBytes {
 public:
  explicit FileBytes(bool big_endian) : big_endian_(big_endian) {}

  FileBytes& u8(unsigned value) { return bytes.push_back(static_cast<std::uint8_t>(value)), *this; }
  FileBytes& u16(std::uint64_t value) { return number(value, 2); }
  FileBytes& u32(std::uint64_t value) { return number(value, 4); }
  FileBytes& u64(std::uint64_t value) { return number(value, 8); }
  FileBytes& raw(std::string_view text) {
    bytes.insert(bytes.end(), text.begin(), text.end());
    return *this;
  }
  FileBytes& pad() {
    while (bytes.size() % 4 != 0) bytes.push_back(0);
    return *this;
  }
  FileBytes& option(unsigned code, const FileBytes& value) {
    u16(code).u16(value.bytes.size());
    bytes.insert(bytes.end(), value.bytes.begin(), value.bytes.end());
    return pad();
  }
  FileBytes& block(std::uint32_t type, FileBytes body) {
    body.pad();
    const std::uint64_t length = body.bytes.size() + 12;
    u32(type).u32(length);
    bytes.insert(bytes.end(), body.bytes.begin(), body.bytes.end());
    return u32(length);
  }

  FileBytes& section() {
    return block(0x0a0d0d0a, make().u32(0x1a2b3c4d).u16(1).u16(0).u64(~std::uint64_t{0}));
  }
  FileBytes& interface(std::uint16_t link = 1, std::uint32_t snaplen = 0) {
    return block(1, make().u16(link).u16(0).u32(snaplen));
  }
  FileBytes& packet(std::uint32_t interface, std::uint64_t ticks, std::string_view data,
                    std::uint32_t wire_len = 0) {
    return block(6, make()
                        .u32(interface)
                        .u32(ticks >> 32)
                        .u32(ticks & 0xffffffff)
                        .u32(data.size())
                        .u32(wire_len != 0 ? wire_len : data.size())
                        .raw(data));
  }
  FileBytes& pcap_header(std::uint32_t magic, std::uint32_t link = 1) {
    return u32(magic).u16(2).u16(4).u32(0).u32(0).u32(65535).u32(link);
  }
  FileBytes& record(std::uint32_t seconds, std::uint32_t fraction, std::string_view data) {
    return u32(seconds).u32(fraction).u32(data.size()).u32(data.size() + 10).raw(data);
  }

  FileBytes make() const { return FileBytes(big_endian_); }

  std::vector<std::uint8_t> bytes;

 private:
  FileBytes& number(std::uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; ++i)
      u8(static_cast<unsigned>(value >> 8 * (big_endian_ ? size - 1 - i : i)) & 0xff);
    return *this;
  }

  bool big_endian_;
};

}  // namespace gray
