// For tests: conversations as a capture file, and the verb `requests` run on them as a person runs
// it.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "replay/protocol/capture_builder.h"
#include "userspace/lab/process.h"
#include "userspace/lab/temp_dir.h"

namespace gray {

/// A classic pcap file of microseconds, in this machine's byte order.
inline void write_pcap(const std::string& path, const std::vector<BuiltFrame>& frames) {
  std::ofstream file(path, std::ios::binary);
  const auto put = [&](std::uint32_t word) {
    file.write(reinterpret_cast<const char*>(&word), sizeof(word));
  };
  for (const std::uint32_t word : {0xa1b2c3d4U, 0x00040002U, 0U, 0U, 65535U, 1U}) put(word);
  for (const BuiltFrame& frame : frames) {
    const auto length = static_cast<std::uint32_t>(frame.bytes.size());
    put(static_cast<std::uint32_t>(frame.time_ns / 1'000'000'000));
    put(static_cast<std::uint32_t>(frame.time_ns % 1'000'000'000 / 1000));
    put(length);
    put(length);
    file.write(reinterpret_cast<const char*>(frame.bytes.data()), length);
  }
}

inline RunResult requests_of_file(const std::string& path, const Argv& options) {
  Argv arguments{built_binary("grayxdp"), "requests", path};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return run(arguments);
}

inline RunResult requests(const std::vector<BuiltFrame>& frames, const Argv& options) {
  const TempDir dir;
  write_pcap(dir / "x.pcap", frames);
  return requests_of_file(dir / "x.pcap", options);
}

}  // namespace gray
