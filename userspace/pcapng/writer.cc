#include "userspace/pcapng/writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr std::size_t kBufferBytes = 2 * 1024 * 1024;
constexpr std::size_t kBlockFrame = 12;  // type, length, and the length again
constexpr std::size_t kEnhancedFixed = 20;
constexpr std::size_t kEnhancedOptions = 8 + 12 + 8 + 4;  // flags, dropcount, queue, end: at most
// Options are 16 bits long, and texts come from command lines.
constexpr std::size_t kMaxText = 4096;

int wait_writable(int fd) noexcept {
  pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
  return poll(&writable, 1, -1) < 0 ? errno : 0;
}

/// Writes all of `bytes`; `written` says how many the kernel took. Gives 0 or an errno.
int write_all(int fd, std::span<const std::uint8_t> bytes, std::size_t& written) noexcept {
  written = 0;
  while (written < bytes.size()) {
    const ssize_t count = ::write(fd, bytes.data() + written, bytes.size() - written);
    if (count > 0) {
      written += static_cast<std::size_t>(count);
      continue;
    }
    const int error = count == 0 ? ENOSPC : errno;
    if (error == EAGAIN) {
      if (const int refused = wait_writable(fd); refused != 0 && refused != EINTR) return refused;
    } else if (error != EINTR) {
      return error;
    }
  }
  return 0;
}

std::string section_comment(const SectionInfo& section) {
  const std::string seed = fmt::format("flow tag seed: {:#018x}", section.tag_seed);
  return section.clock.empty() ? seed : fmt::format("clock: {}; {}", section.clock, seed);
}

}  // namespace

/// A block being built at the end of the buffer, in this machine's byte order, which the section
/// header tells. The caller has made room for all of it.
class PcapngWriter::Block {
 public:
  Block(PcapngWriter& writer, std::uint32_t type) noexcept : writer_(writer), start_(writer.used_) {
    put(type);
    put(std::uint32_t{0});
  }

  template <class T>
  void put(T value) noexcept {
    std::memcpy(writer_.buffer_.data() + writer_.used_, &value, sizeof value);
    writer_.used_ += sizeof value;
  }
  void put_bytes(std::span<const std::uint8_t> bytes) noexcept {
    std::uint8_t* end = writer_.buffer_.data() + writer_.used_;
    if (!bytes.empty()) std::memcpy(end, bytes.data(), bytes.size());
    const std::size_t padded = pcapng::padded(bytes.size());
    std::memset(end + bytes.size(), 0, padded - bytes.size());
    writer_.used_ += padded;
  }
  /// Seconds or ticks above 32 bits are written high half first, in either byte order.
  void put_time(std::uint64_t ns) noexcept {
    put(static_cast<std::uint32_t>(ns >> 32));
    put(static_cast<std::uint32_t>(ns));
  }

  void option(std::uint16_t code, std::span<const std::uint8_t> value) noexcept {
    put(code);
    put(static_cast<std::uint16_t>(value.size()));
    put_bytes(value);
  }
  template <class T>
  void option_value(std::uint16_t code, T value) noexcept {
    std::uint8_t bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    option(code, bytes);
  }
  void option_text(std::uint16_t code, std::string_view text) noexcept {
    if (text.empty()) return;
    text = text.substr(0, kMaxText);
    option(code, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  void option_time(std::uint16_t code, std::uint64_t ns) noexcept {
    put(code);
    put(std::uint16_t{8});
    put_time(ns);
  }
  void end_options() noexcept { put(std::uint32_t{pcapng::kEndOfOptions}); }

  void close() noexcept {
    const auto length = static_cast<std::uint32_t>(writer_.used_ - start_ + sizeof(std::uint32_t));
    put(length);
    std::memcpy(writer_.buffer_.data() + start_ + 4, &length, sizeof length);
  }

 private:
  PcapngWriter& writer_;
  std::size_t start_;
};

Fd create_capture(const std::string& path) {
  const bool to_stdout = path == "-";
  Fd fd(check_errno(to_stdout ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                              : open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
                    to_stdout ? "write the capture to stdout" : "create capture file " + path));
  if (isatty(fd.get()))
    throw UsageError(
        fmt::format("{} is a terminal: a capture is binary, so redirect it or give a file to -w",
                    to_stdout ? "stdout" : path));
  return fd;
}

PcapngWriter::PcapngWriter(Fd fd, const SectionInfo& section,
                           std::span<const InterfaceInfo> interfaces)
    : fd_(std::move(fd)), buffer_(kBufferBytes) {
  struct stat status {};
  if (fstat(fd_.get(), &status) == 0 && S_ISREG(status.st_mode)) {
    regular_ = true;
    const bool appends = fcntl(fd_.get(), F_GETFL) & O_APPEND;
    const off_t position = appends ? status.st_size : lseek(fd_.get(), 0, SEEK_CUR);
    base_ = static_cast<std::uint64_t>(std::max<off_t>(position, 0));
  }
  write_section(section);
  for (const InterfaceInfo& interface : interfaces) write_interface(interface);
}

PcapngWriter::~PcapngWriter() {
  if (fd_) flush();
}

void PcapngWriter::write_section(const SectionInfo& section) {
  Block block(*this, pcapng::kSectionHeader);
  block.put(pcapng::kByteOrderMagic);
  block.put(std::uint16_t{1});  // version 1.0
  block.put(std::uint16_t{0});
  block.put(~std::uint64_t{0});  // section length: not said
  block.option_text(pcapng::kShbOs, section.os);
  block.option_text(pcapng::kShbApplication, section.application);
  block.option_text(pcapng::kComment, section_comment(section));
  block.end_options();
  block.close();
}

void PcapngWriter::write_interface(const InterfaceInfo& interface) {
  make_room(6 * kMaxText);
  Block block(*this, pcapng::kInterfaceDescription);
  block.put(static_cast<std::uint16_t>(interface.link));
  block.put(std::uint16_t{0});
  block.put(interface.snaplen);
  block.option_text(pcapng::kIfName, interface.name);
  block.option_text(pcapng::kIfDescription, interface.description);
  block.option_value(pcapng::kIfTsResolution, std::uint8_t{9});
  if (!interface.filter.empty()) {
    // The first byte says how the filter is written: 0 is as text.
    const std::string filter = '\0' + interface.filter;
    block.option_text(pcapng::kIfFilter, filter);
  }
  block.option_text(pcapng::kIfOs, interface.os);
  block.end_options();
  block.close();
  ++interfaces_;
}

void PcapngWriter::make_room(std::size_t bytes) {
  if (used_ + bytes > buffer_.size()) flush();
}

bool PcapngWriter::write(const Frame& frame, std::uint64_t dropped_before) noexcept {
  if (failure_ || !fd_ || frame.interface >= interfaces_) return false;
  if (frame.bytes.size() > kMaxCapturedBytes) return false;
  make_room(kBlockFrame + kEnhancedFixed + pcapng::padded(frame.bytes.size()) + kEnhancedOptions);
  if (failure_) return false;

  const auto captured = static_cast<std::uint32_t>(frame.bytes.size());
  Block block(*this, pcapng::kEnhancedPacket);
  block.put(frame.interface);
  block.put_time(frame.time_ns);
  block.put(captured);
  block.put(std::max(frame.wire_len, captured));
  block.put_bytes(frame.bytes);
  if (frame.direction != GRAY_DIR_UNKNOWN)
    block.option_value(pcapng::kEpbFlags, std::uint32_t{frame.direction});
  if (dropped_before > 0) block.option_value(pcapng::kEpbDropCount, dropped_before);
  block.option_value(pcapng::kEpbQueue, std::uint32_t{frame.queue});
  block.end_options();
  block.close();
  ++frames_written_;
  return true;
}

void PcapngWriter::flush() noexcept {
  if (failure_ || used_ == 0) return;
  std::size_t written = 0;
  const int error = write_all(fd_.get(), std::span(buffer_).first(used_), written);
  if (error != 0) return fail(error, written);
  bytes_safe_ += used_;
  frames_safe_ = frames_written_;
  used_ = 0;
}

void PcapngWriter::fail(int error, std::size_t written) noexcept {
  failure_ = std::error_code(error, std::generic_category());
  count_safe(written);
  used_ = 0;
  // Best effort: when this fails, too, the reader says that the file is cut.
  if (regular_ && ftruncate(fd_.get(), static_cast<off_t>(base_ + bytes_safe_)) != 0) return;
}

/// Walks the blocks of the buffer up to the last one that was written whole.
void PcapngWriter::count_safe(std::size_t written) noexcept {
  std::size_t at = 0;
  while (at < used_) {
    std::uint32_t head[2];
    std::memcpy(head, buffer_.data() + at, sizeof head);
    if (at + head[1] > written) break;
    at += head[1];
    if (head[0] == pcapng::kEnhancedPacket) ++frames_safe_;
  }
  bytes_safe_ += at;
}

void PcapngWriter::finish(std::span<const InterfaceStatistics> statistics) noexcept {
  if (!fd_) return;
  const std::size_t count = std::min<std::size_t>(statistics.size(), interfaces_);
  for (std::uint32_t i = 0; i < count && !failure_; ++i) {
    make_room(kBlockFrame + 12 + 4 * 12 + 4);
    Block block(*this, pcapng::kInterfaceStatistics);
    block.put(i);
    block.put_time(statistics[i].end_ns);
    block.option_time(pcapng::kIsbStartTime, statistics[i].start_ns);
    block.option_time(pcapng::kIsbEndTime, statistics[i].end_ns);
    block.option_value(pcapng::kIsbReceived, statistics[i].received);
    block.option_value(pcapng::kIsbDropped, statistics[i].dropped);
    block.end_options();
    block.close();
  }
  flush();
  // Some file systems (NFS) say only at close() that the disk is full; Fd does not tell.
  const int copy = fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0);
  if (copy >= 0 && close(copy) != 0 && !failure_)
    failure_ = std::error_code(errno, std::generic_category());
  fd_.reset();
}

}  // namespace gray
