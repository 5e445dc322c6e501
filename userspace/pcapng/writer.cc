#include "userspace/pcapng/writer.h"

#include <algorithm>
#include <cstring>

namespace gray {

PcapngWriter::PcapngWriter(Fd fd, const SectionInfo& section,
                           std::span<const InterfaceInfo> interfaces)
    : file_(std::move(fd), {}), interfaces_(interfaces.size()) {
  put(pcapng::encode_head(section, interfaces));
}

PcapngWriter::~PcapngWriter() {
  if (open_) flush();
}

/// Any number of bytes.
void PcapngWriter::put(std::span<const std::uint8_t> bytes) noexcept {
  while (!bytes.empty() && !failure_) {
    if (block_.room() == 0) flush();
    const auto piece = bytes.first(std::min(bytes.size(), block_.room()));
    std::memcpy(block_.end(), piece.data(), piece.size());
    block_.used += piece.size();
    bytes = bytes.subspan(piece.size());
  }
}

void PcapngWriter::make_room(std::size_t bytes) noexcept {
  if (block_.room() < bytes) flush();
}

bool PcapngWriter::write(const Frame& frame, std::uint64_t dropped_before) noexcept {
  if (failure_ || !open_ || frame.interface >= interfaces_) return false;
  if (frame.bytes.size() > kMaxCapturedBytes) return false;
  make_room(pcapng::frame_room(frame.bytes.size()));
  if (failure_) return false;
  block_.used += pcapng::encode_frame(block_.end(), frame, dropped_before);
  ++block_.frames;
  ++frames_written_;
  return true;
}

void PcapngWriter::flush() noexcept {
  if (failure_ || block_.used == 0) return;
  if (const int error = file_.append(block_); error != 0)
    failure_ = std::error_code(error, std::generic_category());
  block_.restart();
}

void PcapngWriter::finish(std::span<const InterfaceStatistics> statistics) noexcept {
  if (!open_) return;
  const std::size_t count = std::min(statistics.size(), interfaces_);
  for (std::size_t i = 0; i < count && !failure_; ++i) {
    make_room(pcapng::kStatisticsRoom);
    if (failure_) break;
    block_.used +=
        pcapng::encode_statistics(block_.end(), static_cast<std::uint32_t>(i), statistics[i]);
  }
  flush();
  if (const int error = file_.close(); error != 0 && !failure_)
    failure_ = std::error_code(error, std::generic_category());
  open_ = false;
}

}  // namespace gray
