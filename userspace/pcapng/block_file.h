// One capture file as a writer sees it: large blocks of whole pcapng blocks go in, one behind the
// other. It knows at every moment how many bytes and frames are whole in the file, and cuts a
// regular file back to them when the disk is full. One thread.
//
// With direct I/O only whole units of the disk can be written, so a block begins with what did not
// fill the last unit of the block before it (`carry`), that unit is written again, and what does
// not fill the last unit of this block goes through the page cache: the file never holds padding.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "userspace/base/fd.h"

namespace gray {

/// Memory for pcapng blocks on their way to a file. Its pages are there from the start: to fault
/// one in while frames come costs as much as many frames.
struct FileBlock {
  static constexpr std::size_t kBytes = 1024 * 1024;
  static constexpr std::size_t kUnit = 4096;  ///< what direct I/O writes, or a multiple of it

  FileBlock();  ///< throws std::bad_alloc
  std::size_t room() const noexcept { return kBytes - used; }
  std::uint8_t* end() noexcept { return bytes.get() + used; }
  /// Starts anew: empty, or with what `before` left of its last unit.
  void restart() noexcept { carry = used = frames = 0; }
  void continue_after(const FileBlock& before) noexcept;
  std::span<const std::uint8_t> fresh() const noexcept {
    return {bytes.get() + carry, used - carry};
  }

  struct Unmap {
    void operator()(std::uint8_t* area) const noexcept { munmap(area, kBytes); }
  };
  std::unique_ptr<std::uint8_t, Unmap> bytes;  ///< aligned to pages
  std::size_t carry = 0;                       ///< bytes at the start that the file already has
  std::size_t used = 0;                        ///< carry and what is new
  std::size_t frames = 0;                      ///< in what is new
};

enum class DirectIo {
  Auto,  ///< where the file system says that it can
  Off,
};
enum class Compression { None, Zstd };

/// A new, empty file with mode 0600 for a capture, or stdout for "-". Throws UsageError when that
/// is a terminal, std::system_error when it cannot be created.
Fd create_capture(const std::string& path);

class ZstdFrames;

class BlockFile {
 public:
  struct Options {
    DirectIo direct = DirectIo::Off;
    Compression compression = Compression::None;
  };
  /// SIGPIPE must be ignored by the process when `fd` can be a pipe. Throws std::bad_alloc.
  BlockFile(Fd fd, const Options& options);
  ~BlockFile();
  BlockFile(BlockFile&&) noexcept;
  BlockFile& operator=(BlockFile&&) noexcept;

  /// Writes block.fresh(). 0, or the errno of what is from then on a failed file.
  int append(const FileBlock& block) noexcept;
  /// 0, or what the file system says only now.
  int close() noexcept;

  std::uint64_t bytes_safe() const noexcept { return bytes_safe_; }    ///< whole in the file
  std::uint64_t frames_safe() const noexcept { return frames_safe_; }  ///< in these bytes

 private:
  int append_direct(const FileBlock& block, std::size_t& written) noexcept;
  int append_frame(const FileBlock& block) noexcept;
  int cut_back(int error) noexcept;

  Fd fd_;
  Fd direct_;                           // the same file, opened with O_DIRECT
  std::unique_ptr<ZstdFrames> frames_;  // when compressing
  bool positioned_ = false;             // writes say where: direct I/O was had
  bool regular_ = false;
  std::uint64_t base_ = 0;  // where in a regular file this section began
  std::uint64_t bytes_safe_ = 0;
  std::uint64_t frames_safe_ = 0;
};

}  // namespace gray
