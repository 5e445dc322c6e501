// `replay FILE… -i IFACE`: frames out of an interface, timed and rewritten. replay.cc declares the
// options that both kinds of replay share, this one those of frames.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/grayxdp/rewrite_flags.h"

namespace gray {

/// What -i and --to have in common.
struct ReplayBasics {
  std::vector<std::string> files;
  double speed = 1;
  bool top_speed = false;
  std::string max_gap;
  std::uint64_t loops = 1;
  std::uint64_t limit = 0;
  bool json = false;
};

struct FrameReplayFlags {
  std::string interface;
  std::string second_interface;
  std::string split;
  std::string pps;
  std::string mbps;
  std::string duration;
  std::string max_jitter;
  std::string via = "auto";
  std::string zero_copy = "auto";
  std::uint32_t queue = 0;
  int cpu = -1;
  bool preload = false;
  bool mtu_trunc = false;
  bool fragment = false;

  RewriteFlags rewrite;

  /// All but those of `rewrite`.
  void add_to(CLI::App& app);
};

/// Does it, and gives the exit code. Throws UsageError, std::system_error.
int replay_frames(const ReplayBasics& basics, const FrameReplayFlags& flags);

}  // namespace gray
