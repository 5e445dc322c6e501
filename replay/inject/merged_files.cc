#include "replay/inject/merged_files.h"

namespace gray {

MergedFiles::MergedFiles(const std::vector<std::string>& paths) {
  for (const std::string& path : paths)
    files_.push_back({.reader = std::make_unique<CaptureReader>(path)});
}

MergedFiles::Next MergedFiles::next(Frame& frame, std::chrono::milliseconds timeout) {
  if (lent_ != nullptr) {
    lent_->reader->give_back(lent_->head);
    lent_->loaded = false;
    lent_ = nullptr;
  }
  File* oldest = nullptr;
  for (File& file : files_) {
    if (!file.loaded) file.loaded = file.reader->next(file.head, timeout);
    if (!file.loaded && !file.reader->ended()) return Next::Pending;
    if (file.loaded && (oldest == nullptr || file.head.time_ns < oldest->head.time_ns))
      oldest = &file;
  }
  if (oldest == nullptr) return Next::End;
  lent_ = oldest;
  frame = oldest->head;
  ++given_;
  return Next::Frame;
}

std::uint64_t MergedFiles::frames() const noexcept {
  std::uint64_t frames = 0;
  for (const File& file : files_) frames += file.reader->frames();
  return frames;
}

std::uint64_t MergedFiles::held() const noexcept {
  std::uint64_t held = 0;
  for (const File& file : files_) held += file.loaded && &file != lent_ ? 1 : 0;
  return held;
}

std::string MergedFiles::warning() const {
  std::string all;
  for (const File& file : files_)
    if (file.reader->cut()) all += (all.empty() ? "" : "\n") + file.reader->warning();
  return all;
}

}  // namespace gray
