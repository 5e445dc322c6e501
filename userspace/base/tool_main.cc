#include "userspace/base/tool_main.h"

#include <cstdio>
#include <exception>

#include "userspace/base/errors.h"

namespace gray {

int tool_main(const char* name, int (*run)(int, char**), int argc, char** argv) noexcept try {
  return run(argc, argv);
} catch (const UsageError& error) {
  std::fprintf(stderr, "%s: %s\n", name, error.what());
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", name, describe(error).c_str());
  return 1;
}

bool parse_command_line(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) throw UsageError(error.what());
    app.exit(error);
    return false;
  }
  return true;
}

}  // namespace gray
