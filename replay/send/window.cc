#include "replay/send/window.h"

#include <charconv>
#include <chrono>
#include <string>

#include "userspace/base/clock.h"
#include "userspace/base/errors.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

/// Digits of exactly that many characters, taken off the front.
std::optional<unsigned> take_number(std::string_view& text, std::size_t digits) {
  unsigned value = 0;
  if (text.size() < digits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || end != text.data() + digits) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

/// ".25" of a second in ns; 0 without a fraction.
std::optional<std::uint64_t> take_fraction(std::string_view& text) {
  if (!take(text, ".")) return 0;
  std::uint64_t ns = 0;
  std::size_t digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (++digits > 9) return std::nullopt;
    ns = ns * 10 + static_cast<std::uint64_t>(text.front() - '0');
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 9; ++digits) ns *= 10;
  return ns;
}

std::optional<std::uint64_t> parse_utc(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || !take(text, "T ")) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || !take(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || !take(text, ":")) return std::nullopt;
  const auto second = take_number(text, 2);
  const auto fraction = take_fraction(text);
  if (!second || !fraction || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  take(text, "Z");
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  if (!text.empty() || !date.ok() || *year < 1970) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return (static_cast<std::uint64_t>(days) * 86'400 + *hour * 3'600 + *minute * 60 + *second) *
             kNsPerSecond +
         *fraction;
}

}  // namespace

Moment Moment::parse(std::string_view text) {
  if (const auto utc = parse_utc(text)) return {*utc, false};
  if (text.find_first_of("-:T") != std::string_view::npos)
    throw UsageError("'" + std::string(text) +
                     "' is no time: want 90s, or UTC like 2026-11-25T14:00:00Z");
  return {parse_duration(text), true};
}

bool TimeWindow::contains(std::uint64_t request_ns) noexcept {
  if (!begun_) first_ns_ = request_ns;
  begun_ = true;
  return !(start_ && request_ns < at(*start_)) && !(stop_ && request_ns >= at(*stop_));
}

}  // namespace gray
