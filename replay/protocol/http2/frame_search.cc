#include "replay/protocol/http2/frame_search.h"

#include <algorithm>
#include <cstring>

#include "replay/protocol/http2/frame.h"

namespace gray::http2 {
namespace {

constexpr std::size_t kMaxUndecided = 64;
constexpr std::size_t kMaxWait = 40'000;  // bytes that a possible start gets to prove itself
constexpr std::size_t kMaxAdd = 16u << 10;

}  // namespace

std::size_t FrameSearch::add(std::span<const std::uint8_t> bytes) noexcept {
  const std::size_t room = kMaxPending - std::min(kMaxPending, pending_.size());
  const auto piece = bytes.first(std::min({bytes.size(), room, kMaxAdd}));
  if (!piece.empty() && pending_.append(piece)) return piece.size();
  clear(back() + bytes.size());
  return bytes.size();
}

std::optional<std::size_t> FrameSearch::find() noexcept {
  const std::span<const std::uint8_t> bytes = pending_.bytes();
  std::vector<std::size_t> waiting = std::move(undecided_);
  undecided_.clear();
  const auto starts = [&](std::size_t at) {
    const Match match = judge_frames(bytes.subspan(at), true);
    if (match == Match::More && bytes.size() - at < kMaxWait) undecided_.push_back(at);
    return match == Match::Yes;
  };
  for (const std::size_t at : waiting)
    if (starts(at)) return at;
  while (scanned_ < bytes.size()) {
    const void* zero = std::memchr(&bytes[scanned_], 0, bytes.size() - scanned_);
    if (zero == nullptr) break;
    const auto at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(zero) - bytes.data());
    scanned_ = at + 1;
    if (starts(at)) return at;
    if (undecided_.size() > kMaxUndecided) undecided_.erase(undecided_.begin());
  }
  scanned_ = bytes.size();
  return std::nullopt;
}

void FrameSearch::resume(std::size_t at) noexcept {
  scanned_ = at;
  undecided_.clear();
}

void FrameSearch::clear(std::uint64_t offset) noexcept {
  pending_.clear();
  front_ = offset;
  resume(0);
}

void FrameSearch::drop() noexcept {
  const std::size_t done = undecided_.empty() ? scanned_ : undecided_.front();
  if (done == pending_.size()) return clear(back());
  if (done < pending_.size() / 2) return;
  pending_.drop_front(done);
  front_ += done;
  scanned_ -= done;
  for (std::size_t& at : undecided_) at -= done;
}

}  // namespace gray::http2
