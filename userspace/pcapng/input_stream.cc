#include "userspace/pcapng/input_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "userspace/base/errors.h"
#include "userspace/pcapng/zstd_frames.h"

namespace gray {
namespace {

constexpr std::size_t kChunkBytes = 1024 * 1024;
constexpr std::size_t kMaxChunks = 64;
static_assert(InputStream::kMaxFill <= kChunkBytes);
constexpr std::size_t kPackedBytes = 128 * 1024;

}  // namespace

struct InputStream::Packed {
  ZstdStream stream;
  std::vector<std::uint8_t> bytes;  // as read; from `at` to `end` not yet unpacked
  std::size_t at = 0;
  std::size_t end = 0;
  bool more_inside = false;  // zstd may have more to give without more input
};

InputStream::~InputStream() = default;

InputStream::InputStream(const std::string& path) {
  const bool from_stdin = path == "-";
  fd_ = Fd(check_errno(from_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                  : open(path.c_str(), O_RDONLY | O_CLOEXEC),
                       from_stdin ? "read stdin" : "open capture file " + path));
  struct stat status {};
  check_errno(fstat(fd_.get(), &status), "look at " + path);
  if (S_ISDIR(status.st_mode)) throw UsageError(path + ": is a directory, not a capture file");
  if (from_stdin && isatty(fd_.get()))
    throw UsageError("stdin is a terminal: pipe a capture into it, or name a file");
  may_block_ = !S_ISREG(status.st_mode);
  chunks_.push_back({.bytes = std::make_unique_for_overwrite<std::uint8_t[]>(kChunkBytes)});
}

std::span<const std::uint8_t> InputStream::data() const noexcept {
  return {chunks_[current_].bytes.get() + cursor_, end_ - cursor_};
}

InputStream::Fill InputStream::fill(std::size_t count, std::chrono::milliseconds timeout) {
  while (end_ - cursor_ < count) {
    if (error_ != 0) return Fill::Failed;
    if (ended_) return Fill::End;
    if (kChunkBytes - cursor_ < count && !make_room()) return Fill::Pending;
    if (const Fill more = read_more(timeout); more != Fill::Ready) return more;
  }
  return Fill::Ready;
}

/// Moves what is left of the current chunk to the start of one that nobody holds, which is the
/// current one when nothing of it is lent.
bool InputStream::make_room() {
  std::size_t next = current_;
  if (chunks_[current_].lent > 0) {
    for (next = 0; next < chunks_.size() && (next == current_ || chunks_[next].lent > 0);) ++next;
    if (next == kMaxChunks) return false;
    if (next == chunks_.size())
      chunks_.push_back({.bytes = std::make_unique_for_overwrite<std::uint8_t[]>(kChunkBytes)});
  }
  const auto rest = data();
  std::memmove(chunks_[next].bytes.get(), rest.data(), rest.size());
  current_ = next;
  cursor_ = 0;
  end_ = rest.size();
  return true;
}

InputStream::Fill InputStream::wait_readable(std::chrono::milliseconds timeout) const {
  if (!may_block_) return Fill::Ready;
  pollfd readable{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  const int wait = timeout.count() < 0 ? -1 : static_cast<int>(timeout.count());
  return poll(&readable, 1, wait) > 0 ? Fill::Ready : Fill::Pending;
}

/// Ready with a count of 0: the input has ended, or failed.
InputStream::Fill InputStream::read_into(std::span<std::uint8_t> to, std::size_t& count) {
  count = 0;
  const ssize_t got = read(fd_.get(), to.data(), to.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return Fill::Pending;
  if (got > 0) count = static_cast<std::size_t>(got);
  error_ = got < 0 ? errno : 0;
  return Fill::Ready;
}

InputStream::Fill InputStream::read_more(std::chrono::milliseconds timeout) {
  if (packed_) return unpack_more(timeout);
  if (wait_readable(timeout) == Fill::Pending) return Fill::Pending;
  std::size_t count = 0;
  if (read_into({chunks_[current_].bytes.get() + end_, kChunkBytes - end_}, count) == Fill::Pending)
    return Fill::Pending;
  end_ += count;
  ended_ = count == 0 && error_ == 0;
  return Fill::Ready;
}

void InputStream::unpack() {
  auto packed = std::make_unique<Packed>();
  const auto read = data();
  packed->bytes.assign(read.begin(), read.end());
  packed->end = read.size();
  packed->bytes.resize(std::max(packed->end, kPackedBytes));
  cursor_ = end_ = 0;
  packed_ = std::move(packed);
}

/// Unpacks what was read, and reads when that is used up. A flood of empty frames makes no output
/// and ends with the input.
InputStream::Fill InputStream::unpack_more(std::chrono::milliseconds timeout) {
  Packed& packed = *packed_;
  if (!packed.stream.complaint().empty()) return Fill::Failed;
  if (packed.at < packed.end || packed.more_inside) {
    const std::span<std::uint8_t> out(chunks_[current_].bytes.get() + end_, kChunkBytes - end_);
    const std::span in(packed.bytes.data() + packed.at, packed.end - packed.at);
    const ZstdStream::Progress progress = packed.stream.unpack(in, out);
    packed.at += progress.taken;
    packed.more_inside = progress.made == out.size();
    end_ += progress.made;
    return Fill::Ready;
  }
  if (wait_readable(timeout) == Fill::Pending) return Fill::Pending;
  if (read_into(packed.bytes, packed.end) == Fill::Pending) return Fill::Pending;
  packed.at = 0;
  ended_ = packed.end == 0 && error_ == 0;
  return Fill::Ready;
}

std::string InputStream::failure() const {
  if (error_ != 0) return std::strerror(error_);
  if (!packed_) return {};
  if (const auto complaint = packed_->stream.complaint(); !complaint.empty())
    return fmt::format("damaged zstd ({})", complaint);
  return ended_ && !packed_->stream.between_frames() ? "cut off inside a zstd frame" : "";
}

std::uint64_t InputStream::lend() noexcept {
  ++chunks_[current_].lent;
  return current_;
}

void InputStream::give_back(std::uint64_t chunk) noexcept {
  if (chunk < chunks_.size() && chunks_[chunk].lent > 0) --chunks_[chunk].lent;
}

}  // namespace gray
