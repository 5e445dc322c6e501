// A program started by a test: its output kept, its end waited for with a limit, and killed (with
// what it started) when the object goes. Any thread may start one; one thread uses it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "userspace/base/fd.h"

namespace gray {

using Argv = std::vector<std::string>;

inline constexpr std::chrono::milliseconds kRunTimeout{10'000};

struct SpawnOptions {
  std::string stdin_text = {};        ///< empty: /dev/null
  std::vector<std::string> env = {};  ///< "NAME=value", on top of our own
  std::string out_path = {};          ///< stdout goes to this file; empty: kept in memory
  std::string err_path = {};
};

class Process {
 public:
  Process() = default;
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const noexcept { return pid_; }
  bool running();
  void signal(int number) const;
  /// SIGKILL to the program and all of its process group, and waits for its end.
  void kill() noexcept;
  /// Its exit status, 128 + signal when a signal ended it; nothing when it still runs after
  /// `timeout`.
  std::optional<int> wait(std::chrono::milliseconds timeout = kRunTimeout);

  /// What it has written so far, in memory or file.
  std::string out() const;
  std::string err() const;

 private:
  friend Process spawn(const Argv& argv, const SpawnOptions& options);

  pid_t pid_ = -1;  // -1: none, or reaped
  std::optional<int> status_;
  Fd pidfd_;
  Fd out_;
  Fd err_;
};

/// Starts argv[0] (found by PATH) in the calling thread's network namespace and in a process group
/// of its own.
Process spawn(const Argv& argv, const SpawnOptions& options = {});

struct RunResult {
  int status = -1;  ///< exit status, 128 + signal; -1 when it was killed after the timeout
  bool timed_out = false;
  std::string out;
  std::string err;

  bool ok() const noexcept { return status == 0; }
};

/// Starts, waits, and kills what takes longer than `timeout`.
RunResult run(const Argv& argv, std::chrono::milliseconds timeout = kRunTimeout,
              const SpawnOptions& options = {});

/// The same for commands that set something up: throws std::runtime_error with the command and its
/// stderr unless the status is 0. Returns stdout.
std::string must_run(const Argv& argv, std::chrono::milliseconds timeout = kRunTimeout);

/// A binary of this build ("grayxdp", "pktgen"), found from where the test program lies. Throws
/// when it has not been built.
std::string built_binary(const std::string& name);

}  // namespace gray
