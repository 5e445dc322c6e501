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
  TunnelOptions tunnels;
  std::string sample = "100%";
  std::uint64_t seed = 0;
  std::string ingress = "tc";
  std::string xdp = "auto";
  std::string zero_copy = "auto";
  std::string clock = "auto";
  std::string queues;
  std::string ring;  ///< empty: as much as is good for the mode
  std::uint32_t flow_entries = 65536;
  std::vector<std::string> expression;  ///< words
  std::string filter_file;
  bool busy_poll = false;
  bool with_dispatcher = false;
  bool not_promiscuous = false;
  bool pass_unselected = false;
  bool force = false;

  void add_to(CLI::App& app, const std::string& force_help);
  /// Throws UsageError for what cannot be.
  LiveOptions options() const;
  /// The expression of the command line or of its file.
  Filter filter() const;
  /// The share of flows, of the command line or, as it is now, of its file: --sample @FILE.
  double share() const;
  /// Whether a SIGHUP means to read a file again.
  bool rereads() const { return !filter_file.empty() || sample_in_file(); }
  bool sample_in_file() const { return sample.starts_with('@'); }
};

/// --tunnel-depth and the ports, into `tunnels`, which outlives the parsing.
void add_tunnel_options(CLI::App& app, TunnelOptions& tunnels);

/// What was asked of the kernel, in words: "tcp, port 80, net 10.0.0.0/8, sample 12.5%"; empty when
/// everything was.
std::string describe(const Selection& selection);
/// The same, and the expression; the expression alone as it was written, so that other tools read
/// it.
std::string describe(const ProgramOptions& program);

}  // namespace gray
