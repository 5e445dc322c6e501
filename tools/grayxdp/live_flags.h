// The options that every verb with a live interface shares: capture, flows and mirror.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "userspace/capture/live.h"

namespace gray {

struct LiveFlags {
  std::string interface;
  std::string mode = "host";
  std::vector<std::string> protos;
  std::vector<std::uint16_t> ports;
  std::vector<std::string> nets;
  std::string sample = "100%";
  std::uint64_t seed = 0;
  std::string xdp = "auto";
  std::string zero_copy = "auto";
  std::string queues;
  std::string ring = "32MiB";
  std::uint32_t flow_entries = 65536;
  bool busy_poll = false;
  bool pass_unselected = false;
  bool force = false;

  void add_to(CLI::App& app, const std::string& force_help);
  /// Throws UsageError for what cannot be.
  LiveOptions options() const;
};

/// What was asked of the kernel, in words: "tcp, port 80, net 10.0.0.0/8, sample 12.5%"; empty when
/// everything was.
std::string describe(const Selection& selection);

}  // namespace gray
