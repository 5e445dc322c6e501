#include "replay/protocol/http2/frame.h"

#include <algorithm>

#include "replay/protocol/http2/hpack.h"

namespace gray::http2 {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint32_t kMaxErrorCode = 0x0d;  // RFC 9113 section 7
constexpr unsigned kMaxSetting = 0x09;
constexpr unsigned kEnough = 3;

bool known(FrameType type) noexcept {
  return type <= FrameType::Continuation;
}

bool of_stream(FrameType type) noexcept {
  return type != FrameType::Settings && type != FrameType::Ping && type != FrameType::Goaway;
}

bool right_length(const FrameHeader& header) noexcept {
  switch (header.type) {
    case FrameType::Priority:
      return header.length == 5;
    case FrameType::RstStream:
    case FrameType::WindowUpdate:
      return header.length == 4;
    case FrameType::Settings:
      return header.length % 6 == 0 && (!header.has(kAck) || header.length == 0);
    case FrameType::PushPromise:
      return header.length >= 4;
    case FrameType::Ping:
      return header.length == 8;
    case FrameType::Goaway:
      return header.length >= 8;
    case FrameType::Headers:
      return header.length > (header.has(kPriority) ? 5U : 0U);
    default:
      return true;
  }
}

std::uint8_t flags_of(FrameType type) noexcept {
  switch (type) {
    case FrameType::Data:
      return kEndStream | kPadded;
    case FrameType::Headers:
      return kEndStream | kEndHeaders | kPadded | kPriority;
    case FrameType::PushPromise:
      return kEndHeaders | kPadded;
    case FrameType::Settings:
    case FrameType::Ping:
      return kAck;
    case FrameType::Continuation:
      return kEndHeaders;
    default:
      return 0;
  }
}

// Stricter than acceptable(): what real peers send, without the liberties that a receiver ignores.
bool plausible(const FrameHeader& header) noexcept {
  if (header.reserved || !known(header.type) || !acceptable(header, kDefaultMaxFrame)) return false;
  if ((header.flags & ~flags_of(header.type)) != 0) return false;
  if (header.type == FrameType::WindowUpdate) return true;
  const bool silly =
      header.type == FrameType::Data && header.length == 0 && !header.has(kEndStream);
  return !silly && of_stream(header.type) == (header.stream != 0);
}

bool plausible_settings(Bytes payload) noexcept {
  for (; payload.size() >= 6; payload = payload.subspan(6)) {
    const unsigned id = unsigned{payload[0]} << 8 | payload[1];
    const bool grease = (id & 0x0f0f) == 0x0a0a;  // RFC 8701, as browsers use it here
    if (!grease && (id == 0 || id > kMaxSetting)) return false;
  }
  return true;
}

bool plausible_block(const FrameHeader& header, Bytes payload) noexcept {
  std::size_t padding = 0;
  if (header.has(kPadded)) {
    padding = payload[0];
    payload = payload.subspan(1);
  }
  const std::size_t skip = header.type == FrameType::PushPromise ? 4
                           : header.has(kPriority)               ? 5
                                                                 : 0;
  if (skip + padding >= payload.size()) return false;
  if (!header.has(kEndHeaders)) return true;
  return looks_like_block(payload.subspan(skip, payload.size() - skip - padding));
}

// How much a frame proves, given its whole payload: 0 when it is none.
unsigned worth(const FrameHeader& header, Bytes payload) noexcept {
  switch (header.type) {
    case FrameType::Data:
      return !header.has(kPadded) || (!payload.empty() && payload[0] < payload.size()) ? 1 : 0;
    case FrameType::Headers:
    case FrameType::PushPromise:
      return plausible_block(header, payload) ? 2 : 0;
    case FrameType::RstStream:
      return read_u32(payload) <= kMaxErrorCode ? 2 : 0;
    case FrameType::Goaway:
      return read_u32(payload.subspan(4)) <= kMaxErrorCode ? 2 : 0;
    case FrameType::WindowUpdate:
      return read_u32(payload) - 1 < 0x7fffffff ? 2 : 0;
    case FrameType::Settings:
      return !plausible_settings(payload) ? 0 : payload.empty() ? 1 : 2;
    case FrameType::Continuation:
      return 1;
    default:
      return 2;
  }
}

// Whether a frame may come where one of the kind of `block` is not finished by CONTINUATION yet.
bool follows(const FrameHeader& header, const FrameHeader* block) noexcept {
  const bool continues = header.type == FrameType::Continuation;
  if (block == nullptr) return !continues;
  return continues && header.stream == block->stream;
}

bool opens_block(const FrameHeader& header) noexcept {
  return header.type == FrameType::Headers || header.type == FrameType::PushPromise ||
         header.type == FrameType::Continuation;
}

}  // namespace

std::uint32_t read_u32(Bytes bytes) noexcept {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | bytes[3];
}

FrameHeader read_frame_header(Bytes bytes) noexcept {
  const std::uint32_t stream = read_u32(bytes.subspan(5));
  return {.length = read_u32(bytes) >> 8,
          .type = static_cast<FrameType>(bytes[3]),
          .flags = bytes[4],
          .stream = stream & 0x7fffffff,
          .reserved = stream >> 31 != 0};
}

bool acceptable(const FrameHeader& header, std::uint32_t max_length) noexcept {
  if (header.length > max_length) return false;
  if (!known(header.type)) return true;
  if (!right_length(header)) return false;
  if (header.type == FrameType::WindowUpdate) return true;
  return of_stream(header.type) == (header.stream != 0);
}

Match judge_frames(Bytes bytes, bool alone) noexcept {
  FrameHeader header;
  FrameHeader block;
  bool in_block = false;
  bool strong = alone;  // DATA alone looks too much like any numbers in network order
  unsigned sure = 0;
  for (unsigned frames = 1;; ++frames) {
    if (bytes.empty()) return alone && sure >= 2 && !in_block ? Match::Yes : Match::More;
    if (bytes.size() < kFrameHeader) return bytes[0] == 0 ? Match::More : Match::No;
    header = read_frame_header(bytes);
    if (!plausible(header) || !follows(header, in_block ? &block : nullptr)) return Match::No;
    // Clients open streams with odd numbers (RFC 9113 section 5.1.1); pushed ones are too rare to
    // know a connection by, and even numbers too common in other protocols.
    if (!alone && header.stream != 0 && header.stream % 2 == 0) return Match::No;
    const Bytes rest = bytes.subspan(kFrameHeader);
    const bool whole = rest.size() >= header.length;
    const unsigned more = whole ? worth(header, rest.first(header.length)) : 1;
    if (more == 0) return Match::No;
    sure += more;
    strong = strong || more >= 2;
    if (strong && frames >= 2 && sure >= kEnough) return Match::Yes;
    if (!whole) return Match::More;
    in_block = opens_block(header) && !header.has(kEndHeaders);
    block = header;
    bytes = rest.subspan(header.length);
  }
}

Match recognise(Bytes first_bytes) noexcept {
  const std::size_t length = std::min(first_bytes.size(), kPreface.size());
  const Bytes start = first_bytes.first(length);
  if (std::equal(start.begin(), start.end(), kPreface.begin(),
                 [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); }))
    return length == kPreface.size() ? Match::Yes : Match::More;
  return judge_frames(first_bytes, false);
}

}  // namespace gray::http2
