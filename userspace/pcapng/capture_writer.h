// Writes a live capture: the capture thread encodes frames straight into large blocks, which a
// thread of BlockWriter puts into one pcapng file, or into one after the other. One copy of a frame
// is made in user space. One thread uses a CaptureWriter.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "userspace/packet/packet.h"
#include "userspace/pcapng/block_writer.h"
#include "userspace/pcapng/encode.h"
#include "userspace/pcapng/rotation.h"

namespace gray {

struct CaptureWriterOptions {
  std::string path;  ///< "-": stdout; with a rotation, the pattern of names
  Rotation rotation = {};
  BlockFile::Options file = {};
  std::size_t blocks = 64;  ///< of FileBlock::kBytes, between capture and disk
};

class CaptureWriter {
 public:
  /// Creates the first file; exceptions as create_capture().
  CaptureWriter(const CaptureWriterOptions& options, const SectionInfo& section,
                const InterfaceInfo& interface);

  /// Takes a frame of interface 0; false after a failure, after complete(), and for what is no
  /// frame (kMaxCapturedBytes). Waits while the disk is late.
  bool write(const Frame& frame, std::uint64_t dropped_before) noexcept;
  /// Sends what there is on its way to the file. About once a second.
  void flush() noexcept;
  /// Starts the next file when its time has come. A few times a second.
  void rotate_when_due() noexcept;
  /// As many files as were wanted have had their time (-G with -W).
  bool complete() const noexcept { return complete_; }
  /// Ends the last file; `received` and `dropped` are of the whole capture, and what earlier files
  /// said of it is taken off. Waits until all is written.
  void finish(std::uint64_t received, std::uint64_t dropped) noexcept;

  /// What failed, and in which file; empty when nothing did. After finish().
  const std::string& failure() const noexcept { return writer_->failure(); }
  std::uint64_t frames_written() const noexcept { return frames_written_; }
  std::uint64_t frames_safe() const noexcept { return writer_->frames_safe(); }
  std::uint64_t bytes_safe() const noexcept { return writer_->bytes_safe(); }

 private:
  struct Told {  // in the current file, and in those before it
    std::uint64_t frames = 0;
    std::uint64_t dropped = 0;
  };

  void start_file() noexcept;
  void end_file(std::uint64_t received, std::uint64_t dropped) noexcept;
  void next_file(std::string name) noexcept;
  void seal(std::string next_file) noexcept;

  const Rotation rotation_;
  const std::size_t enough_;  // bytes of a block for a writer that has nothing to do
  SavefileNames names_;
  const std::vector<std::uint8_t> head_;
  std::unique_ptr<BlockWriter> writer_;
  std::unique_ptr<FileBlock> block_;
  std::uint64_t file_bytes_ = 0;  // sealed and in the block
  std::uint64_t file_started_utc_ns_ = 0;
  std::uint64_t period_started_ns_ = 0;
  Told file_;
  Told before_;
  bool complete_ = false;
  bool finished_ = false;
  std::uint64_t frames_written_ = 0;
};

}  // namespace gray
