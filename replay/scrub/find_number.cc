// Digit runs are rare in text and tell what they are by length, prefix and check digit: a look at
// each run is faster than a regex, and mistakes fewer order numbers for secrets.

#include <algorithm>
#include <array>

#include "replay/scrub/chars.h"
#include "replay/scrub/finding.h"
#include "replay/scrub/numbers.h"

namespace gray {
namespace {

constexpr std::size_t kMaxGroups = 8;
constexpr std::size_t kMaxDigits = 19;
constexpr std::size_t kFewestDigits = 11;  // of a number without a plus: one of a mobile phone

/// Runs of digits with one separator between each two, from where a number may start.
struct Groups {
  struct Group {
    std::size_t begin, end;
    char separator;  ///< in front of it; 0 for the first
    std::size_t size() const { return end - begin; }
  };
  std::array<Group, kMaxGroups> group;
  std::size_t count = 0;
};

bool is_separator(char c) {
  return c == ' ' || c == '-';
}

Groups read_groups(std::string_view text, std::size_t pos) {
  Groups groups;
  char separator = 0;
  while (groups.count < kMaxGroups) {
    std::size_t end = pos;
    while (end < text.size() && is_digit(text[end])) ++end;
    groups.group[groups.count++] = {pos, end, separator};
    if (end - pos > kMaxDigits || end + 1 >= text.size()) break;
    separator = text[end];
    if (!is_separator(separator) || !is_digit(text[end + 1])) break;
    pos = end + 1;
  }
  return groups;
}

/// "tel13812345678" may hold a number; "3f13812345678ab" is a hash or an id.
bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  const bool left = begin > 0 && is_letter(text[begin - 1]);
  const bool right = end < text.size() && is_letter(text[end]);
  if (left && right) return false;
  if (left) {
    std::size_t i = begin;
    while (i > 0 && is_letter(text[i - 1])) --i;
    return i == 0 || !is_digit(text[i - 1]);
  }
  if (right) {
    std::size_t i = end;
    while (i < text.size() && is_letter(text[i])) ++i;
    return i == text.size() || !is_digit(text[i]);
  }
  return true;
}

/// "0.13812345678" and "121.13812345678" are fractions; "1.13812345678" may be an item of a list.
bool is_fraction(std::string_view text, std::size_t begin) {
  if (begin < 2 || text[begin - 1] != '.' || !is_digit(text[begin - 2])) return false;
  std::size_t i = begin - 1;
  while (i > 0 && is_digit(text[i - 1])) --i;
  const std::size_t size = begin - 1 - i;
  return size >= 3 || text[i] == '0';
}

class NumberFinder {
 public:
  NumberFinder(std::string_view text, std::size_t begin)
      : text_(text), begin_(begin), groups_(read_groups(text, begin)) {}

  bool find(Finding& finding) {
    if (begin_ > 0 && text_[begin_ - 1] == '+' && find_international(finding)) return true;
    if (is_fraction(text_, begin_)) return false;
    return find_mobile(finding) || find_identity(finding) || find_card(finding) ||
           find_imsi(finding);
  }

 private:
  // The digits of groups [first, first + count), without what is between them.
  std::string_view digits(std::size_t first, std::size_t count) {
    std::size_t size = 0;
    for (std::size_t i = first; i < first + count && i < groups_.count; ++i) {
      const auto& group = groups_.group[i];
      if (size + group.size() > buffer_.size()) return {};
      std::copy_n(text_.data() + group.begin, group.size(), buffer_.data() + size);
      size += group.size();
    }
    return {buffer_.data(), size};
  }

  bool has_shape(std::size_t first, std::initializer_list<std::size_t> sizes) const {
    if (first + sizes.size() > groups_.count) return false;
    std::size_t i = first;
    for (const std::size_t size : sizes)
      if (groups_.group[i++].size() != size) return false;
    return true;
  }

  bool accept(Finding& finding, std::size_t last_group, Kind kind) {
    const std::size_t end = groups_.group[last_group].end;
    return accept_until(finding, end, kind);
  }

  bool accept_until(Finding& finding, std::size_t end, Kind kind) {
    if (!stands_alone(text_, begin_, end)) return false;
    finding = {begin_, end, kind};
    return true;
  }

  bool find_international(Finding& finding);
  bool find_mobile(Finding& finding);
  bool find_identity(Finding& finding);
  bool find_card(Finding& finding);
  bool find_imsi(Finding& finding);

  std::string_view text_;
  std::size_t begin_;
  Groups groups_;
  std::array<char, 24> buffer_{};
};

// E.164: a plus, 8 to 15 digits, with spaces, hyphens, dots and parentheses between.
bool NumberFinder::find_international(Finding& finding) {
  if (begin_ >= 2 && is_alnum(text_[begin_ - 2])) return false;
  if (text_[begin_] == '0') return false;
  constexpr std::size_t kMin = 8, kMax = 15, kChinese = 13;
  std::array<char, kMax> number{};
  std::size_t count = 0, end = begin_, gap = 0;
  for (std::size_t i = begin_; i < text_.size() && gap <= 2; ++i) {
    if (is_digit(text_[i])) {
      if (count == kMax) break;
      number[count++] = text_[i];
      end = i + 1;
      gap = 0;
      const std::string_view so_far(number.data(), count);
      const bool run_ends = end == text_.size() || !is_digit(text_[end]);
      if (count == kChinese && run_ends && so_far.starts_with("86") && is_mobile(so_far.substr(2)))
        break;
    } else if (std::string_view(" -.()").find(text_[i]) != std::string_view::npos) {
      ++gap;
    } else {
      break;
    }
  }
  // A run that goes on behind the 15th digit is no phone number, but all before it may be one.
  while (end > begin_ && end < text_.size() && is_digit(text_[end])) {
    while (end > begin_ && is_digit(text_[end - 1])) --end, --count;
    while (end > begin_ && !is_digit(text_[end - 1])) --end;
  }
  if (end <= begin_ || count < kMin || (end < text_.size() && is_letter(text_[end]))) return false;
  const std::string_view all(number.data(), count);
  const bool chinese = count == kChinese && all.starts_with("86") && is_mobile(all.substr(2));
  finding = {begin_ - 1, end, chinese ? Kind::Mobile : Kind::Phone};
  return true;
}

bool NumberFinder::find_mobile(Finding& finding) {
  if (has_shape(0, {13}) && digits(0, 1).starts_with("86") && is_mobile(digits(0, 1).substr(2)))
    return accept(finding, 0, Kind::Mobile);
  if (has_shape(0, {15}) && digits(0, 1).starts_with("0086") && is_mobile(digits(0, 1).substr(4)))
    return accept(finding, 0, Kind::Mobile);
  const std::string_view prefix = text_.substr(begin_, groups_.group[0].size());
  const std::size_t first = prefix == "86" || prefix == "0086" ? 1 : 0;
  std::size_t count = 0;
  if (has_shape(first, {11}))
    count = 1;
  else if (has_shape(first, {3, 4, 4}))
    count = 3;
  else if (has_shape(first, {3, 8}) || has_shape(first, {7, 4}))
    count = 2;
  if (count == 0 || !is_mobile(digits(first, count))) return false;
  return accept(finding, first + count - 1, Kind::Mobile);
}

bool NumberFinder::find_identity(Finding& finding) {
  const auto ends_in_x = [&](std::size_t group) {
    const std::size_t end = groups_.group[group].end;
    return end < text_.size() && to_lower(text_[end]) == 'x';
  };
  if (has_shape(0, {18}) && is_identity_card(digits(0, 1), false))
    return accept(finding, 0, Kind::IdCard);
  if (has_shape(0, {17}) && ends_in_x(0) && is_identity_card(digits(0, 1), true))
    return accept_until(finding, groups_.group[0].end + 1, Kind::IdCard);
  if (has_shape(0, {6, 8, 4}) && is_identity_card(digits(0, 3), false))
    return accept(finding, 2, Kind::IdCard);
  if (has_shape(0, {6, 8, 3}) && ends_in_x(2) && is_identity_card(digits(0, 3), true))
    return accept_until(finding, groups_.group[2].end + 1, Kind::IdCard);
  if (has_shape(0, {15}) && is_old_identity_card(digits(0, 1)))
    return accept(finding, 0, Kind::IdCard);
  return false;
}

bool NumberFinder::find_card(Finding& finding) {
  std::size_t count = 0;
  if (groups_.group[0].size() >= 13) {
    count = 1;
  } else if (has_shape(0, {4, 6, 5}) || has_shape(0, {4, 6, 4})) {
    count = 3;
  } else if (has_shape(0, {6, 13}) || has_shape(0, {6, 10})) {
    count = 2;
  } else {
    // Fours, the last of which may be shorter: the longest that checks out.
    std::size_t fours = 0;
    while (fours < groups_.count && groups_.group[fours].size() == 4) ++fours;
    const bool has_tail = fours < groups_.count && groups_.group[fours].size() <= 3;
    for (count = std::min<std::size_t>(fours + (has_tail ? 1 : 0), 5); count >= 4; --count)
      if (is_payment_card(digits(0, count))) break;
    if (count < 4) return false;
  }
  for (std::size_t i = 2; i < count; ++i)
    if (groups_.group[i].separator != groups_.group[1].separator) return false;
  if (!is_payment_card(digits(0, count))) return false;
  return accept(finding, count - 1, Kind::Card);
}

bool NumberFinder::find_imsi(Finding& finding) {
  if (!has_shape(0, {15})) return false;
  const std::size_t label_size = 5;  // "imsi-" of 3GPP TS 23.003, and its likes
  const bool labelled =
      begin_ >= label_size &&
      starts_with_ignoring_case(text_.substr(begin_ - label_size, label_size - 1), "imsi");
  if (!labelled && !is_chinese_imsi(digits(0, 1))) return false;
  return accept(finding, 0, Kind::Imsi);
}

}  // namespace

std::size_t find_number(std::string_view text, std::size_t begin, std::vector<Finding>& findings) {
  std::size_t end = begin;
  while (end < text.size() && is_digit(text[end])) ++end;
  const bool plus = begin > 0 && text[begin - 1] == '+';
  const bool goes_on = end + 1 < text.size() && is_separator(text[end]) && is_digit(text[end + 1]);
  // Most runs of digits are too short to be anything, and stand alone.
  if (end - begin < kFewestDigits && !plus && !goes_on) return end;
  Finding finding;
  if (!NumberFinder(text, begin).find(finding)) return end;
  findings.push_back(finding);
  return finding.end;
}

}  // namespace gray
