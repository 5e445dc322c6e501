// A Source over capture files, read one after the other as one stream of frames. Used by one
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "userspace/base/ledger.h"
#include "userspace/capture/source.h"
#include "userspace/kernel/filter/filter.h"
#include "userspace/pcapng/reader.h"

namespace gray {

class FileSource final : public Source {
 public:
  /// "-" is stdin; frames that `filter` rejects are not given out. Opens every file, so that a
  /// wrong name is said before anything runs. Throws std::runtime_error (not a capture file) and
  /// std::system_error (cannot be read).
  explicit FileSource(std::vector<std::string> paths, const Filter& filter = {});

  std::size_t receive(std::span<Frame> out, std::chrono::milliseconds timeout) override;
  void recycle(std::span<const Frame> frames) noexcept override;
  void stop() noexcept override { stopped_ = true; }
  bool ended() const noexcept override;
  /// Those met so far, file after file; grows while files are read.
  std::span<const Interface> interfaces() const noexcept override { return interfaces_; }

  /// Number of the file that is being read; frames come from it or from those before it.
  std::size_t reading() const noexcept { return current_; }

  /// Adds the stage "file": frames in the files in, frames given out, filtered ones dropped.
  void account(Ledger& ledger) const;
  /// A file ended before its time; its frames up to there were given out.
  bool cut() const noexcept { return !warning_.empty(); }
  /// A line for each such file; empty when there is none.
  const std::string& warning() const noexcept { return warning_; }

 private:
  struct File {
    std::unique_ptr<CaptureReader> reader;
    std::size_t first_interface = 0;  ///< in interfaces_
    std::size_t lent = 0;
  };

  bool next(Frame& frame, std::chrono::milliseconds timeout);
  void learn_interfaces(File& file);
  void close_when_done(File& file) noexcept;

  FrameMatcher filter_;
  std::vector<File> files_;
  std::size_t current_ = 0;
  std::vector<Interface> interfaces_;
  std::uint64_t given_ = 0;
  std::uint64_t filtered_ = 0;
  std::uint64_t read_and_closed_ = 0;  ///< frames of the files that are closed again
  bool stopped_ = false;
  std::string warning_;
};

}  // namespace gray
