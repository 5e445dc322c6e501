#include "userspace/pcapng/reader.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "userspace/base/errors.h"

namespace gray {
namespace {

struct Magic {
  std::string_view bytes;
  std::string_view what;
};

/// What people take for a capture file, by its first bytes.
std::string_view recognise(std::span<const std::uint8_t> head) {
  static constexpr std::array<Magic, 5> kKnown = {{
      {"\x1f\x8b", "compressed with gzip: unpack it first"},
      {"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first"},
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

void CaptureReader::open_format() {
  std::uint32_t magic = 0;
  const auto filled = input_.fill(sizeof magic, std::chrono::milliseconds(-1));
  if (filled == InputStream::Fill::Pending) throw_errno(EINTR, "read " + path_);
  if (filled == InputStream::Fill::Failed) throw_errno(input_.error(), "read " + path_);
  if (filled == InputStream::Fill::Ready) {
    std::memcpy(&magic, input_.data().data(), sizeof magic);
    format_ = make_pcapng(magic);
    if (!format_) format_ = make_pcap(magic);
  }
  if (!format_)
    throw std::runtime_error(fmt::format("{}: {}", path_, not_a_capture(input_.data())));
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
  if (why == Step::End) return;
  std::string what = why == Step::Cut ? "cut off" : format_->complaint;
  if (input_.error() != 0) what = std::strerror(input_.error());
  warning_ = fmt::format("{}: {} after {} frame{}, at byte {}", path_, what, frames_,
                         frames_ == 1 ? "" : "s", input_.offset());
}

}  // namespace gray
