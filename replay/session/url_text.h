// The parts of a request target or URL, and of a form (RFC 3986, and the URL standard's
// application/x-www-form-urlencoded). Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace gray {

struct UrlParts {
  std::string_view path;   ///< from its slash on; may be empty
  std::string_view query;  ///< without the question mark
};
/// Of "/a?b", "http://host/a?b#c" and alike.
UrlParts split_url(std::string_view url);

/// The views are parts of the argument.
void each_segment(std::string_view path, const std::function<void(std::string_view raw)>& see);
void each_pair(std::string_view query,
               const std::function<void(std::string_view name, std::string_view raw)>& see);

/// `plus_is_space` in queries and forms. What is no escape stays.
std::string percent_decoded(std::string_view text, bool plus_is_space);
/// All but unreserved characters escaped.
std::string percent_encoded(std::string_view text);

}  // namespace gray
