#include "replay/compare/timestamp.h"

#include <algorithm>
#include <array>

#include "replay/scrub/chars.h"
#include "userspace/base/clock.h"

namespace gray {
namespace {

constexpr auto kSecond = static_cast<std::int64_t>(kNsPerSecond);
constexpr std::int64_t kSecondsOfDay = 86'400;
constexpr std::int64_t kYear2001 = 978'307'200;
constexpr std::int64_t kYear2100 = 4'102'444'800;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool end() const noexcept { return text_.empty(); }
  bool take(char c) noexcept {
    if (end() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) noexcept {
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  /// Exactly so many digits, of a value from `low` to `high`.
  bool number(std::size_t digits, int low, int high, int& out) noexcept {
    if (text_.size() < digits) return false;
    out = 0;
    for (const char c : text_.substr(0, digits)) {
      if (!is_digit(c)) return false;
      out = out * 10 + (c - '0');
    }
    text_.remove_prefix(digits);
    return out >= low && out <= high;
  }
  /// ".678" in nanoseconds; digits behind the ninth do not count.
  bool fraction(std::int64_t& ns) noexcept {
    ns = 0;
    if (!take('.')) return true;
    std::int64_t unit = kSecond / 10;
    if (end() || !is_digit(text_.front())) return false;
    for (; !end() && is_digit(text_.front()); text_.remove_prefix(1), unit /= 10)
      ns += unit * (text_.front() - '0');
    return true;
  }
  int month() noexcept {
    constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (int i = 0; i < 12; ++i)
      if (take(kMonths[static_cast<std::size_t>(i)])) return i + 1;
    return 0;
  }

 private:
  std::string_view text_;
};

// Days since 1970-01-01 of a date of the Gregorian calendar.
std::int64_t days_of(int year, int month, int day) noexcept {
  const int shifted = month <= 2 ? year - 1 : year;  // the year begins in March
  const int era = shifted / 400;
  const int of_era = shifted % 400;
  const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return std::int64_t{era} * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

bool time_of_day(Reader& reader, std::int64_t& seconds) noexcept {
  int hour = 0, minute = 0, second = 0;
  if (!reader.number(2, 0, 23, hour) || !reader.take(':') || !reader.number(2, 0, 59, minute) ||
      !reader.take(':') || !reader.number(2, 0, 60, second))
    return false;
  seconds = hour * 3600 + minute * 60 + second;
  return true;
}

bool date(Reader& reader, std::int64_t& days) noexcept {
  int year = 0, month = 0, day = 0;
  if (!reader.number(4, 1970, 2200, year) || !reader.take('-') || !reader.number(2, 1, 12, month) ||
      !reader.take('-') || !reader.number(2, 1, 31, day))
    return false;
  days = days_of(year, month, day);
  return true;
}

std::optional<std::int64_t> internet_time(std::string_view text) noexcept {
  Reader reader(text);
  std::int64_t days = 0, seconds = 0, ns = 0;
  if (!date(reader, days) || (!reader.take('T') && !reader.take(' ') && !reader.take('t')) ||
      !time_of_day(reader, seconds) || !reader.fraction(ns))
    return std::nullopt;
  if (!reader.take('Z') && !reader.take('z') && !reader.end()) {
    const bool west = reader.take('-');
    int hours = 0, minutes = 0;
    if (!west && !reader.take('+')) return std::nullopt;
    if (!reader.number(2, 0, 23, hours) || (reader.take(':'), !reader.number(2, 0, 59, minutes)))
      return std::nullopt;
    seconds -= (west ? -1 : 1) * (hours * 3600 + minutes * 60);
  }
  if (!reader.end()) return std::nullopt;
  return (days * kSecondsOfDay + seconds) * kSecond + ns;
}

// "Sun, 06 Nov 1994 08:49:37 GMT"; cookies write it with hyphens, too.
std::optional<std::int64_t> http_date(std::string_view text) noexcept {
  const std::size_t comma = text.find(", ");
  if (comma == std::string_view::npos || comma > 9) return std::nullopt;
  Reader reader(text.substr(comma + 2));
  int day = 0, year = 0;
  std::int64_t seconds = 0;
  if (!reader.number(2, 1, 31, day) || (!reader.take(' ') && !reader.take('-')))
    return std::nullopt;
  const int month = reader.month();
  if (month == 0 || (!reader.take(' ') && !reader.take('-')) ||
      !reader.number(4, 1970, 2200, year) || !reader.take(' ') || !time_of_day(reader, seconds) ||
      !reader.take(std::string_view(" GMT")) || !reader.end())
    return std::nullopt;
  return (days_of(year, month, day) * kSecondsOfDay + seconds) * kSecond;
}

std::optional<std::int64_t> since_1970(std::string_view text) noexcept {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::int64_t unit = digits == 10   ? kSecond
                            : digits == 13 ? kSecond / 1'000
                            : digits == 16 ? kSecond / 1'000'000
                            : digits == 19 ? 1
                                           : 0;
  if (unit == 0) return std::nullopt;
  std::int64_t count = 0;
  for (const char c : text.substr(0, digits)) {
    if (__builtin_mul_overflow(count, 10, &count) || __builtin_add_overflow(count, c - '0', &count))
      return std::nullopt;
  }
  const std::int64_t seconds = count / (kSecond / unit);
  if (seconds < kYear2001 || seconds >= kYear2100) return std::nullopt;
  Reader rest(text.substr(digits));
  std::int64_t fraction = 0;
  if (!rest.fraction(fraction) || !rest.end()) return std::nullopt;
  return count * unit + fraction / (kSecond / unit);
}

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view text) noexcept {
  if (text.size() < 10 || text.size() > 40) return std::nullopt;
  if (auto time = since_1970(text)) return time;
  if (auto time = internet_time(text)) return time;
  return http_date(text);
}

std::optional<std::int64_t> parse_date(std::string_view text) noexcept {
  Reader reader(text);
  std::int64_t days = 0;
  if (!date(reader, days) || !reader.end()) return std::nullopt;
  return days * kSecondsOfDay * kSecond;
}

}  // namespace gray
