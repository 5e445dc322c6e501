// The values of a response that a server hands out and a client may give back later: cookies,
// tokens of forms and headers, ids in JSON and in Location. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "replay/protocol/exchange.h"

namespace gray {

/// Shorter values are in too many places by chance; longer ones are no identifiers.
inline constexpr std::size_t kShortestValue = 4;
inline constexpr std::size_t kLongestValue = 1024;

/// `where` is "cookie.sid", "json.$.items[3].id", "html.csrf_token", "header.x-csrf-token",
/// "location.path[1]", "location.query.code": the same place in another response is the same name.
/// Of JSON, strings and numbers whose key sounds like an identifier, or that are long and random
/// enough to be one. Of Location, path segments with a digit in them. A body with a content coding
/// is decoded, up to a bound. A cookie that is percent-encoded is there a second time as scripts
/// read it, which give it back in a header: "cookie.XSRF-TOKEN decoded".
void each_handed_out(
    const Response& response,
    const std::function<void(const std::string& where, std::string_view value)>& see);

/// Of a place, the one to look at when it is not there: a cookie that needs no percent-encoding.
std::string_view place_instead(std::string_view where) noexcept;

}  // namespace gray
