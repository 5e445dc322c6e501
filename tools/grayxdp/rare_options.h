// Options that few need: --help leaves them out, so that it fits two screens; grayxdp(1) has them.
#pragma once

#include <CLI/CLI.hpp>
#include <initializer_list>

namespace gray {

/// Their group, which the help does not print. Not the empty one: then CLI11 would leave the name
/// out of what it says of a wrong value, too.
inline constexpr const char* kRareOptions = "Rarely needed";

inline void leave_out_of_help(CLI::App& app, std::initializer_list<const char*> names) {
  for (const char* name : names) app.get_option(name)->group(kRareOptions);
}

}  // namespace gray
