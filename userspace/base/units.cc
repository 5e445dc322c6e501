#include "userspace/base/units.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "userspace/base/errors.h"

namespace gray {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array kDurations{Unit{"ns", 1},    Unit{"us", 1e3}, Unit{"ms", 1e6},
                                Unit{"s", 1e9},   Unit{"m", 6e10}, Unit{"min", 6e10},
                                Unit{"h", 3.6e12}};
constexpr double kKibi = 1024;
constexpr std::array kSizes{Unit{"B", 1},
                            Unit{"K", kKibi},
                            Unit{"M", kKibi* kKibi},
                            Unit{"G", kKibi* kKibi* kKibi},
                            Unit{"KiB", kKibi},
                            Unit{"MiB", kKibi* kKibi},
                            Unit{"GiB", kKibi* kKibi* kKibi},
                            Unit{"KB", 1e3},
                            Unit{"MB", 1e6},
                            Unit{"GB", 1e9}};
constexpr std::array kRates{Unit{"rps", 1}, Unit{"krps", 1e3}, Unit{"Mrps", 1e6}};
// The unit without a name is that of a bare number.
constexpr std::array kFrameRates{Unit{"pps", 1}, Unit{"kpps", 1e3}, Unit{"Mpps", 1e6}, Unit{"", 1}};
constexpr std::array kBitRates{Unit{"bps", 1}, Unit{"kbps", 1e3}, Unit{"Mbps", 1e6},
                               Unit{"Gbps", 1e9}, Unit{"", 1e6}};
constexpr std::array kShares{Unit{"%", 0.01}};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if ((a[i] | 0x20) != (b[i] | 0x20)) return false;
  return true;
}

// "1.5s" → 1.5 × the factor of "s". `what` and `example` are for the message.
double parse_with_unit(std::string_view text, std::span<const Unit> units, std::string_view what,
                       std::string_view example) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error != std::errc{} || !std::isfinite(number) || number < 0)
    throw UsageError(fmt::format("'{}' is not a {}: write it like {}", text, what, example));
  for (const Unit& unit : units)
    if (unit.name == suffix) return number * unit.factor;
  for (const Unit& unit : units)
    if (equal_ignoring_case(unit.name, suffix)) return number * unit.factor;
  if (suffix.empty())
    throw UsageError(fmt::format("{} '{}' has no unit: did you mean {}{}?", what, text, text,
                                 example.substr(example.find_first_not_of("0123456789."))));
  throw UsageError(fmt::format("'{}' is not a {}: write it like {}", text, what, example));
}

std::uint64_t to_integer(double value, std::string_view text, std::string_view what) {
  if (value >= static_cast<double>(std::numeric_limits<std::int64_t>::max()))
    throw UsageError(fmt::format("{} '{}' is too large", what, text));
  return static_cast<std::uint64_t>(std::llround(value));
}

double above_zero(double rate, std::string_view text) {
  if (rate <= 0) throw UsageError(fmt::format("rate '{}' must be above 0", text));
  return rate;
}

}  // namespace

std::uint64_t parse_duration(std::string_view text) {
  return to_integer(parse_with_unit(text, kDurations, "duration", "30s"), text, "duration");
}

std::uint64_t parse_size(std::string_view text) {
  return to_integer(parse_with_unit(text, kSizes, "size", "32MB"), text, "size");
}

double parse_request_rate(std::string_view text) {
  return above_zero(parse_with_unit(text, kRates, "rate", "500rps"), text);
}

double parse_frame_rate(std::string_view text) {
  return above_zero(parse_with_unit(text, kFrameRates, "rate", "10kpps"), text);
}

double parse_bit_rate(std::string_view text) {
  return above_zero(parse_with_unit(text, kBitRates, "rate", "100Mbps"), text);
}

double parse_share(std::string_view text) {
  const double share = parse_with_unit(text, kShares, "share", "12.5%");
  if (share <= 0 || share > 1)
    throw UsageError(fmt::format("share '{}' must be above 0% and at most 100%", text));
  return share;
}

std::uint64_t share_threshold(double share) noexcept {
  constexpr double kRange = 18446744073709551616.0;  // 2^64
  if (share >= 1) return std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(share * kRange);
}

std::string format_duration(std::uint64_t ns) {
  constexpr std::array kSteps{std::pair{1e9, "s"}, std::pair{1e6, "ms"}, std::pair{1e3, "us"}};
  const auto value = static_cast<double>(ns);
  for (const auto& [factor, name] : kSteps)
    if (value >= factor) return fmt::format(FMT_COMPILE("{:.3g}{}"), value / factor, name);
  return fmt::format("{}ns", ns);
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array kSteps{std::pair{1e9, "GB"}, std::pair{1e6, "MB"}, std::pair{1e3, "KB"}};
  const auto value = static_cast<double>(bytes);
  for (const auto& [factor, name] : kSteps)
    if (value >= factor) return fmt::format(FMT_COMPILE("{:.2f}{}"), value / factor, name);
  return fmt::format(FMT_COMPILE("{}B"), bytes);
}

}  // namespace gray
