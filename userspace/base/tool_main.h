// What the mains of the laboratory's small tools have in common: one command line without verbs,
// and what is said of an error. Runs on the main thread; grayxdp's own command has more to say and
// does not use it.
#pragma once

#include <CLI/CLI.hpp>

namespace gray {

/// Calls `run` and gives its exit status; or prints "NAME: what went wrong" to stderr and gives 2
/// for a UsageError, 1 for any other exception.
int tool_main(const char* name, int (*run)(int, char**), int argc, char** argv) noexcept;

/// Fills what the options of `app` are bound to. False when help was asked for, which is printed
/// then and is all there is to do. Throws UsageError.
bool parse_command_line(CLI::App& app, int argc, char** argv);

}  // namespace gray
