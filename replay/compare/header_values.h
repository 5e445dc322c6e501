// Headers as they are compared and told: by name, several values of one name as the one list that
// RFC 9110 section 5.3 says they are. Pure functions; views into the headers.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/protocol/exchange.h"
#include "replay/scrub/scrubber.h"

namespace gray {

using HeaderValues = std::vector<std::string_view>;
using HeadersByName = std::map<std::string, HeaderValues>;  ///< names in lower case

HeadersByName headers_by_name(const Headers& headers);

/// "session=secret; Path=/" of Set-Cookie becomes "session". What stood there before, in order.
HeaderValues keep_cookie_names(HeadersByName& names);

/// "a, b"
std::string joined(std::span<const std::string_view> values);
bool same_list(std::span<const std::string_view> a, std::span<const std::string_view> b);

/// "header.vary": `part` and a name, scrubbed and printable, as a Comparison has them.
std::string header_field(std::string_view part, std::string_view name, const Scrubber& scrubber);

/// The list after scrubbing. `cookie_names`: of Set-Cookie there are only names.
std::string scrubbed_header(std::string_view name, std::span<const std::string_view> values,
                            bool cookie_names, const Scrubber& scrubber);

/// A list for people, `scrubbed` being what scrubbed_header() made of it: printable, empty when
/// there is none.
std::string shown_header(std::span<const std::string_view> values, const std::string& scrubbed);

}  // namespace gray
