// pcapng: sections of blocks. Read are section headers, interface descriptions and the three kinds
// of packet block; every other block is skipped, whatever its length.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "userspace/base/clock.h"
#include "userspace/pcapng/reader.h"

namespace gray {
namespace {

__extension__ using Int128 = __int128;

constexpr std::size_t kBlockHead = 8;
constexpr std::size_t kBlockTail = 4;
constexpr std::uint32_t kMinBlock = kBlockHead + kBlockTail;
constexpr std::size_t kMaxInterfaces = 4096;
constexpr std::size_t kMaxText = 1024;
constexpr std::uint8_t kMicroseconds = 6;

/// Ticks of 10^-n or, with the top bit set, 2^-n seconds, as nanoseconds.
Int128 ticks_to_ns(std::uint64_t ticks, std::uint8_t resolution) noexcept {
  const unsigned exponent = resolution & 0x7f;
  if (resolution & 0x80) return (Int128{ticks} * kNsPerSecond) >> exponent;
  Int128 ns = ticks;
  for (unsigned i = exponent; i < 9; ++i) ns *= 10;
  for (unsigned i = 9; i < exponent && ns > 0; ++i) ns /= 10;
  return ns;
}

class PcapngFormat final : public CaptureFormat {
 public:
  Step step(InputStream& input, Frame& frame, std::chrono::milliseconds timeout) override;

 private:
  using Bytes = std::span<const std::uint8_t>;
  struct Timing {
    std::uint8_t resolution = kMicroseconds;
    std::int64_t offset_s = 0;
  };

  template <class T>
  T read(const std::uint8_t* at) const noexcept {
    T value{};
    std::memcpy(&value, at, sizeof value);
    if (!swapped_) return value;
    if constexpr (sizeof value == 2) return static_cast<T>(__builtin_bswap16(value));
    if constexpr (sizeof value == 4) return static_cast<T>(__builtin_bswap32(value));
    return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  }
  std::uint16_t u16(const std::uint8_t* at) const noexcept { return read<std::uint16_t>(at); }
  std::uint32_t u32(const std::uint8_t* at) const noexcept { return read<std::uint32_t>(at); }

  template <class Visit>
  void for_each_option(Bytes options, Visit visit) const;

  Step damaged(std::string what) {
    complaint = std::move(what);
    return Step::Damaged;
  }
  Step skip(InputStream& input, std::chrono::milliseconds timeout);
  Step read_byte_order(InputStream& input, std::chrono::milliseconds timeout);
  Step read_block(InputStream& input, std::uint32_t type, std::uint32_t length, Frame& frame);
  Step read_interface(Bytes body);
  Step read_enhanced(Bytes body, Frame& frame);
  Step read_simple(Bytes body, Frame& frame);
  Step read_obsolete(Bytes body, Frame& frame);
  Step fill_frame(Bytes body, std::size_t at, std::uint32_t interface, std::uint32_t captured,
                  Frame& frame);
  std::uint64_t time_of(std::uint32_t interface, const std::uint8_t* high_and_low) const noexcept;
  void read_packet_options(Bytes options, Frame& frame) const;

  bool swapped_ = false;
  std::uint64_t to_skip_ = 0;
  std::size_t section_start_ = 0;  ///< in interfaces: numbers start anew with each section
  std::vector<Timing> timings_;    ///< beside interfaces
};

Step after(InputStream::Fill fill) noexcept {
  if (fill == InputStream::Fill::Pending) return Step::Pending;
  return fill == InputStream::Fill::Failed ? Step::Damaged : Step::Cut;
}

bool is_read(std::uint32_t type) noexcept {
  return type == pcapng::kSectionHeader || type == pcapng::kInterfaceDescription ||
         type == pcapng::kPacket || type == pcapng::kSimplePacket ||
         type == pcapng::kEnhancedPacket;
}

Step PcapngFormat::step(InputStream& input, Frame& frame, std::chrono::milliseconds timeout) {
  if (to_skip_ > 0) return skip(input, timeout);
  const auto head = input.fill(kMinBlock, timeout);
  if (head == InputStream::Fill::End && input.data().empty()) return Step::End;
  if (head != InputStream::Fill::Ready) return after(head);
  std::uint32_t type = u32(input.data().data());
  if (type == pcapng::kSectionHeader) {
    if (const Step step = read_byte_order(input, timeout); step != Step::Skipped) return step;
  }
  const std::uint32_t length = u32(input.data().data() + 4);
  if (length < kMinBlock || length % 4 != 0)
    return damaged(fmt::format("a block of {} bytes", length));
  if (!is_read(type)) {
    to_skip_ = length;
    return Step::Skipped;
  }
  if (length > InputStream::kMaxFill)
    return damaged(
        fmt::format("a block of {} bytes, more than {},", length, InputStream::kMaxFill));
  const auto filled = input.fill(length, timeout);
  if (filled != InputStream::Fill::Ready) return after(filled);
  if (u32(input.data().data() + length - kBlockTail) != length)
    return damaged("a block whose two lengths differ");
  const Step step = read_block(input, type, length, frame);
  if (step != Step::Damaged) input.advance(length);
  return step;
}

Step PcapngFormat::skip(InputStream& input, std::chrono::milliseconds timeout) {
  const auto filled = input.fill(1, timeout);
  if (filled != InputStream::Fill::Ready) return after(filled);
  const auto count = std::min<std::uint64_t>(to_skip_, input.data().size());
  input.advance(static_cast<std::size_t>(count));
  to_skip_ -= count;
  return Step::Skipped;
}

/// The type of a section header reads the same in both byte orders; its length does not.
Step PcapngFormat::read_byte_order(InputStream& input, std::chrono::milliseconds timeout) {
  const auto filled = input.fill(kMinBlock, timeout);
  if (filled != InputStream::Fill::Ready) return after(filled);
  std::uint32_t magic = 0;
  std::memcpy(&magic, input.data().data() + kBlockHead, sizeof magic);
  swapped_ = magic == __builtin_bswap32(pcapng::kByteOrderMagic);
  if (!swapped_ && magic != pcapng::kByteOrderMagic)
    return damaged("a section header without its byte-order magic");
  return Step::Skipped;
}

Step PcapngFormat::read_block(InputStream& input, std::uint32_t type, std::uint32_t length,
                              Frame& frame) {
  const Bytes body = input.data().subspan(kBlockHead, length - kMinBlock);
  Step step = Step::Skipped;
  switch (type) {
    case pcapng::kSectionHeader:
      if (body.size() < 16) return damaged("a section header that is too short");
      if (u16(body.data() + 4) != 1)
        return damaged(fmt::format("a section of version {}", u16(body.data() + 4)));
      section_start_ = interfaces.size();
      break;
    case pcapng::kInterfaceDescription:
      step = read_interface(body);
      break;
    case pcapng::kEnhancedPacket:
      step = read_enhanced(body, frame);
      break;
    case pcapng::kSimplePacket:
      step = read_simple(body, frame);
      break;
    default:
      step = read_obsolete(body, frame);
      break;
  }
  if (step == Step::Frame) frame.cookie = input.lend();
  return step;
}

/// Options that do not fit end the list; they are comments on what matters.
template <class Visit>
void PcapngFormat::for_each_option(Bytes options, Visit visit) const {
  while (options.size() >= 4) {
    const std::uint16_t code = u16(options.data());
    const std::size_t length = u16(options.data() + 2);
    options = options.subspan(4);
    if (code == pcapng::kEndOfOptions || length > options.size()) return;
    visit(code, options.first(length));
    options = options.subspan(std::min(pcapng::padded(length), options.size()));
  }
}

Step PcapngFormat::read_interface(Bytes body) {
  if (body.size() < 8) return damaged("an interface description that is too short");
  if (interfaces.size() == kMaxInterfaces)
    return damaged(fmt::format("more than {} interfaces", kMaxInterfaces));
  InterfaceInfo interface { .link = LinkType{u16(body.data())}, .snaplen = u32(body.data() + 4) };
  Timing timing;
  for_each_option(body.subspan(8), [&](std::uint16_t code, Bytes value) {
    const std::size_t length = std::min(value.size(), kMaxText);
    const std::string text(reinterpret_cast<const char*>(value.data()), length);
    if (code == pcapng::kIfName) interface.name = text;
    if (code == pcapng::kIfDescription) interface.description = text;
    if (code == pcapng::kIfOs) interface.os = text;
    if (code == pcapng::kIfFilter && length > 1 && text[0] == 0) interface.filter = text.substr(1);
    if (code == pcapng::kIfTsResolution && !value.empty()) timing.resolution = value[0];
    if (code == pcapng::kIfTsOffset && value.size() >= 8)
      timing.offset_s = read<std::int64_t>(value.data());
  });
  interfaces.push_back(std::move(interface));
  timings_.push_back(timing);
  return Step::Skipped;
}

std::uint64_t PcapngFormat::time_of(std::uint32_t interface,
                                    const std::uint8_t* high_and_low) const noexcept {
  const std::uint64_t ticks = std::uint64_t{u32(high_and_low)} << 32 | u32(high_and_low + 4);
  const Timing& timing = timings_[interface];
  const Int128 ns = ticks_to_ns(ticks, timing.resolution) +
                    Int128{timing.offset_s} * static_cast<std::int64_t>(kNsPerSecond);
  return static_cast<std::uint64_t>(std::clamp<Int128>(ns, 0, ~std::uint64_t{0}));
}

/// `captured` bytes at `at` of the block's body are a frame of the section's `interface`, which
/// exists; on success frame.interface is its number in the whole file.
Step PcapngFormat::fill_frame(Bytes body, std::size_t at, std::uint32_t interface,
                              std::uint32_t captured, Frame& frame) {
  if (interface >= interfaces.size() - section_start_)
    return damaged(fmt::format("a frame of interface {}, which is not described,", interface));
  if (captured > kMaxCapturedBytes)
    return damaged(fmt::format("a frame of {} bytes, more than {},", captured, kMaxCapturedBytes));
  if (captured > body.size() - at) return damaged("a frame that is longer than its block");
  frame.interface = static_cast<std::uint32_t>(section_start_ + interface);
  frame.link = interfaces[frame.interface].link;
  frame.bytes = body.subspan(at, captured);
  frame.wire_len = std::max(frame.wire_len, captured);
  return Step::Frame;
}

void PcapngFormat::read_packet_options(Bytes options, Frame& frame) const {
  for_each_option(options, [&](std::uint16_t code, Bytes value) {
    if (value.size() < 4) return;
    const std::uint32_t number = u32(value.data());
    if (code == pcapng::kEpbFlags && (number & 3) != 3)
      frame.direction = static_cast<std::uint8_t>(number & 3);
    if (code == pcapng::kEpbQueue) frame.queue = static_cast<std::uint16_t>(number);
  });
}

Step PcapngFormat::read_enhanced(Bytes body, Frame& frame) {
  constexpr std::size_t kFixed = 20;
  if (body.size() < kFixed) return damaged("a packet block that is too short");
  const std::uint32_t captured = u32(body.data() + 12);
  frame.wire_len = u32(body.data() + 16);
  const Step step = fill_frame(body, kFixed, u32(body.data()), captured, frame);
  if (step != Step::Frame) return step;
  frame.time_ns = time_of(frame.interface, body.data() + 4);
  const std::size_t options = kFixed + pcapng::padded(captured);
  if (options < body.size()) read_packet_options(body.subspan(options), frame);
  return step;
}

/// A simple packet has no time and no captured length: the snap length says how much there is.
Step PcapngFormat::read_simple(Bytes body, Frame& frame) {
  constexpr std::size_t kFixed = 4;
  if (body.size() < kFixed) return damaged("a packet block that is too short");
  frame.wire_len = u32(body.data());
  std::uint32_t captured =
      std::min<std::uint32_t>(frame.wire_len, static_cast<std::uint32_t>(body.size() - kFixed));
  if (section_start_ < interfaces.size() && interfaces[section_start_].snaplen > 0)
    captured = std::min(captured, interfaces[section_start_].snaplen);
  return fill_frame(body, kFixed, 0, captured, frame);
}

Step PcapngFormat::read_obsolete(Bytes body, Frame& frame) {
  constexpr std::size_t kFixed = 20;
  if (body.size() < kFixed) return damaged("a packet block that is too short");
  const std::uint32_t captured = u32(body.data() + 12);
  frame.wire_len = u32(body.data() + 16);
  const Step step = fill_frame(body, kFixed, u16(body.data()), captured, frame);
  if (step != Step::Frame) return step;
  frame.time_ns = time_of(frame.interface, body.data() + 4);
  return step;
}

}  // namespace

std::unique_ptr<CaptureFormat> make_pcapng(std::uint32_t magic) {
  if (magic != pcapng::kSectionHeader) return nullptr;
  return std::make_unique<PcapngFormat>();
}

}  // namespace gray
