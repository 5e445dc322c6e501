#include "userspace/capture/file_source.h"

#include <utility>

namespace gray {
namespace {

// A cookie says the file and, within it, what its reader wants back.
constexpr unsigned kFileShift = 32;

}  // namespace

FileSource::FileSource(std::vector<std::string> paths, const Filter& filter) : filter_(filter) {
  for (std::string& path : paths)
    files_.push_back({.reader = std::make_unique<CaptureReader>(std::move(path))});
}

bool FileSource::ended() const noexcept {
  return stopped_ || current_ == files_.size();
}

/// A pcapng describes an interface no later than its first frame, so numbers stay in the order of
/// the files: the next file's begin when this one has ended.
void FileSource::learn_interfaces(File& file) {
  const auto described = file.reader->interfaces();
  for (std::size_t i = interfaces_.size() - file.first_interface; i < described.size(); ++i)
    interfaces_.push_back({.name = described[i].name,
                           .description = described[i].description,
                           .link = described[i].link,
                           .snaplen = described[i].snaplen});
}

bool FileSource::next(Frame& frame, std::chrono::milliseconds timeout) {
  while (!ended()) {
    File& file = files_[current_];
    const bool found = file.reader->next(frame, timeout);
    learn_interfaces(file);
    if (found && !filter_.matches(frame)) {
      ++filtered_;
      file.reader->give_back(frame);
      continue;
    }
    if (found) {
      ++file.lent;
      frame.interface += static_cast<std::uint32_t>(file.first_interface);
      frame.cookie |= std::uint64_t{current_} << kFileShift;
      return true;
    }
    if (!file.reader->ended()) return false;
    if (file.reader->cut()) warning_ += (warning_.empty() ? "" : "\n") + file.reader->warning();
    if (++current_ < files_.size()) files_[current_].first_interface = interfaces_.size();
    close_when_done(file);
  }
  return false;
}

std::size_t FileSource::receive(std::span<Frame> out, std::chrono::milliseconds timeout) {
  std::size_t count = 0;
  while (count < out.size()) {
    // Once there is something to give, there is no waiting for more.
    const auto wait = count == 0 ? timeout : std::chrono::milliseconds(0);
    if (!next(out[count], wait)) break;
    ++count;
  }
  given_ += count;
  return count;
}

void FileSource::recycle(std::span<const Frame> frames) noexcept {
  for (Frame frame : frames) {
    const std::uint64_t index = frame.cookie >> kFileShift;
    if (index >= files_.size() || !files_[index].reader) continue;
    File& file = files_[index];
    frame.cookie &= (std::uint64_t{1} << kFileShift) - 1;
    file.reader->give_back(frame);
    if (file.lent > 0) --file.lent;
    close_when_done(file);
  }
}

/// The memory and the descriptor of a file that was read go when its last frame comes back.
void FileSource::close_when_done(File& file) noexcept {
  const auto index = static_cast<std::size_t>(&file - files_.data());
  if (index >= current_ || file.lent > 0 || !file.reader) return;
  read_and_closed_ += file.reader->frames();
  file.reader.reset();
}

void FileSource::account(Ledger& ledger) const {
  std::uint64_t read = read_and_closed_;
  for (const File& file : files_)
    if (file.reader) read += file.reader->frames();
  ledger.add({.name = "file",
              .in = read,
              .out = given_,
              .drops = {{"filtered", filtered_, DropKind::Selection}}});
}

}  // namespace gray
