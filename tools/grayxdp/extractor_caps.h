// The options that bound what reading a capture holds at a time, shared by `requests` and `replay`,
// and what is said when a bound was reached.
#pragma once

#include <CLI/App.hpp>
#include <cstddef>
#include <string>

#include "replay/protocol/extractor.h"

namespace gray {

struct ExtractorCaps {
  std::size_t flows = ExtractorOptions{}.max_flows;
  std::string memory;  ///< empty: the extractor's own bounds

  void add_to(CLI::App& app);
  /// Throws UsageError for a size that is none.
  void apply(ExtractorOptions& options) const;
};

/// "12 connections shed above --max-flows, …"; empty when no bound was reached.
std::string caps_reached(const ExtractorSummary& summary);

}  // namespace gray
