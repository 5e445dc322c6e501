// When a capture goes on in a new file, and how that is called: tcpdump's -C, -G and -W.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>

namespace gray {

struct Rotation {
  std::uint64_t bytes = 0;  ///< -C: a frame that finds more in the file opens the next; 0: no limit
  std::uint64_t seconds = 0;  ///< -G: after so long; 0: never
  std::uint32_t files =
      0;  ///< -W: with bytes a ring of so many, with seconds alone an end; 0: none

  bool active() const noexcept { return bytes > 0 || seconds > 0; }
};

/// Names in the order in which they are needed, as tcpdump makes them: with -G the conversions of
/// strftime(3) in the name, local time; with -C a number behind the name, from 1 (the first file
/// has none), or, with -W, from 0 with leading zeros, and again from 0 after the last. The next -G
/// starts the numbers anew.
class SavefileNames {
 public:
  SavefileNames(std::string pattern, const Rotation& rotation)
      : pattern_(std::move(pattern)), rotation_(rotation) {}

  std::string first(std::time_t now);
  std::string after_size();
  /// Nothing when as many files as were wanted have had their time.
  std::optional<std::string> after_time(std::time_t now);

 private:
  std::string numbered() const;
  void expand(std::time_t now);

  std::string pattern_;
  Rotation rotation_;
  std::string base_;  // the pattern with its time
  std::uint64_t number_ = 0;
  std::uint64_t periods_ = 0;
};

}  // namespace gray
