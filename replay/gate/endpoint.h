// What a request asks for, without what changes from one request to the next: the unit that noise,
// causes and latencies are counted by. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "replay/protocol/exchange.h"

namespace gray {

/// "GET /price/{n}": method and path; of the path, segments that are numbers, UUIDs, hexadecimal
/// (8 and more, with a digit) or longer random text stand as {n}, {uuid}, {hex}, {id}. Without the
/// query. Printable, at most 200 bytes.
std::string endpoint_of(const Request& request);

/// "/price/{n}" of "/price/17?a=b" or "http://host/price/17"; at most 260 bytes.
std::string path_template(std::string_view target);

}  // namespace gray
