// Two texts by line, and a text by line as it may be shown. Made for one comparison, by one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/compare/tree.h"
#include "replay/scrub/scrubber.h"

namespace gray {

using TextLines = std::vector<std::string_view>;

/// Lines behind the last that differs are alike, so a line more does not make all that follow
/// differ. What is before is two trees, arrays of strings. "\r\n" and "\n" both end a line. Views
/// into the texts, which must outlive it.
class TextPair {
 public:
  static constexpr std::size_t kMaxText = 1u << 20;  ///< bytes of each
  static constexpr std::size_t kMaxLines = 100'000;

  /// Absent: above a cap.
  static std::optional<TextPair> make(std::string_view production, std::string_view canary);

  /// Whether at most the ends of lines differ.
  bool same_lines() const noexcept { return production_lines_ == canary_lines_; }
  const TextLines& production_lines() const noexcept { return production_lines_; }
  const TextLines& canary_lines() const noexcept { return canary_lines_; }
  const Tree& production() const noexcept { return production_; }
  const Tree& canary() const noexcept { return canary_; }
  /// Which lines, from 0, elements of production() and canary() are.
  std::size_t line_of_production(const TreeNode& element) const noexcept {
    return static_cast<std::size_t>(&element - &production_[1]);
  }
  std::size_t line_of_canary(const TreeNode& element) const noexcept {
    return static_cast<std::size_t>(&element - &canary_[1]);
  }

 private:
  TextLines production_lines_, canary_lines_;
  Tree production_, canary_;
};

/// A text after scrubbing, by line. Where that changed the number of lines nothing of it is shown.
class ShownText {
 public:
  ShownText(const Scrubber& scrubber, std::string_view text, std::size_t lines);
  ShownText(const ShownText&) = delete;
  ShownText& operator=(const ShownText&) = delete;

  /// Printable, "(empty)" or "(scrubbed)".
  std::string line(std::size_t index) const;

 private:
  std::string text_;
  TextLines lines_;
};

/// Whether scrubbing makes two bodies alike, or made of production's what the canary has.
bool same_scrubbed(std::string_view production, std::string_view canary, const Scrubber& scrubber);

}  // namespace gray
