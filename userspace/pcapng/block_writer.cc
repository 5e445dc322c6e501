#include "userspace/pcapng/block_writer.h"

#include <pthread.h>

#include <cstring>
#include <exception>

#include "userspace/base/errors.h"

namespace gray {

BlockWriter::BlockWriter(const std::string& path, const BlockFile::Options& options,
                         std::size_t blocks)
    : options_(options), path_(path), file_(create_capture(path), options) {
  for (std::size_t i = 0; i < blocks; ++i) free_.push_back(std::make_unique<FileBlock>());
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "gray-writer");
}

BlockWriter::~BlockWriter() {
  finish();
}

std::unique_ptr<FileBlock> BlockWriter::acquire() noexcept {
  std::unique_lock lock(mutex_);
  freed_.wait(lock, [this] { return !free_.empty(); });
  auto block = std::move(free_.back());
  free_.pop_back();
  return block;
}

void BlockWriter::submit(std::unique_ptr<FileBlock> block, std::string next_file) noexcept {
  {
    const std::lock_guard lock(mutex_);
    orders_.push_back({std::move(block), std::move(next_file)});
    waiting_.fetch_add(1, std::memory_order_relaxed);
  }
  submitted_.notify_one();
}

void BlockWriter::finish() noexcept {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
  }
  submitted_.notify_one();
  thread_.join();
}

void BlockWriter::run() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    submitted_.wait(lock, [this] { return finishing_ || !orders_.empty(); });
    if (orders_.empty()) break;
    Order order = std::move(orders_.front());
    orders_.pop_front();
    lock.unlock();
    if (!failed()) carry_out(order);
    lock.lock();
    free_.push_back(std::move(order.block));
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    freed_.notify_one();
  }
  lock.unlock();
  if (!failed()) close_file();
}

void BlockWriter::carry_out(const Order& order) noexcept {
  const std::uint64_t frames = file_.frames_safe();
  const std::uint64_t bytes = file_.bytes_safe();
  const int error = order.block->fresh().empty() ? 0 : file_.append(*order.block);
  frames_safe_ += file_.frames_safe() - frames;
  bytes_safe_ += file_.bytes_safe() - bytes;
  if (error != 0) return fail("write " + path_ + ": " + std::strerror(error));
  if (order.next_file.empty()) return;
  close_file();
  if (failed()) return;
  path_ = order.next_file;
  try {
    file_ = BlockFile(create_capture(path_), options_);
  } catch (const std::exception& refused) {
    fail(describe(refused));
  }
}

void BlockWriter::close_file() noexcept {
  if (const int error = file_.close(); error != 0)
    fail("close " + path_ + ": " + std::strerror(error));
}

void BlockWriter::fail(const std::string& why) noexcept {
  failure_ = why;
  failed_.store(true, std::memory_order_release);
}

}  // namespace gray
