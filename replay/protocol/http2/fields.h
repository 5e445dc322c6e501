// The pseudo-headers of a header list (RFC 9113 section 8.3), apart from the headers proper. Pure
// functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "replay/protocol/http2/hpack.h"

namespace gray::http2 {

struct PseudoHeaders {
  std::optional<std::string> method;
  std::optional<std::string> scheme;
  std::optional<std::string> path;
  std::optional<std::string> authority;
  std::optional<int> status;  ///< 0 when it is no three digits

  /// Whether it is the head of a request for certain.
  bool of_request() const noexcept { return method || scheme || path || authority; }
};

/// Takes them out of `fields`; unknown ones (such as :protocol of RFC 8441) are dropped.
PseudoHeaders take_pseudo_headers(Headers& fields) noexcept;

/// Who sends such fields, as far as their names tell.
enum class Sender : std::uint8_t { Unknown, Client, Server };
Sender sender_of(const Headers& fields) noexcept;

/// Fills method, target and authority; what is not known becomes kUnknownHeaderText when `partial`,
/// that is, when fields are missing or not known.
void set_request_line(Request& request, PseudoHeaders&& pseudo, bool partial) noexcept;

}  // namespace gray::http2
