#include "tools/grayxdp/frame_printer.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

namespace gray {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kPiece = 64 * 1024;

std::string print_bytes(const Frame& frame, const BytesShown& shown) {
  const std::size_t skipped = shown.link_header ? 0 : std::min(kEthernet, frame.bytes.size());
  const auto bytes = frame.bytes.subspan(skipped);
  switch (shown.as) {
    case BytesShown::As::Nothing:
      return {};
    case BytesShown::As::Hex:
      return print_hex(bytes);
    case BytesShown::As::HexAndText:
      return print_hex_and_text(bytes);
    case BytesShown::As::Text:
      return print_text(bytes);
  }
  return {};
}

class FramePrinter final : public FrameOutput {
 public:
  FramePrinter(const PrintOptions& options, const BytesShown& bytes, bool by_line)
      : options_(options), bytes_(bytes), by_line_(by_line || isatty(STDOUT_FILENO) == 1) {}

  std::string stage() const override { return "printer"; }
  bool put(const Frame& frame, std::uint64_t) noexcept override {
    if (error_ != 0) return false;
    text_ += print_frame(frame, options_);
    text_ += '\n';
    text_ += print_bytes(frame, bytes_);
    ++waiting_;
    if (text_.size() >= kPiece) flush();
    return true;
  }
  void settle() noexcept override {
    if (by_line_) flush();
  }
  /// Frames count as shown when all of their piece was taken.
  void flush() noexcept override {
    const std::uint64_t frames = std::exchange(waiting_, 0);
    if (error_ == 0) error_ = write_all(text_);
    if (error_ != 0) unsafe_ += frames;
    text_.clear();
  }
  void finish(std::uint64_t, std::uint64_t) noexcept override { flush(); }
  bool complete() const noexcept override { return error_ == EPIPE; }
  std::uint64_t unsafe() const noexcept override { return unsafe_; }
  std::string failure() const override {
    // Who closes the pipe has seen enough: `grayxdp capture … | head`.
    if (error_ == 0 || error_ == EPIPE) return {};
    return fmt::format("write to stdout: {}", std::strerror(error_));
  }

 private:
  static int write_all(std::string_view text) noexcept {
    while (!text.empty()) {
      const ssize_t count = write(STDOUT_FILENO, text.data(), text.size());
      if (count > 0) {
        text.remove_prefix(static_cast<std::size_t>(count));
      } else if (errno == EAGAIN) {
        pollfd writable{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
        poll(&writable, 1, -1);
      } else if (errno != EINTR) {
        return errno;
      }
    }
    return 0;
  }

  const PrintOptions options_;
  const BytesShown bytes_;
  const bool by_line_;
  std::string text_;
  std::uint64_t waiting_ = 0;  // frames in it
  std::uint64_t unsafe_ = 0;
  int error_ = 0;
};

}  // namespace

std::unique_ptr<FrameOutput> print_frames(const PrintOptions& options, const BytesShown& bytes,
                                          bool by_line) {
  return std::make_unique<FramePrinter>(options, bytes, by_line);
}

}  // namespace gray
