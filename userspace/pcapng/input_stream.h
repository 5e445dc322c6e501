// A file or a pipe as a window of bytes that moves forward. Frames point into the window's chunks,
// and a chunk is used again only when all that was lent from it came back. Regular files are read,
// too, not mapped: a file that shrinks meanwhile is then an end, not a SIGBUS. What is compressed
// with zstd is unpacked on the way into the chunks. One thread.
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
    Failed,   ///< read(2) failed, or what is to be unpacked is damaged: see failure()
  };
  /// The most that fill() can be asked for.
  static constexpr std::size_t kMaxFill = 512 * 1024;

  /// Opens `path`, "-" is stdin. Throws UsageError for a directory, std::system_error for what
  /// cannot be opened.
  explicit InputStream(const std::string& path);
  ~InputStream();

  /// Sees to it that data() has at least `count` bytes. A negative timeout waits for ever.
  Fill fill(std::size_t count, std::chrono::milliseconds timeout);
  /// What is there from the cursor on; may be more than was asked for.
  std::span<const std::uint8_t> data() const noexcept;
  /// Moves the cursor; count <= data().size().
  void advance(std::size_t count) noexcept { cursor_ += count, offset_ += count; }

  /// Where in the file, or in what was unpacked from it, the cursor is.
  std::uint64_t offset() const noexcept { return offset_; }
  int error() const noexcept { return error_; }  ///< of read(2); 0 when it did not fail
  /// Why Failed, or why an End came too early; empty when neither is so.
  std::string failure() const;

  /// What was read so far and all that follows is zstd. Nothing may have been lent, and the cursor
  /// be at the start. Throws std::bad_alloc.
  void unpack();
  bool unpacks() const noexcept { return packed_ != nullptr; }

  /// Keeps the bytes of data() where they are until give_back(); gives the chunk's number.
  std::uint64_t lend() noexcept;
  void give_back(std::uint64_t chunk) noexcept;

 private:
  struct Chunk {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::size_t lent = 0;
  };

  struct Packed;

  bool make_room();
  Fill wait_readable(std::chrono::milliseconds timeout) const;
  Fill read_into(std::span<std::uint8_t> to, std::size_t& count);
  Fill read_more(std::chrono::milliseconds timeout);
  Fill unpack_more(std::chrono::milliseconds timeout);

  Fd fd_;
  bool may_block_ = true;
  std::vector<Chunk> chunks_;
  std::size_t current_ = 0;
  std::size_t cursor_ = 0;  ///< in the current chunk
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
  bool ended_ = false;
  int error_ = 0;
  std::unique_ptr<Packed> packed_;  // when unpacking
};

}  // namespace gray
