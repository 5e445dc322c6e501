#include "replay/protocol/http2/frame_reader.h"

#include <algorithm>

namespace gray::http2 {
namespace {

// When the receiver's setting was not seen.
constexpr std::uint32_t kMaxFrameUnknown = 1u << 20;

bool carries_block(FrameType type) noexcept {
  return type == FrameType::Headers || type == FrameType::PushPromise ||
         type == FrameType::Continuation;
}

bool ignored(FrameType type) noexcept {
  return type > FrameType::Continuation || type == FrameType::Priority ||
         type == FrameType::WindowUpdate || type == FrameType::Ping;
}

}  // namespace

FrameReader::FrameReader(FrameSink& sink, MemoryBudget* budget, bool from_start) noexcept
    : sink_(sink),
      search_(budget),
      collected_(budget),
      fragment_(budget),
      max_frame_(from_start ? kDefaultMaxFrame : kMaxFrameUnknown),
      from_start_(from_start) {}

void FrameReader::allow_frame_size(std::uint32_t size) noexcept {
  max_frame_ = std::max(max_frame_, std::min(size, 0xffffffU));
}

void FrameReader::feed(Bytes bytes, std::uint64_t now_ns) noexcept {
  now_ns_ = now_ns;
  if (state_ == State::Start || state_ == State::Preface) bytes = start(bytes);
  while (!bytes.empty()) {
    if (state_ == State::Search) {
      bytes = search(bytes);
    } else {
      bytes = run(bytes);
      if (state_ == State::Search) search_.clear(offset_);
    }
  }
}

// Reads over the preface, which only a client sends.
FrameReader::Bytes FrameReader::start(Bytes bytes) noexcept {
  while (!bytes.empty() && have_ < kPreface.size() &&
         bytes[0] == static_cast<std::uint8_t>(kPreface[have_])) {
    bytes = bytes.subspan(1);
    ++offset_;
    ++have_;
    state_ = State::Preface;
  }
  const bool whole = have_ == kPreface.size();
  if (bytes.empty() && !whole) return bytes;
  const bool frames = whole || (have_ == 0 && from_start_);
  have_ = 0;
  state_ = State::Head;
  if (whole) sink_.preface();
  if (!frames) {
    lose();
    search_.clear(offset_);
  }
  return bytes;
}

// Reads frames until the bytes end or are frames no more.
FrameReader::Bytes FrameReader::run(Bytes bytes) noexcept {
  while (!bytes.empty() && (state_ == State::Head || state_ == State::Payload))
    bytes = state_ == State::Head ? head(bytes) : payload(bytes);
  return bytes;
}

FrameReader::Bytes FrameReader::head(Bytes bytes) noexcept {
  if (have_ == 0) {
    frame_offset_ = offset_;
    frame_ns_ = now_ns_;
  }
  const std::size_t used = std::min(kFrameHeader - have_, bytes.size());
  std::copy_n(bytes.begin(), used, head_.begin() + have_);
  have_ = static_cast<std::uint8_t>(have_ + used);
  offset_ += used;
  if (have_ == kFrameHeader) {
    have_ = 0;
    frame_ = read_frame_header(head_);
    begin_frame();
  }
  return bytes.subspan(used);
}

void FrameReader::begin_frame() noexcept {
  if (!acceptable(frame_, max_frame_)) return lose();
  const bool continues =
      frame_.type == FrameType::Continuation && frame_.stream == block_.frame.stream;
  if (in_block_ && !continues) {  // RFC 9113 section 6.10 forbids it
    block_.lost = true;
    end_block({});
  }
  left_ = data_left_ = frame_.length;
  pad_next_ = frame_.type == FrameType::Data && frame_.has(kPadded);
  damaged_ = false;
  state_ = State::Payload;
  if (left_ == 0) end_frame({});
}

FrameReader::Bytes FrameReader::payload(Bytes bytes) noexcept {
  Bytes piece = bytes.first(std::min<std::size_t>(left_, bytes.size()));
  left_ -= static_cast<std::uint32_t>(piece.size());
  offset_ += piece.size();
  const bool ended = left_ == 0;
  bytes = bytes.subspan(piece.size());
  if (frame_.type == FrameType::Data) {
    data(piece);
  } else if (!ignored(frame_.type) && !(ended && collected_.empty())) {
    const std::size_t most = carries_block(frame_.type) ? kMaxBlock : kMaxControl;
    const Bytes kept = piece.first(std::min(piece.size(), most - collected_.size()));
    const bool all = collected_.append(kept) && kept.size() == piece.size();
    damaged_ = damaged_ || !all;
    piece = collected_.bytes();
  }
  if (ended) end_frame(piece);
  return bytes;
}

void FrameReader::end_frame(Bytes whole) noexcept {
  state_ = State::Head;
  if (frame_.type == FrameType::Data) {
    sink_.data_end(frame_, now_ns_);
  } else if (carries_block(frame_.type)) {
    block_frame(whole);
  } else if (!ignored(frame_.type)) {
    const bool enough = !damaged_ || frame_.length > kMaxControl;
    if (enough) sink_.control(frame_, whole.first(std::min(whole.size(), kMaxControl)));
  }
  collected_.clear();
}

void FrameReader::data(Bytes piece) noexcept {
  if (pad_next_ && !piece.empty()) {
    pad_next_ = false;
    data_left_ -= std::min(data_left_, std::uint32_t{piece[0]} + 1);
    piece = piece.subspan(1);
  }
  const Bytes content = piece.first(std::min<std::size_t>(piece.size(), data_left_));
  data_left_ -= static_cast<std::uint32_t>(content.size());
  if (!content.empty()) sink_.data(frame_.stream, content, now_ns_);
}

void FrameReader::block_frame(Bytes payload) noexcept {
  const bool continues = frame_.type == FrameType::Continuation;
  if (continues && !in_block_) return;  // its beginning was lost
  if (!continues) block_ = {frame_, 0, frame_offset_, frame_ns_, false};
  block_.lost = block_.lost || damaged_ || (!continues && !open_block(payload));
  if (block_.lost) fragment_.clear();
  in_block_ = true;
  if (!frame_.has(kEndHeaders)) {
    if (block_.lost) return;
    const bool fits = fragment_.size() + payload.size() <= kMaxBlock && fragment_.append(payload);
    block_.lost = !fits;
    return;
  }
  if (block_.lost || fragment_.empty()) return end_block(payload);
  block_.lost = fragment_.size() + payload.size() > kMaxBlock || !fragment_.append(payload);
  end_block(fragment_.bytes());
}

// Takes off what stands around the fragment (RFC 9113 sections 6.2 and 6.6).
bool FrameReader::open_block(Bytes& payload) noexcept {
  std::size_t padding = 0;
  if (frame_.has(kPadded)) {
    if (payload.empty()) return false;
    padding = payload[0];
    payload = payload.subspan(1);
  }
  const bool promise = frame_.type == FrameType::PushPromise;
  const std::size_t before = promise ? 4 : frame_.has(kPriority) ? 5 : 0;
  if (payload.size() < before + padding) return false;
  if (promise) block_.promised = read_u32(payload) & 0x7fffffff;
  payload = payload.subspan(before, payload.size() - before - padding);
  return true;
}

void FrameReader::end_block(Bytes fragment) noexcept {
  in_block_ = false;
  sink_.block(block_, block_.lost ? Bytes() : fragment, now_ns_);
  fragment_.clear();
}

void FrameReader::gap(std::uint64_t length) noexcept {
  if (state_ == State::Payload && length <= left_) {
    offset_ += length;
    return gap_in_payload(length);
  }
  if (state_ == State::Search) {
    skipped_ += search_.back() - offset_;
    offset_ = search_.back();
  }
  offset_ += length;
  lose();
  search_.clear(offset_);
}

void FrameReader::gap_in_payload(std::uint64_t length) noexcept {
  left_ -= static_cast<std::uint32_t>(length);
  damaged_ = true;
  if (frame_.type == FrameType::Data) {
    pad_next_ = false;  // how much of the rest is padding is not known then
    const auto missing = static_cast<std::uint32_t>(std::min<std::uint64_t>(length, data_left_));
    data_left_ -= missing;
    sink_.data_missing(frame_.stream, missing);
  }
  if (left_ == 0) end_frame(collected_.bytes());
}

void FrameReader::lose() noexcept {
  state_ = State::Search;
  have_ = 0;
  in_block_ = false;
  max_frame_ = std::max(max_frame_, kMaxFrameUnknown);
  collected_.clear();
  fragment_.clear();
  sink_.frames_lost();
}

// Takes some of the bytes. While it searches, offset_ stays at where the frames were lost.
FrameReader::Bytes FrameReader::search(Bytes bytes) noexcept {
  bytes = bytes.subspan(search_.add(bytes));
  while (state_ == State::Search) {
    const auto found = search_.find();
    if (!found) {
      search_.drop();
      return bytes;
    }
    const std::uint64_t start = search_.front() + *found;
    skipped_ += start - offset_;
    offset_ = start;
    state_ = State::Head;
    const Bytes rest = run(search_.pending().subspan(*found));
    search_.resume(search_.pending().size() - rest.size());
  }
  search_.clear(offset_);
  return bytes;
}

}  // namespace gray::http2
