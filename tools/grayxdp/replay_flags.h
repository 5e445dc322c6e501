// The options of a replay to a canary, shared by `replay --to` and `mirror`.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "replay/report/run.h"

namespace gray {

struct ReplayFlags {
  std::vector<std::string> targets;
  std::vector<std::string> methods;
  std::vector<std::string> allow_urls;
  std::vector<std::string> disallow_urls;
  std::vector<std::string> allow_headers;
  std::string sample_by = "flow";
  std::vector<std::string> set_headers;
  std::vector<std::string> rewrite_urls;
  std::string host = "keep";
  std::string color = "x-gray-replay: 1";
  std::string scrub = "builtin";
  std::vector<std::string> descriptors;
  std::string order = "connection";
  std::size_t concurrency = 256;
  std::string timeout = "5s";
  std::string ca;
  bool insecure = false;
  std::size_t amplify = 1;
  bool learn = false;
  std::string learn_wait = "2s";
  std::vector<std::string> ignores;
  std::string compare_rules;
  std::vector<std::string> accept;
  std::string baseline;
  std::string noise_relative = "20%";
  std::string noise_absolute = "0.03%";
  std::string max_diff = "0%";
  std::string max_p99;
  std::string trials;
  std::string html;
  std::uint64_t limit = 0;
  bool json = false;

  void add_to(CLI::App& app);
  /// Everything but the pace. `share` and `seed` are of the sample. Throws UsageError.
  RunOptions options(double share, std::uint64_t seed) const;
};

/// Prints the verdict and all that led to it (JSON or text) to stdout, writes the HTML report, and
/// gives the exit code: the verdict's, or kExitFailed when a file could not be written.
int conclude(const RunSummary& summary, const ReplayFlags& flags, const Judge& judge,
             const char* verb);

}  // namespace gray
