// Two answers side by side as HTML: nested <details>, which open and close without a script. What
// stands in them is escaped here.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "replay/report/side_by_side.h"

namespace gray {

/// By exchange, as the trials file names it; null when they are on the page already.
using BodiesOf = std::map<std::string_view, const SideBySide*>;

/// The rules that html_side_by_side() needs in a <style>.
std::string_view html_tree_style() noexcept;

/// Empty without rows.
std::string html_side_by_side(const SideBySide& bodies);
/// Those of an exchange the first time it is asked for, then where they are.
std::string html_side_by_side(BodiesOf& bodies, std::string_view exchange);

}  // namespace gray
