// Flows by slot, as `flows` sorts and prints them: of the kernel's table, or of one built here from
// the frames of a file. One thread.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "userspace/kernel/flow_map.h"
#include "userspace/packet/fragment_tracker.h"
#include "userspace/packet/packet.h"

namespace gray {

class FlowSet {
 public:
  virtual ~FlowSet() = default;
  virtual std::uint32_t slots() const noexcept = 0;
  /// False when the slot is empty. Times are UTC.
  virtual bool read(std::uint32_t slot, FlowRecord& into) const noexcept = 0;
};

/// The kernel's, read anew each time.
class KernelFlows final : public FlowSet {
 public:
  /// `map` outlives this object.
  explicit KernelFlows(const FlowMap& map);
  std::uint32_t slots() const noexcept override { return map_.slots(); }
  bool read(std::uint32_t slot, FlowRecord& into) const noexcept override;

 private:
  const FlowMap& map_;
  std::uint64_t tai_offset_;
};

class FlowTable final : public FlowSet {
 public:
  explicit FlowTable(std::uint64_t seed, const TunnelOptions& tunnels = {})
      : seed_(seed), tracker_(tunnels) {}

  void add(const Frame& frame);

  std::uint32_t slots() const noexcept override {
    return static_cast<std::uint32_t>(records_.size());
  }
  bool read(std::uint32_t slot, FlowRecord& into) const noexcept override {
    into = records_[slot];
    return true;
  }

  std::uint64_t frames() const noexcept { return frames_; }
  /// Frames of no flow: not IP, or odd, as the kernel has it.
  std::uint64_t without_flow() const noexcept { return without_flow_; }

 private:
  FlowRecord& record_of(const Packet& packet, const FlowKey& key, std::uint64_t tag);

  std::uint64_t seed_;
  FragmentTracker tracker_;
  std::uint64_t frames_ = 0;
  std::uint64_t without_flow_ = 0;
  std::vector<FlowRecord> records_;
  std::unordered_map<std::uint64_t, std::uint32_t> slots_;  // by tag
};

}  // namespace gray
