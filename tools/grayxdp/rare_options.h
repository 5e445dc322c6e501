// Options that few need: --help leaves them out, so that it fits two screens; grayxdp(1) has them.
#pragma once

#include <CLI/CLI.hpp>
#include <initializer_list>

namespace gray {

inline void leave_out_of_help(CLI::App& app, std::initializer_list<const char*> names) {
  for (const char* name : names) app.get_option(name)->group("");
}

}  // namespace gray
