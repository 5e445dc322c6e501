// What is done to a secret: dropped, masked, hashed, or put in the place of by a token of the same
// form. The same secret gives the same token and the same hash wherever it stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "replay/scrub/finding.h"
#include "replay/scrub/key.h"

namespace gray {

enum class Action : std::uint8_t { Keep, Drop, Mask, Hash, Tokenize };

struct Treatment {
  Action action = Action::Tokenize;
  std::size_t keep_first = 0;  ///< characters that Mask leaves
  std::size_t keep_last = 0;
};

/// Any thread may call.
class Redactor {
 public:
  explicit Redactor(std::string_view key) : hmac_(key) {}

  /// The value's replacement: of the same number of characters with Mask and of the same bytes and
  /// shape with Tokenize, 32 hex digits with Hash, empty with Drop. Keep gives the value back.
  std::string redact(const Treatment& treatment, std::string_view value, Kind kind) const;
  /// The kind is found out.
  std::string redact(const Treatment& treatment, std::string_view value) const;
  /// A JSON number (RFC 8259 section 6) stays a number of the same length with Mask and Tokenize;
  /// with Hash it becomes a JSON string.
  std::string redact_number(const Treatment& treatment, std::string_view number) const;

 private:
  std::string tokenize(std::string_view value, Kind kind) const;
  std::string hash(std::string_view value) const;

  Hmac hmac_;
};

}  // namespace gray
