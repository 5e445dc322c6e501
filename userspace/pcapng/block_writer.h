// The thread that writes a capture's blocks, file after file, and the bounded pool of blocks
// between it and the one capture thread. When the disk is late the pool runs dry and the capture
// thread waits in acquire(); the kernel's ring then fills, drops and counts. Nothing is lost in
// here but after a failure of the file system, which is told.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "userspace/pcapng/block_file.h"

namespace gray {

class BlockWriter {
 public:
  /// Creates the first file, as create_capture() does and with its exceptions, then starts the
  /// thread. `blocks`: how many there are, all made here. Throws std::bad_alloc.
  BlockWriter(const std::string& path, const BlockFile::Options& options, std::size_t blocks);
  ~BlockWriter();
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  /// A block, its content undefined; waits for one while all are on their way to the file.
  std::unique_ptr<FileBlock> acquire() noexcept;
  /// To be written. With `next_file`, the file is then complete and the following blocks go to a
  /// new one of that name.
  void submit(std::unique_ptr<FileBlock> block, std::string next_file = {}) noexcept;
  /// Writes all that was submitted, closes the file, ends the thread.
  void finish() noexcept;

  /// All that was submitted is written.
  bool idle() const noexcept { return waiting_.load(std::memory_order_relaxed) == 0; }
  /// Blocks do not get to a file any more; they are thrown away.
  bool failed() const noexcept { return failed_.load(std::memory_order_acquire); }
  /// "write x.pcapng: No space left on device"; empty when nothing failed. After finish().
  const std::string& failure() const noexcept { return failure_; }
  /// Whole in the files. Exact after finish().
  std::uint64_t frames_safe() const noexcept { return frames_safe_.load(); }
  std::uint64_t bytes_safe() const noexcept { return bytes_safe_.load(); }

 private:
  struct Order {
    std::unique_ptr<FileBlock> block;
    std::string next_file;
  };

  void run() noexcept;
  void carry_out(const Order& order) noexcept;
  void close_file() noexcept;
  void fail(const std::string& why) noexcept;

  const BlockFile::Options options_;
  std::string path_;  // the thread's, as are the two below
  BlockFile file_;
  std::string failure_;
  std::atomic<bool> failed_{false};
  std::atomic<std::size_t> waiting_{0};  // orders, with the one that is carried out
  std::atomic<std::uint64_t> frames_safe_{0};
  std::atomic<std::uint64_t> bytes_safe_{0};

  std::mutex mutex_;
  std::condition_variable submitted_;
  std::condition_variable freed_;
  std::deque<Order> orders_;
  std::vector<std::unique_ptr<FileBlock>> free_;  // the last one back goes out first: it is warm
  bool finishing_ = false;
  std::thread thread_;
};

}  // namespace gray
