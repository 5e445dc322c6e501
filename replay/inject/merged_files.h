// Capture files as one stream of frames in order of time: the file whose next frame is the oldest
// is read next. Within a file, the order is the file's. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "userspace/pcapng/reader.h"

namespace gray {

class MergedFiles {
 public:
  /// "-" is stdin. Opens every file. Throws std::runtime_error (no capture file) and
  /// std::system_error (cannot be read).
  explicit MergedFiles(const std::vector<std::string>& paths);

  enum class Next { Frame, Pending, End };
  /// The oldest frame, valid until the next call. Pending: a pipe had nothing within `timeout`.
  Next next(Frame& frame, std::chrono::milliseconds timeout);

  std::uint64_t frames() const noexcept;  ///< read from the files
  std::uint64_t given() const noexcept { return given_; }
  std::uint64_t held() const noexcept;  ///< read, and not given yet
  /// A line for each file that ended before its time; empty when there is none.
  std::string warning() const;

 private:
  struct File {
    std::unique_ptr<CaptureReader> reader;
    Frame head{};
    bool loaded = false;
  };

  std::vector<File> files_;
  File* lent_ = nullptr;
  std::uint64_t given_ = 0;
};

}  // namespace gray
