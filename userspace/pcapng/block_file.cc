#include "userspace/pcapng/block_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/stat.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "userspace/base/errors.h"
#include "userspace/base/pages.h"
#include "userspace/pcapng/encode.h"
#include "userspace/pcapng/zstd_frames.h"

namespace gray {
namespace {

int wait_writable(int fd) noexcept {
  pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
  return poll(&writable, 1, -1) < 0 ? errno : 0;
}

/// Writes all of `bytes`, at `offset` or, below 0, where the file stands. `written` says how many
/// the kernel took. Gives 0 or an errno.
int write_all(int fd, std::span<const std::uint8_t> bytes, off_t offset,
              std::size_t& written) noexcept {
  written = 0;
  while (written < bytes.size()) {
    const auto* from = bytes.data() + written;
    const std::size_t rest = bytes.size() - written;
    const ssize_t count = offset < 0
                              ? ::write(fd, from, rest)
                              : ::pwrite(fd, from, rest, offset + static_cast<off_t>(written));
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

/// Whether the file system says that it writes FileBlock's units directly.
bool writes_directly(int fd) noexcept {
  struct ::statx facts {};
  if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &facts) != 0) return false;
  const auto fits = [](std::size_t align) { return align > 0 && FileBlock::kUnit % align == 0; };
  return (facts.stx_mask & STATX_DIOALIGN) != 0 && fits(facts.stx_dio_offset_align) &&
         fits(facts.stx_dio_mem_align);
}

}  // namespace

FileBlock::FileBlock() {
  void* area = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (area == MAP_FAILED) throw std::bad_alloc();
  bytes.reset(static_cast<std::uint8_t*>(area));
  touch_pages({bytes.get(), kBytes});
}

void FileBlock::continue_after(const FileBlock& before) noexcept {
  carry = used = before.used % kUnit;
  frames = 0;
  std::memcpy(bytes.get(), before.bytes.get() + before.used - carry, carry);
}

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

BlockFile::BlockFile(Fd fd, const Options& options) : fd_(std::move(fd)) {
  struct stat status {};
  if (fstat(fd_.get(), &status) == 0 && S_ISREG(status.st_mode)) {
    regular_ = true;
    const bool appends = fcntl(fd_.get(), F_GETFL) & O_APPEND;
    const off_t position = appends ? status.st_size : lseek(fd_.get(), 0, SEEK_CUR);
    base_ = static_cast<std::uint64_t>(std::max<off_t>(position, 0));
  }
  if (options.compression == Compression::Zstd) {
    frames_ = std::make_unique<ZstdFrames>(FileBlock::kBytes);
  } else if (options.direct == DirectIo::Auto && regular_ && base_ == 0) {
    const std::string again = fmt::format("/proc/self/fd/{}", fd_.get());
    if (writes_directly(fd_.get()))
      direct_ = Fd(open(again.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC));
    positioned_ = static_cast<bool>(direct_);
  }
}

BlockFile::~BlockFile() = default;
BlockFile::BlockFile(BlockFile&&) noexcept = default;
BlockFile& BlockFile::operator=(BlockFile&&) noexcept = default;

int BlockFile::append(const FileBlock& block) noexcept {
  if (frames_) return append_frame(block);
  std::size_t written = 0;
  const int error = positioned_ ? append_direct(block, written)
                                : write_all(fd_.get(), block.fresh(), -1, written);
  if (error == 0) {
    bytes_safe_ += written;
    frames_safe_ += block.frames;
    return 0;
  }
  const pcapng::Whole whole = pcapng::count_whole(block.fresh().first(written));
  bytes_safe_ += whole.bytes;
  frames_safe_ += whole.frames;
  return cut_back(error);
}

/// `written` counts bytes of block.fresh().
int BlockFile::append_direct(const FileBlock& block, std::size_t& written) noexcept {
  const auto start = static_cast<off_t>(bytes_safe_ - block.carry);
  const std::size_t units = block.used / FileBlock::kUnit * FileBlock::kUnit;
  const std::span all(block.bytes.get(), block.used);
  std::size_t done = 0;
  int error = direct_ ? write_all(direct_.get(), all.first(units), start, done) : 0;
  if (error == EINVAL) {  // the file system promised what it does not do
    direct_.reset();
    error = 0;
  }
  // Through the page cache: what fills no unit, and what the direct write did not take.
  std::size_t rest = 0;
  if (error == 0) {
    done = std::max(done, block.carry);
    error = write_all(fd_.get(), all.subspan(done), start + static_cast<off_t>(done), rest);
  }
  written = std::max(done + rest, block.carry) - block.carry;
  return error;
}

int BlockFile::append_frame(const FileBlock& block) noexcept {
  const std::span<const std::uint8_t> frame = frames_->compress(block.fresh());
  if (frame.empty() && !block.fresh().empty()) return ENOMEM;
  std::size_t written = 0;
  const int error = write_all(fd_.get(), frame, -1, written);
  if (error != 0) return cut_back(error);
  bytes_safe_ += frame.size();
  frames_safe_ += block.frames;
  return 0;
}

// Best effort: when this fails, too, the reader says that the file is cut.
int BlockFile::cut_back(int error) noexcept {
  if (regular_ && ftruncate(fd_.get(), static_cast<off_t>(base_ + bytes_safe_)) != 0) return error;
  return error;
}

// Some file systems (NFS) say only at close() that the disk is full; Fd does not tell.
int BlockFile::close() noexcept {
  if (!fd_) return 0;
  direct_.reset();
  const int copy = fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0);
  const int error = copy >= 0 && ::close(copy) != 0 ? errno : 0;
  fd_.reset();
  return error;
}

}  // namespace gray
