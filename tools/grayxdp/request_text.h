// An exchange as a line of `requests` for people.
#pragma once

#include <string>
#include <string_view>

#include "replay/protocol/exchange.h"
#include "replay/schema/schemas.h"

namespace gray {

struct RequestTextOptions {
  bool headers = false;              ///< lines of them behind the line
  const Schemas* schemas = nullptr;  ///< when set, lines of gRPC messages, too
  bool colour = false;               ///< of the status, by its class; for a terminal
};

/// Column titles, with a newline.
std::string_view request_titles() noexcept;
/// With a newline. What came off the wire is made printable.
std::string request_text(const Exchange& exchange, const RequestTextOptions& options);

}  // namespace gray
