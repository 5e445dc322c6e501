// One line of a head or of trailers (RFC 9112 section 5), read as leniently as servers do.
#pragma once

#include <cstddef>
#include <string_view>

#include "replay/protocol/exchange.h"

namespace gray::http1 {

enum class LineKind : unsigned char {
  Header,   ///< added to the headers
  Folded,   ///< added to the value of the last one (obs-fold, section 5.2)
  Ignored,  ///< no header, and flagged as such
  Garbage,  ///< not text: this is no HTTP
};

/// Adds `line`, which is not empty and has neither CR nor LF at its end, to `headers`; what is odd
/// about it to message.anomalies.
LineKind add_line(std::string_view line, Headers& headers, Message& message);

}  // namespace gray::http1
