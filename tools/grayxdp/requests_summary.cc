#include "tools/grayxdp/requests_summary.h"

#include <fmt/format.h>

#include <vector>

#include "tools/grayxdp/extractor_caps.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

std::string opaque_streams(const ExtractorSummary& summary) {
  std::string reasons;
  std::uint64_t sum = 0;
  for (const auto& [reason, count] : summary.opaque) {
    reasons += fmt::format("{}{} {}", reasons.empty() ? " (" : ", ", reason, count);
    sum += count;
  }
  if (!reasons.empty()) reasons += ')';
  return fmt::format("{} streams opaque{}", sum, reasons);
}

/// What was read and is in no exchange.
std::string set_aside(const ExtractorSummary& summary) {
  std::vector<std::string> said;
  if (summary.interim > 0) said.push_back(fmt::format("{} interim responses", summary.interim));
  if (summary.bad > 0) said.push_back(fmt::format("{} bad messages", summary.bad));
  if (summary.skipped_bytes > 0) said.push_back(bytes_skipped(summary));
  return fmt::format("{}", fmt::join(said, ", "));
}

}  // namespace

std::string bytes_skipped(const ExtractorSummary& summary) {
  if (summary.skipped_bytes == 0) return {};
  return fmt::format("{} skipped, which are of no message that could be read",
                     format_bytes(summary.skipped_bytes));
}

std::string packets_unread(const ExtractorSummary& summary) {
  std::vector<std::string> said;
  if (summary.unread > 0)
    said.push_back(fmt::format("{} packets of a link type that is not read", summary.unread));
  if (summary.unread_pdus > 0)
    said.push_back(fmt::format("{} exported PDUs that are not HTTP over TCP", summary.unread_pdus));
  return fmt::format("{}", fmt::join(said, ", "));
}

std::string requests_summary(const ExtractorSummary& summary, std::uint64_t listed,
                             std::uint64_t late) {
  std::string text =
      fmt::format("requests: {} packets, {} streams, {} exchanges{}, {}, {} gaps ({})\n",
                  summary.packets, summary.streams, summary.exchanges,
                  listed != summary.exchanges ? fmt::format(" of which {} are listed", listed) : "",
                  opaque_streams(summary), summary.gaps, format_bytes(summary.gap_bytes));
  const auto add = [&](const std::string& line) {
    if (!line.empty()) text += fmt::format("requests: {}\n", line);
  };
  add(packets_unread(summary));
  add(set_aside(summary));
  add(caps_reached(summary));
  if (late > 0) add(fmt::format("{} lines are behind their place, because they ended late", late));
  return text;
}

}  // namespace gray
