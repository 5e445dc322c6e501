// One function a verb: it declares the verb's options on `app` and, when the command line names the
// verb, puts what is to be done into `action`. The action's result is the exit code.
#pragma once

#include <CLI/App.hpp>
#include <functional>

namespace gray {

enum ExitCode : int {
  kExitFine = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitLoss = 3,
  kExitDifferences = 4,
  kExitLatency = 5,
};

using Action = std::function<int()>;

void add_capture(CLI::App& app, Action& action);
void add_flows(CLI::App& app, Action& action);
void add_requests(CLI::App& app, Action& action);
void add_replay(CLI::App& app, Action& action);
void add_mirror(CLI::App& app, Action& action);
void add_rewrite(CLI::App& app, Action& action);
void add_scrub(CLI::App& app, Action& action);
void add_doctor(CLI::App& app, Action& action);
void add_version(CLI::App& app, Action& action);

}  // namespace gray
