// A file or a pipe as a window of bytes that moves forward. Frames point into the window's chunks,
// and a chunk is used again only when all that was lent from it came back. Regular files are read,
// too, not mapped: a file that shrinks meanwhile is then an end, not a SIGBUS. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "userspace/base/fd.h"

namespace gray {

class InputStream {
 public:
  enum class Fill {
    Ready,
    Pending,  ///< nothing more within the timeout, or a signal came, or all chunks are lent out
    End,      ///< the input ended before that many bytes
    Failed,   ///< read(2) failed: see error()
  };
  /// The most that fill() can be asked for.
  static constexpr std::size_t kMaxFill = 512 * 1024;

  /// Opens `path`, "-" is stdin. Throws UsageError for a directory, std::system_error for what
  /// cannot be opened.
  explicit InputStream(const std::string& path);

  /// Sees to it that data() has at least `count` bytes. A negative timeout waits for ever.
  Fill fill(std::size_t count, std::chrono::milliseconds timeout);
  /// What is there from the cursor on; may be more than was asked for.
  std::span<const std::uint8_t> data() const noexcept;
  /// Moves the cursor; count <= data().size().
  void advance(std::size_t count) noexcept { cursor_ += count, offset_ += count; }

  /// Where in the file the cursor is.
  std::uint64_t offset() const noexcept { return offset_; }
  int error() const noexcept { return error_; }

  /// Keeps the bytes of data() where they are until give_back(); gives the chunk's number.
  std::uint64_t lend() noexcept;
  void give_back(std::uint64_t chunk) noexcept;

 private:
  struct Chunk {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::size_t lent = 0;
  };

  bool make_room();
  Fill read_more(std::chrono::milliseconds timeout);

  Fd fd_;
  bool may_block_ = true;
  std::vector<Chunk> chunks_;
  std::size_t current_ = 0;
  std::size_t cursor_ = 0;  ///< in the current chunk
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
  bool ended_ = false;
  int error_ = 0;
};

}  // namespace gray
