// The lab of the end-to-end tests: users, production and a canary in namespaces of their own, nginx
// in the latter two, grayxdp in production's; all of them the real programs. What it starts ends
// with it. One thread.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "userspace/lab/lab.h"

namespace gray {

/// A running nginx. Its log has a line a request: "METHOD URI STATUS", headers, body.
class Nginx {
 public:
  /// Starts it in `where` on `address` port 80 and waits until it answers. `locations` are put into
  /// its server block, in front of a default that answers 200 with a small JSON body.
  Nginx(const Namespace& where, const std::string& address, const std::string& locations = {});

  std::string log() const;
  /// Request targets in the log, sorted; of all requests, or of `method` only.
  std::vector<std::string> targets(const std::string& method = {}) const;
  void kill() { process_.kill(); }

 private:
  TempDir dir_;
  Process process_;
};

/// users 10.9.0.1 — va:vb — 10.9.0.2 production 10.9.1.1 — vc:vd — 10.9.1.2 canary.
struct ProductionLab {
  ProductionLab();

  /// Runs this build's grayxdp in production's namespace.
  RunResult grayxdp(Argv arguments,
                    std::chrono::milliseconds timeout = std::chrono::seconds(60)) const;
  /// Starts it, and waits until it says on stderr that it is at work on an interface.
  Process start_grayxdp(Argv arguments) const;
  /// curl on the users' side; the body of the answer.
  std::string curl(Argv arguments) const;

  Lab lab;
  Namespace& users;
  Namespace& production;
  Namespace& canary;
  TempDir dir;
};

inline constexpr const char* kProductionUrl = "http://10.9.0.2";
inline constexpr const char* kCanaryUrl = "http://10.9.1.2";

/// Ends a grayxdp as Ctrl-C does and gives its exit code; -1 when it does not end in time.
int interrupt(Process& process);

std::string read_text(const std::string& path);
/// One JSON value a line; what is no JSON is skipped.
std::vector<nlohmann::json> json_lines(const std::string& text);
/// A stage of a summary's ledger by name; null without it.
nlohmann::json stage_of(const nlohmann::json& summary, const std::string& name);

}  // namespace gray
