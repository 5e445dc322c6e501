// The flow table of a file: what the kernel's map holds of live traffic, built from frames. One
// thread.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "userspace/kernel/programs.h"
#include "userspace/packet/packet.h"

namespace gray {

class FlowTable {
 public:
  explicit FlowTable(std::uint64_t seed) : seed_(seed) {}

  void add(const Frame& frame);
  /// In order of their first frame. Times are UTC.
  std::vector<FlowRecord> records() const;

  std::uint64_t frames() const noexcept { return frames_; }
  /// Frames of no flow: not IP, or too broken to tell.
  std::uint64_t without_flow() const noexcept { return without_flow_; }

 private:
  std::uint64_t seed_;
  std::uint64_t frames_ = 0;
  std::uint64_t without_flow_ = 0;
  std::unordered_map<std::uint64_t, gray_flow> flows_;
};

/// When the flow's first frame was seen, from either side.
std::uint64_t first_ns(const gray_flow& flow) noexcept;
std::uint64_t last_ns(const gray_flow& flow) noexcept;

}  // namespace gray
