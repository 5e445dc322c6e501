#include "userspace/pcapng/input_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "userspace/base/errors.h"

namespace gray {
namespace {

constexpr std::size_t kChunkBytes = 1024 * 1024;
constexpr std::size_t kMaxChunks = 64;
static_assert(InputStream::kMaxFill <= kChunkBytes);

}  // namespace

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

InputStream::Fill InputStream::read_more(std::chrono::milliseconds timeout) {
  if (may_block_) {
    pollfd readable{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    const int wait = timeout.count() < 0 ? -1 : static_cast<int>(timeout.count());
    if (poll(&readable, 1, wait) <= 0) return Fill::Pending;
  }
  const ssize_t count = read(fd_.get(), chunks_[current_].bytes.get() + end_, kChunkBytes - end_);
  if (count > 0) {
    end_ += static_cast<std::size_t>(count);
    return Fill::Ready;
  }
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return Fill::Pending;
  error_ = count < 0 ? errno : 0;
  ended_ = count == 0;
  return Fill::Ready;
}

std::uint64_t InputStream::lend() noexcept {
  ++chunks_[current_].lent;
  return current_;
}

void InputStream::give_back(std::uint64_t chunk) noexcept {
  if (chunk < chunks_.size() && chunks_[chunk].lent > 0) --chunks_[chunk].lent;
}

}  // namespace gray
