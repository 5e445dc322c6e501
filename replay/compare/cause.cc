#include "replay/compare/cause.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "replay/compare/timestamp.h"
#include "replay/scrub/chars.h"

namespace gray {
namespace {

constexpr std::size_t kMaxId = 512;              // longer is a document, not an id
constexpr std::size_t kShortestHex = 8;          // of one length, with a digit in it
constexpr std::size_t kShortestBase64 = 10;      // shorter ones are words
constexpr std::size_t kMaxSearched = 64 * 1024;  // of a request's body

bool is_type(const TreeNode& node, TreeKind kind) noexcept {
  return node.kind == kind;
}

bool same_type(const TreeNode& a, const TreeNode& b) noexcept {
  const auto type = [](const TreeNode& node) {
    return node.kind == TreeKind::False ? TreeKind::True : node.kind;
  };
  return type(a) == type(b) || is_type(a, TreeKind::Null) || is_type(b, TreeKind::Null);
}

template <typename Is>
bool all_of(std::string_view text, Is is) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is);
}

bool is_hex(std::string_view text) noexcept {
  return all_of(text, [](char c) { return hex_value(c) >= 0; });
}

bool has_digit(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), is_digit);
}

bool is_uuid(std::string_view text) noexcept {  // RFC 9562 section 4
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : hex_value(text[i]) < 0) return false;
  }
  return true;
}

// Random text of 64 characters has digits and letters of both cases, sooner or later; two words of
// one length do not both have digits.
bool is_base64url(std::string_view text) noexcept {
  return text.size() >= kShortestBase64 && has_digit(text) &&
         std::any_of(text.begin(), text.end(), is_letter) && all_of(text, [](char c) {
           return is_alnum(c) || c == '-' || c == '_' || c == '=' || c == '+' || c == '/';
         });
}

bool same_plain_shape(std::string_view a, std::string_view b, bool integers) noexcept {
  if (a.size() != b.size()) return false;
  if (all_of(a, is_digit) && all_of(b, is_digit)) return integers;
  if (is_uuid(a) && is_uuid(b)) return true;
  if (a.size() >= kShortestHex && is_hex(a) && is_hex(b) && has_digit(a) && has_digit(b))
    return true;
  return is_base64url(a) && is_base64url(b);
}

// "ord_" of "ord_8Fk2": what ends with a mark that joins.
std::size_t prefix_size(std::string_view a, std::string_view b) noexcept {
  const auto differ =
      std::mismatch(a.begin(),
                    a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())),
                    b.begin())
          .first;
  const auto common = a.substr(0, static_cast<std::size_t>(differ - a.begin()));
  const std::size_t mark = common.find_last_of("_-:./");
  return mark == std::string_view::npos ? 0 : mark + 1;
}

bool stands_in(const Request& request, std::string_view value) {
  if (request.target.find(value) != std::string::npos) return true;
  for (const Header& header : request.headers)
    if (header.value.find(value) != std::string::npos) return true;
  return std::string_view(request.body).substr(0, kMaxSearched).find(value) !=
         std::string_view::npos;
}

// How far off the offset two times are moved; absent: an overflow.
std::optional<std::int64_t> error_of(std::int64_t before, std::int64_t after,
                                     std::int64_t offset) noexcept {
  std::int64_t shift = 0, error = 0;
  if (__builtin_sub_overflow(after, before, &shift) ||
      __builtin_sub_overflow(shift, offset, &error) || error == INT64_MIN)
    return std::nullopt;
  return std::abs(error);
}

bool moved_by(std::string_view production, std::string_view canary, const CauseContext& context) {
  constexpr std::int64_t kDay = 86'400'000'000'000;
  if (!context.offset_ns) return false;
  if (const auto before = parse_time(production), after = parse_time(canary); before && after) {
    const auto error = error_of(*before, *after, *context.offset_ns);
    return error && *error <= context.tolerance_ns;
  }
  // Of a date it is not known how close to midnight it was made; but something must have passed.
  const auto before = parse_date(production), after = parse_date(canary);
  if (!before || !after || *context.offset_ns <= context.tolerance_ns) return false;
  const auto error = error_of(*before, *after, *context.offset_ns);
  return error && *error < kDay;
}

}  // namespace

const char* to_string(Cause cause) noexcept {
  constexpr std::array<const char*, kCauses> kNames{"status_class", "schema",    "value",
                                                    "ordering",     "timing",    "identifier",
                                                    "repeated",     "truncated", "transport"};
  return kNames[static_cast<std::size_t>(cause)];
}

std::optional<Cause> parse_cause(std::string_view word) noexcept {
  for (const Cause cause : kAllCauses)
    if (word == to_string(cause)) return cause;
  return std::nullopt;
}

const char* explain(Cause cause) noexcept {
  constexpr std::array<const char*, kCauses> kSentences{
      "another class of status: success here, failure there",
      "a field is only in one of the answers, or of another type",
      "another value",
      "the same elements in another order",
      "a point in time, moved by as much as the replay came later",
      "an identifier issued by the server: another value of the same shape",
      "the canary had been asked the same before (request id or idempotency key)",
      "of one answer only a part is known",
      "no answer came"};
  return kSentences[static_cast<std::size_t>(cause)];
}

bool names_identifier(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 12> kWords{
      "id", "ids", "uuid", "guid", "key", "token", "nonce", "cursor", "etag", "ref", "hash", "sid"};
  std::size_t begin = name.size();
  while (begin > 0 && is_alnum(name[begin - 1])) --begin;
  const std::string_view word = name.substr(begin);  // behind the last _, - or .
  for (const std::string_view known : kWords) {
    if (word.size() < known.size()) continue;
    const std::string_view tail = word.substr(word.size() - known.size());
    if (!starts_with_ignoring_case(tail, known)) continue;
    // "userId" and "userID", but not "paid".
    if (tail.size() == word.size() || is_upper(tail.front())) return true;
  }
  return false;
}

bool same_identifier_shape(std::string_view a, std::string_view b, bool integers) noexcept {
  if (a.empty() || b.empty() || a.size() > kMaxId || b.size() > kMaxId) return false;
  if (same_plain_shape(a, b, integers)) return true;
  const std::size_t prefix = prefix_size(a, b);
  if (prefix == 0) return false;
  const std::string_view left = a.substr(prefix), right = b.substr(prefix);
  // Behind a prefix that names its kind an id may be short.
  const auto short_id = [](std::string_view text) {
    return text.size() >= 4 && has_digit(text) &&
           std::any_of(text.begin(), text.end(), is_letter) && all_of(text, is_alnum);
  };
  return same_plain_shape(left, right, integers) ||
         (left.size() == right.size() && short_id(left) && short_id(right));
}

Cause cause_of_leaves(const TreeNode& production, const TreeNode& canary, std::string_view name,
                      const CauseContext& context) {
  if (!same_type(production, canary)) return Cause::Schema;
  const bool texts = production.kind == canary.kind && production.kind >= TreeKind::Number;
  if (!texts) return Cause::Value;
  if (moved_by(production.text, canary.text, context)) return Cause::Timing;
  if (!same_identifier_shape(production.text, canary.text, names_identifier(name)))
    return Cause::Value;
  const bool issued =
      context.request == nullptr ||
      (!stands_in(*context.request, production.text) && !stands_in(*context.request, canary.text));
  return issued ? Cause::Identifier : Cause::Value;
}

}  // namespace gray
