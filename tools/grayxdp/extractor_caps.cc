#include "tools/grayxdp/extractor_caps.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "userspace/base/errors.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

constexpr std::uint64_t kLeastMemory = 64u << 10;
constexpr std::uint64_t kEarlyShare = 5;  // a fifth is for segments that came early

}  // namespace

void ExtractorCaps::add_to(CLI::App& app) {
  app.add_option("--max-flows", flows, "connections known at a time; the idlest is shed above")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 28));
  app.add_option("--max-memory", memory, "for messages and segments that wait for others (1.25GiB)")
      ->type_name("SIZE");
}

void ExtractorCaps::apply(ExtractorOptions& options) const {
  options.max_flows = flows;
  if (memory.empty()) return;
  const std::uint64_t bytes = parse_size(memory);
  if (bytes < kLeastMemory)
    throw UsageError(fmt::format("--max-memory {}: less than 64KiB holds no request", memory));
  options.max_buffered = static_cast<std::size_t>(bytes / kEarlyShare);
  options.max_kept = static_cast<std::size_t>(bytes - bytes / kEarlyShare);
}

std::string caps_reached(const ExtractorSummary& summary) {
  std::string said;
  const auto say = [&](std::uint64_t count, const char* what) {
    if (count > 0) said += fmt::format("{}{} {}", said.empty() ? "" : ", ", count, what);
  };
  say(summary.flows_shed, "connections shed above --max-flows");
  say(summary.early_gaps, "gaps declared early to stay within --max-memory");
  return said;
}

}  // namespace gray
