#include "userspace/pcapng/reader.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "userspace/base/errors.h"
#include "userspace/pcapng/zstd_frames.h"

namespace gray {
namespace {

struct Magic {
  std::string_view bytes;
  std::string_view what;
};

/// What people take for a capture file, by its first bytes.
std::string_view recognise(std::span<const std::uint8_t> head) {
  static constexpr std::array<Magic, 4> kKnown = {{
      {"\x1f\x8b", "compressed with gzip: unpack it first"},
      {"\xfd\x37zX", "compressed with xz: unpack it first"},
      {"snoo", "a snoop file: convert it with editcap"},
      {"PK\x03\x04", "a zip archive: unpack it first"},
  }};
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  for (const Magic& known : kKnown)
    if (text.substr(0, known.bytes.size()) == known.bytes) return known.what;
  return {};
}

constexpr std::size_t kShortestHead = 24;  // the file header of classic pcap

std::string not_a_capture(std::span<const std::uint8_t> head) {
  if (head.empty()) return "is empty";
  if (const auto what = recognise(head); !what.empty()) return fmt::format("is {}", what);
  std::string bytes;
  for (const std::uint8_t byte : head.first(std::min<std::size_t>(head.size(), 4)))
    bytes += fmt::format(" {:02x}", byte);
  return fmt::format("not a capture file (starts with{})", bytes);
}

}  // namespace

CaptureReader::CaptureReader(std::string path) : path_(path == "-" ? "stdin" : path), input_(path) {
  open_format();
}

/// The first four bytes; 0 when there are not so many.
std::uint32_t CaptureReader::read_magic() {
  std::uint32_t magic = 0;
  const auto filled = input_.fill(sizeof magic, std::chrono::milliseconds(-1));
  if (filled == InputStream::Fill::Pending) throw_errno(EINTR, "read " + path_);
  if (filled == InputStream::Fill::Failed)
    throw std::runtime_error(fmt::format("read {}: {}", path_, input_.failure()));
  if (filled == InputStream::Fill::Ready) std::memcpy(&magic, input_.data().data(), sizeof magic);
  return magic;
}

void CaptureReader::open_format() {
  std::uint32_t magic = read_magic();
  if (ZstdStream::is_magic(magic)) {
    input_.unpack();
    magic = read_magic();
  }
  format_ = make_pcapng(magic);
  if (!format_) format_ = make_pcap(magic);
  if (!format_) {
    const std::string damage = input_.failure();
    throw std::runtime_error(
        fmt::format("{}: {}", path_, damage.empty() ? not_a_capture(input_.data()) : damage));
  }
  // Both formats begin with at least as much; a file without has not even a first frame to lose.
  if (input_.fill(kShortestHead, std::chrono::milliseconds(-1)) != InputStream::Fill::Ready)
    throw std::runtime_error(fmt::format("{}: cut off in its file header", path_));
}

bool CaptureReader::next(Frame& frame, std::chrono::milliseconds timeout) {
  while (!ended_) {
    frame = Frame{};
    const Step step = format_->step(input_, frame, timeout);
    if (step == Step::Frame) {
      ++frames_;
      return true;
    }
    if (step == Step::Pending) return false;
    if (step != Step::Skipped) stop(step);
  }
  return false;
}

void CaptureReader::stop(Step why) {
  ended_ = true;
  std::string what = input_.failure();
  if (what.empty() && why == Step::End) return;
  if (what.empty()) what = why == Step::Cut ? "cut off" : format_->complaint;
  warning_ = fmt::format("{}: {} after {} frame{}, at byte {}", path_, what, frames_,
                         frames_ == 1 ? "" : "s", input_.offset());
}

}  // namespace gray
