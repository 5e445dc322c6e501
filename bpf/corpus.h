// Ethernet frames to try programs on: the captures of the folder that GRAYXDP_CORPUS names. Tests
// only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "userspace/pcapng/reader.h"

namespace gray {

struct CorpusFrame {
  std::vector<std::uint8_t> bytes;
  std::string where;  ///< "vxlan.pcap frame 3"
};

inline std::vector<CorpusFrame> corpus_frames() {
  const char* named = std::getenv("GRAYXDP_CORPUS");
  const std::filesystem::path folder = named != nullptr ? named : "";
  std::vector<CorpusFrame> frames;
  std::error_code absent;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder, absent))
    if (const auto type = entry.path().extension(); type == ".pcap" || type == ".pcapng")
      paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    CaptureReader reader(path);
    for (Frame frame; reader.next(frame); reader.give_back(frame))
      if (frame.link == LinkType::Ethernet)
        frames.push_back({{frame.bytes.begin(), frame.bytes.end()},
                          path.filename().string() + " frame " + std::to_string(reader.frames())});
  }
  return frames;
}

}  // namespace gray
