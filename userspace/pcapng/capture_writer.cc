#include "userspace/pcapng/capture_writer.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <utility>

#include "userspace/base/clock.h"

namespace gray {
namespace {

// What goes to a writer that waits for it: it is still in the cache of a CPU then, and so is the
// block that comes back. A writer that is late gets whole blocks, and so does one that compresses.
constexpr std::size_t kWarmBytes = 256u << 10;

}  // namespace

CaptureWriter::CaptureWriter(const CaptureWriterOptions& options, const SectionInfo& section,
                             const InterfaceInfo& interface)
    : rotation_(options.rotation),
      enough_(options.file.compression == Compression::None ? kWarmBytes : FileBlock::kBytes),
      names_(options.path, options.rotation),
      head_(pcapng::encode_head(section, {&interface, 1})),
      writer_(std::make_unique<BlockWriter>(names_.first(std::time(nullptr)), options.file,
                                            options.blocks)),
      period_started_ns_(monotonic_ns()) {
  static_assert(FileBlock::kUnit + pcapng::frame_room(kMaxCapturedBytes) < FileBlock::kBytes);
  block_ = writer_->acquire();
  block_->restart();
  start_file();
  flush();
}

void CaptureWriter::start_file() noexcept {
  std::memcpy(block_->end(), head_.data(), head_.size());
  block_->used += head_.size();
  file_bytes_ = head_.size();
  file_started_utc_ns_ = utc_ns();
  file_ = {};
}

bool CaptureWriter::write(const Frame& frame, std::uint64_t dropped_before) noexcept {
  if (complete_ || writer_->failed() || frame.bytes.size() > kMaxCapturedBytes) return false;
  if (rotation_.bytes > 0 && file_bytes_ > rotation_.bytes) next_file(names_.after_size());
  if (block_->room() < pcapng::frame_room(frame.bytes.size())) seal({});
  const std::size_t length = pcapng::encode_frame(block_->end(), frame, dropped_before);
  block_->used += length;
  ++block_->frames;
  file_bytes_ += length;
  ++frames_written_;
  ++file_.frames;
  file_.dropped += dropped_before;
  if (block_->used >= enough_ && writer_->idle()) seal({});
  return true;
}

void CaptureWriter::flush() noexcept {
  if (!block_->fresh().empty()) seal({});
}

void CaptureWriter::rotate_when_due() noexcept {
  if (rotation_.seconds == 0 || complete_) return;
  const std::uint64_t now = monotonic_ns();
  if (now - period_started_ns_ < rotation_.seconds * kNsPerSecond) return;
  period_started_ns_ = now;
  if (auto name = names_.after_time(std::time(nullptr)))
    next_file(std::move(*name));
  else
    complete_ = true;
}

void CaptureWriter::next_file(std::string name) noexcept {
  end_file(file_.frames + file_.dropped, file_.dropped);
  seal(std::move(name));
  block_->restart();
  start_file();
}

void CaptureWriter::end_file(std::uint64_t received, std::uint64_t dropped) noexcept {
  if (block_->room() < pcapng::kStatisticsRoom) seal({});
  block_->used += pcapng::encode_statistics(block_->end(), 0,
                                            {.start_ns = file_started_utc_ns_,
                                             .end_ns = utc_ns(),
                                             .received = received,
                                             .dropped = dropped});
  before_.frames += file_.frames;
  before_.dropped += file_.dropped;
}

void CaptureWriter::seal(std::string next_file) noexcept {
  std::unique_ptr<FileBlock> next = writer_->acquire();
  next->continue_after(*block_);
  writer_->submit(std::exchange(block_, std::move(next)), std::move(next_file));
}

void CaptureWriter::finish(std::uint64_t received, std::uint64_t dropped) noexcept {
  if (std::exchange(finished_, true)) return;
  const std::uint64_t told = before_.frames + before_.dropped;
  end_file(std::max(received, told) - told, std::max(dropped, before_.dropped) - before_.dropped);
  writer_->submit(std::move(block_));
  writer_->finish();
}

}  // namespace gray
