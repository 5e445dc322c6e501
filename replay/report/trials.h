// The trials file: a JSON line for each trial, scrubbed like everything else. One thread writes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <system_error>

#include "replay/compare/compare.h"
#include "replay/scrub/scrubber.h"
#include "replay/send/trial.h"
#include "userspace/base/fd.h"

namespace gray {

/// One line of --trials. The request is as it was sent: scrubbed already, and a second time would
/// make other tokens of the first ones. `canary` is null when it did not answer; "outcome" and
/// "error" say why.
nlohmann::ordered_json to_json(const Trial& trial, const Comparison& comparison,
                               const Scrubber& scrubber);

class TrialWriter {
 public:
  /// Makes or empties the file, readable by its owner only. Throws std::system_error.
  explicit TrialWriter(const std::string& path);

  /// A line is in the file when this returns, whole or not at all. After the first failure, which
  /// failure() keeps, nothing more is written.
  void write(const Trial& trial, const Comparison& comparison, const Scrubber& scrubber) noexcept;

  std::error_code failure() const noexcept { return failure_; }
  std::uint64_t written() const noexcept { return written_; }

 private:
  void append(const std::string& line) noexcept;

  Fd file_;
  off_t size_ = 0;
  std::uint64_t written_ = 0;
  std::error_code failure_;
};

}  // namespace gray
