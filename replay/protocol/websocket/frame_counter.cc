#include "replay/protocol/websocket/frame_counter.h"

#include <algorithm>

namespace gray {
namespace {

constexpr std::uint8_t kContinuation = 0, kClose = 8;
constexpr std::uint16_t kNoCode = 1005;
constexpr std::uint64_t kMaxControl = 125;  // bytes of payload

}  // namespace

std::string_view opcode_name(std::size_t opcode) noexcept {
  switch (opcode) {
    case 0:
      return "continuation";
    case 1:
      return "text";
    case 2:
      return "binary";
    case 8:
      return "close";
    case 9:
      return "ping";
    case 10:
      return "pong";
    default:
      return "reserved";
  }
}

namespace websocket {

void FrameCounter::flag(std::string_view anomaly) noexcept {
  auto& names = side_.anomalies;
  if (std::find(names.begin(), names.end(), anomaly) == names.end()) names.emplace_back(anomaly);
}

// Two bytes until the second one is there.
std::size_t FrameCounter::header_size() const noexcept {
  if (have_ < 2) return 2;
  const std::uint8_t length = header_[1] & 0x7f;
  const std::size_t extended = length == 126 ? 2U : length == 127 ? 8U : 0U;
  return 2 + extended + ((header_[1] & 0x80) != 0 ? 4U : 0U);
}

void FrameCounter::feed(std::span<const std::uint8_t> bytes) noexcept {
  while (!bytes.empty() && !lost_) {
    if (in_payload_) {
      const auto some =
          bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
      take_payload(some);
      bytes = bytes.subspan(some.size());
      continue;
    }
    header_[have_++] = bytes.front();
    bytes = bytes.subspan(1);
    if (have_ == header_size()) begin_frame();
  }
  side_.unread += bytes.size();
}

void FrameCounter::begin_frame() noexcept {
  std::uint64_t length = header_[1] & 0x7f;
  const std::size_t extended = length == 126 ? 2U : length == 127 ? 8U : 0U;
  if (extended > 0) length = 0;
  for (std::size_t i = 0; i < extended; ++i) length = length << 8 | header_[2 + i];
  const bool control = opcode() >= kClose;
  if (length >> 63 != 0) {
    flag("length-out-of-range");
    lost_ = true;
    return;
  }
  if (((header_[1] & 0x80) != 0) != masks_) flag(masks_ ? "unmasked" : "masked");
  if (opcode_name(opcode()) == "reserved") flag("reserved-opcode");
  if ((header_[0] & 0x30) != 0) flag("reserved-bits");
  if (control && (!final() || length > kMaxControl)) flag("bad-control-frame");
  if (!control && (opcode() == kContinuation) != in_message_) flag("bad-continuation");
  if (!control && opcode() != kContinuation) compressed_ = (header_[0] & 0x40) != 0;
  if (!control) in_message_ = true;
  ++side_.by_opcode[opcode()].frames;
  in_payload_ = true;
  left_ = length;
  taken_ = 0;
  code_ = 0;
  if (left_ == 0) end_frame();
}

void FrameCounter::take_payload(std::span<const std::uint8_t> bytes) noexcept {
  side_.by_opcode[opcode()].bytes += bytes.size();
  const bool masked = (header_[1] & 0x80) != 0;
  for (std::size_t i = 0; opcode() == kClose && i < bytes.size() && taken_ + i < 2; ++i) {
    const auto at = static_cast<std::size_t>(taken_ + i);
    const std::uint8_t mask = masked ? header_[header_size() - 4 + at] : std::uint8_t{0};
    code_ = static_cast<std::uint16_t>(code_ << 8 | (bytes[i] ^ mask));
  }
  taken_ += bytes.size();
  left_ -= bytes.size();
  if (left_ == 0) end_frame();
}

void FrameCounter::end_frame() noexcept {
  if (opcode() == kClose) side_.close_code = taken_ >= 2 ? code_ : kNoCode;
  if (opcode() < kClose && final()) {
    in_message_ = false;
    ++side_.messages;
    side_.compressed += compressed_ ? 1 : 0;
  }
  in_payload_ = false;
  have_ = 0;
}

void FrameCounter::gap(std::uint64_t length) noexcept {
  side_.missing += length;
  if (lost_) return;
  lost_ = !in_payload_ || length > left_ || opcode() == kClose;
  if (lost_) return;
  side_.by_opcode[opcode()].bytes += length;
  left_ -= length;
  if (left_ == 0) end_frame();
}

}  // namespace websocket
}  // namespace gray
