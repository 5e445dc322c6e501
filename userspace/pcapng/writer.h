// Writes one pcapng file with nanosecond timestamps, in the caller's thread, through one large
// buffer. A live capture uses CaptureWriter instead. One thread uses a writer.
//
// Only whole blocks are handed to write(2), so a grayxdp that is killed leaves a file that opens
// without a complaint, unless SIGKILL arrives while the kernel is copying a buffer: then it may be
// cut inside the last frame that was copied. What was still in the buffer is gone.
#pragma once

#include <cstdint>
#include <span>
#include <system_error>

#include "userspace/packet/packet.h"
#include "userspace/pcapng/block_file.h"
#include "userspace/pcapng/encode.h"
#include "userspace/pcapng/format.h"

namespace gray {

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
  std::uint64_t frames_safe() const noexcept { return file_.frames_safe(); }
  std::uint64_t bytes_written() const noexcept { return bytes_safe() + block_.fresh().size(); }
  std::uint64_t bytes_safe() const noexcept { return file_.bytes_safe(); }

 private:
  void put(std::span<const std::uint8_t> bytes) noexcept;
  void make_room(std::size_t bytes) noexcept;

  BlockFile file_;
  FileBlock block_;
  std::size_t interfaces_;
  bool open_ = true;
  std::uint64_t frames_written_ = 0;
  std::error_code failure_;
};

}  // namespace gray
