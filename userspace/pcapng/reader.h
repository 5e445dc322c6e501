// Reads capture files: pcapng and classic pcap, of either byte order, plain or compressed with
// zstd, from a file or a pipe. What stands in them is hostile: lengths are checked, allocations
// capped. One thread uses a reader.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "userspace/packet/packet.h"
#include "userspace/pcapng/format.h"
#include "userspace/pcapng/input_stream.h"

namespace gray {

/// How far one look at the input came. Inside of the reader and its two formats.
enum class Step {
  Frame,    ///< a frame was read
  Skipped,  ///< something else was read, or a part of it
  Pending,  ///< not enough bytes yet
  End,      ///< the input ends here, as it should
  Cut,      ///< the input ends inside of something
  Damaged,  ///< complaint says what is wrong
};

/// One of the two formats, at work on an InputStream whose cursor is behind what was read so far.
class CaptureFormat {
 public:
  virtual ~CaptureFormat() = default;
  /// Reads one record or block; a frame's bytes are the stream's until the next call, or until
  /// given back when they were lent.
  virtual Step step(InputStream& input, Frame& frame, std::chrono::milliseconds timeout) = 0;
  std::vector<InterfaceInfo> interfaces;
  std::string complaint;
};

/// The format that starts with these four bytes, or nothing.
std::unique_ptr<CaptureFormat> make_pcapng(std::uint32_t magic);
std::unique_ptr<CaptureFormat> make_pcap(std::uint32_t magic);

class CaptureReader {
 public:
  /// Opens `path` ("-": stdin) and waits for the first four bytes. Throws std::runtime_error when
  /// it is no capture file, std::system_error when it cannot be read.
  explicit CaptureReader(std::string path);

  /// The next frame, within `timeout` (files never wait; negative: for ever). False when there is
  /// none (yet): see ended(). The frame's bytes stay valid until it is given back.
  bool next(Frame& frame, std::chrono::milliseconds timeout = std::chrono::milliseconds(-1));
  void give_back(const Frame& frame) noexcept { input_.give_back(frame.cookie); }

  bool ended() const noexcept { return ended_; }
  /// The input ended before its time: cut off in the middle of a frame, or damaged there.
  bool cut() const noexcept { return !warning_.empty(); }
  /// "x.pcap: cut off after 123 frames, at byte 4567"; empty when nothing is wrong.
  const std::string& warning() const noexcept { return warning_; }
  std::uint64_t frames() const noexcept { return frames_; }
  /// Those described so far; grows while a pcapng is read, and their numbers stay.
  std::span<const InterfaceInfo> interfaces() const noexcept { return format_->interfaces; }

 private:
  std::uint32_t read_magic();
  void open_format();
  void stop(Step why);

  std::string path_;
  InputStream input_;
  std::unique_ptr<CaptureFormat> format_;
  std::uint64_t frames_ = 0;
  bool ended_ = false;
  std::string warning_;
};

}  // namespace gray
