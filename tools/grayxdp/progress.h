// The line that long work shows on a terminal, refreshed in place a few times a second. Without a
// terminal it shows nothing. One thread.
#pragma once

#include <cstdint>
#include <string>

namespace gray {

class Progress {
 public:
  Progress();
  /// Wipes the line, so that what is printed next starts clean.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// It is time for a new line: ask before making the text.
  bool due() const noexcept;
  void show(const std::string& text);

  /// Events a second since the last call, from a running total.
  double rate(std::uint64_t total) noexcept;

 private:
  bool terminal_;
  std::uint64_t shown_ns_ = 0;
  std::uint64_t rate_ns_;
  std::uint64_t rate_total_ = 0;
};

}  // namespace gray
