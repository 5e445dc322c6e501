// An exchange as the line of `requests --json`.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "replay/protocol/exchange.h"
#include "replay/schema/schemas.h"

namespace gray {

/// Valid UTF-8 as it is; every other byte as the Latin-1 character of its value, so that no byte is
/// lost and every line is valid JSON.
std::string json_text(std::string_view bytes);

/// "request" is null when only the response was seen, "response" when only the request was. With
/// `schemas`, which may be empty, "grpc" has the messages of both.
nlohmann::ordered_json to_json(const Exchange& exchange, bool with_headers,
                               const Schemas* schemas = nullptr);

/// When it began: the request's first byte, or the response's where no request was seen.
std::uint64_t began_ns(const Exchange& exchange) noexcept;

}  // namespace gray
