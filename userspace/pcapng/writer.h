// Writes pcapng with nanosecond timestamps through one large buffer. One thread uses a writer.
//
// Only whole blocks are handed to write(2), so a grayxdp that is killed leaves a file that opens
// without a complaint, unless SIGKILL arrives while the kernel is copying a buffer: then it may be
// cut inside the last frame that was copied. What was still in the buffer is gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "userspace/base/fd.h"
#include "userspace/packet/packet.h"
#include "userspace/pcapng/format.h"

namespace gray {

/// What the section header says of the whole file.
struct SectionInfo {
  std::string application;     ///< "grayxdp 0.1"
  std::string os;              ///< "Linux 6.18.0"
  std::string clock;           ///< where timestamps come from; empty: not said
  std::uint64_t tag_seed = 0;  ///< of the flow tags
};

/// What an interface statistics block says, at the end.
struct InterfaceStatistics {
  std::uint64_t start_ns = 0;  ///< UTC
  std::uint64_t end_ns = 0;
  std::uint64_t received = 0;
  std::uint64_t dropped = 0;
};

/// A new, empty file with mode 0600 for a capture, or stdout for "-". Throws UsageError when that
/// is a terminal, std::system_error when it cannot be created.
Fd create_capture(const std::string& path);

class PcapngWriter {
 public:
  /// Writes the head of the file into the buffer. SIGPIPE must be ignored by the process when `fd`
  /// can be a pipe.
  PcapngWriter(Fd fd, const SectionInfo& section, std::span<const InterfaceInfo> interfaces);
  /// Flushes; what then fails stays unsaid, so call finish() before.
  ~PcapngWriter();
  PcapngWriter(const PcapngWriter&) = delete;
  PcapngWriter& operator=(const PcapngWriter&) = delete;

  /// Appends a frame; `dropped_before` frames were lost since the one before it. False, and nothing
  /// is taken, after a failure, for an interface that was not described, or for more captured bytes
  /// than kMaxCapturedBytes.
  bool write(const Frame& frame, std::uint64_t dropped_before = 0) noexcept;

  /// Hands the buffer to the kernel. Call it about once a second, so that a quiet capture can be
  /// watched.
  void flush() noexcept;

  /// Writes a statistics block for each interface (as many as are given), flushes and closes.
  void finish(std::span<const InterfaceStatistics> statistics) noexcept;

  /// The first error of the file system or the pipe; from then on nothing is written, and a regular
  /// file has been cut back to its last whole block.
  std::error_code failure() const noexcept { return failure_; }

  std::uint64_t frames_written() const noexcept { return frames_written_; }  ///< taken by write()
  std::uint64_t frames_safe() const noexcept { return frames_safe_; }  ///< whole in the file by now
  std::uint64_t bytes_written() const noexcept { return bytes_safe_ + used_; }
  std::uint64_t bytes_safe() const noexcept { return bytes_safe_; }

 private:
  class Block;

  void write_section(const SectionInfo& section);
  void write_interface(const InterfaceInfo& interface);
  void make_room(std::size_t bytes);
  void fail(int error, std::size_t written) noexcept;
  void count_safe(std::size_t written) noexcept;

  Fd fd_;
  std::vector<std::uint8_t> buffer_;
  std::size_t used_ = 0;
  std::uint32_t interfaces_ = 0;
  bool regular_ = false;
  std::uint64_t base_ = 0;  ///< where in a regular file this section began
  std::uint64_t frames_written_ = 0;
  std::uint64_t frames_safe_ = 0;
  std::uint64_t bytes_safe_ = 0;
  std::error_code failure_;
};

}  // namespace gray
