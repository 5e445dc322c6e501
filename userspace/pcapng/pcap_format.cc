// Classic pcap: a file header, then records, each with a header of its own.
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "userspace/base/clock.h"
#include "userspace/pcapng/reader.h"

namespace gray {
namespace {

constexpr std::size_t kFileHeader = 24;
constexpr std::size_t kRecordHeader = 16;
constexpr std::size_t kModifiedRecordHeader = 24;
// Raw IP, as old files have it: the number that the capturing system used inside.
constexpr std::uint16_t kRawBsd = 12;
constexpr std::uint16_t kRawOpenBsd = 14;

Step after(InputStream::Fill fill) noexcept {
  if (fill == InputStream::Fill::Pending) return Step::Pending;
  return fill == InputStream::Fill::Failed ? Step::Damaged : Step::Cut;
}

class PcapFormat final : public CaptureFormat {
 public:
  PcapFormat(bool swapped, bool nanoseconds, bool modified) noexcept
      : swapped_(swapped),
        ns_per_tick_(nanoseconds ? 1 : kNsPerUs),
        record_header_(modified ? kModifiedRecordHeader : kRecordHeader) {}

  Step step(InputStream& input, Frame& frame, std::chrono::milliseconds timeout) override {
    return interfaces.empty() ? read_header(input, timeout) : read_record(input, frame, timeout);
  }

 private:
  std::uint32_t u32(const std::uint8_t* at) const noexcept {
    std::uint32_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return swapped_ ? __builtin_bswap32(value) : value;
  }

  Step read_header(InputStream& input, std::chrono::milliseconds timeout) {
    const auto filled = input.fill(kFileHeader, timeout);
    if (filled != InputStream::Fill::Ready) return after(filled);
    const std::uint8_t* header = input.data().data();
    // The upper half tells about frame check sequences; the IP length cuts those off.
    auto link = static_cast<std::uint16_t>(u32(header + 20));
    if (link == kRawBsd || link == kRawOpenBsd) link = static_cast<std::uint16_t>(LinkType::Raw);
    interfaces.push_back({.link = LinkType{link}, .snaplen = u32(header + 16)});
    input.advance(kFileHeader);
    return Step::Skipped;
  }

  Step read_record(InputStream& input, Frame& frame, std::chrono::milliseconds timeout) {
    const auto header_filled = input.fill(record_header_, timeout);
    if (header_filled == InputStream::Fill::End && input.data().empty()) return Step::End;
    if (header_filled != InputStream::Fill::Ready) return after(header_filled);
    const std::uint32_t captured = u32(input.data().data() + 8);
    if (captured > kMaxCapturedBytes) {
      complaint = fmt::format("a frame of {} bytes, more than {},", captured, kMaxCapturedBytes);
      return Step::Damaged;
    }
    const auto filled = input.fill(record_header_ + captured, timeout);
    if (filled != InputStream::Fill::Ready) return after(filled);

    const std::uint8_t* header = input.data().data();
    frame.time_ns = u32(header) * kNsPerSecond + u32(header + 4) * ns_per_tick_;
    frame.wire_len = std::max(u32(header + 12), captured);
    frame.link = interfaces.front().link;
    frame.bytes = input.data().subspan(record_header_, captured);
    frame.cookie = input.lend();
    input.advance(record_header_ + captured);
    return Step::Frame;
  }

  bool swapped_;
  std::uint64_t ns_per_tick_;
  std::size_t record_header_;
};

}  // namespace

std::unique_ptr<CaptureFormat> make_pcap(std::uint32_t magic) {
  for (const bool swapped : {false, true}) {
    const std::uint32_t value = swapped ? __builtin_bswap32(magic) : magic;
    const bool modified = value == pcap::kMagicModified;
    if (value == pcap::kMagicMicro || value == pcap::kMagicNano || modified)
      return std::make_unique<PcapFormat>(swapped, value == pcap::kMagicNano, modified);
  }
  return nullptr;
}

}  // namespace gray
