// Why a field differs: the first thing to know about a difference is whether it is the canary's
// doing. Pure functions.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "replay/compare/tree.h"
#include "replay/protocol/exchange.h"

namespace gray {

/// In the order in which they are told.
enum class Cause : std::uint8_t {
  StatusClass,  ///< 2xx here, 5xx there
  Schema,       ///< a member, form field or header is only in one, or of another type
  Value,        ///< any other difference
  Ordering,     ///< the same elements, in another order
  Timing,       ///< a point in time, moved by as much as the replay came later
  Identifier,   ///< issued by the server: another value of the same shape
  Repeated,     ///< the request was put to the canary before: the same request id or key
  Truncated,    ///< of one side only a part is known, and could not be compared as what it is
  Transport,    ///< no answer: connect, timeout, reset, garbage
};
inline constexpr std::size_t kCauses = 9;
inline constexpr std::array<Cause, kCauses> kAllCauses{
    Cause::StatusClass, Cause::Schema,   Cause::Value,     Cause::Ordering, Cause::Timing,
    Cause::Identifier,  Cause::Repeated, Cause::Truncated, Cause::Transport};

using CauseSet = std::bitset<kCauses>;
constexpr std::size_t index_of(Cause cause) noexcept {
  return static_cast<std::size_t>(cause);
}

/// "status_class", "schema", "value", "ordering", "timing", "identifier", "repeated", "truncated",
/// "transport".
const char* to_string(Cause cause) noexcept;
/// Absent for a word that is none of those.
std::optional<Cause> parse_cause(std::string_view word) noexcept;
/// The sentence behind the word, for people.
const char* explain(Cause cause) noexcept;

/// What an exchange's values are judged by.
struct CauseContext {
  const Request* request = nullptr;  ///< as sent: a value that stands in it was not issued
  /// How much later the canary was asked than production, in ns; absent: not known.
  std::optional<std::int64_t> offset_ns;
  std::int64_t tolerance_ns = 2'000'000'000;
};

/// Of two leaves that differ, `name` being the innermost member or header they stand in: Timing,
/// Identifier, Schema or Value. Types: numbers, strings and truth values are types; null is a value
/// of every type. An integer is an identifier only where the name says so (id, orderId, order_id).
Cause cause_of_leaves(const TreeNode& production, const TreeNode& canary, std::string_view name,
                      const CauseContext& context);

/// Whether a name, as programs write them, says "identifier": id, userId, user_id, uuid, ETag, key,
/// token, nonce, cursor, ….
bool names_identifier(std::string_view name) noexcept;

/// Whether both could come out of one generator of identifiers: UUIDs, hexadecimal of one length,
/// base64url of one length that mixes letters and digits, or the same prefix with such an id behind
/// it; with `integers` also whole numbers of one length.
bool same_identifier_shape(std::string_view a, std::string_view b, bool integers) noexcept;

}  // namespace gray
