// The values of a request that a client may have got from a server: in its cookies, headers, path,
// query, form or JSON. The walk goes over the same places before and after scrubbing, which changes
// values and not the form. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "replay/protocol/exchange.h"

namespace gray {

/// How a value must be written where it stands.
enum class Notation : std::uint8_t { Plain, Url, JsonString, JsonNumber };

struct GivenBack {
  /// "cookie.sid", "header.authorization", "path[2]", "query.token", "form.csrf", "json.$.id"; of
  /// several with the same name, with "#2" and so on behind it.
  std::string place;
  std::string value;     ///< decoded
  std::string_view raw;  ///< as it stands
  Notation notation = Notation::Plain;
};

/// Calls `see` for each such value that is no shorter and no longer than one that is handed out;
/// what it returns takes the raw text's place.
void each_given_back(Request& request,
                     const std::function<std::optional<std::string>(const GivenBack&)>& see);

/// The same without a change.
void each_given_back(const Request& request, const std::function<void(const GivenBack&)>& see);

}  // namespace gray
