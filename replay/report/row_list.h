// Rows that have two sides, and the list of them while it is made: what is equal is folded, and
// nothing grows beyond a cap. Owned by who fills it; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "replay/compare/compare.h"

namespace gray {

struct TreeRow {
  enum class Kind : std::uint8_t {
    Same,
    Different,
    Noise,    ///< differs, and production differs from itself there
    Ignored,  ///< differs where a rule says not to look
    Folded,   ///< `folded` siblings that are equal
    Open,     ///< an object or array, headers, a text; what follows is in it
    Close,
  };
  Kind kind = Kind::Same;
  std::string production = {};  ///< "price: 1"; empty: not there
  std::string canary = {};
  std::uint32_t folded = 0;
};

struct SideBySide {
  static constexpr std::size_t kMaxRows = 200;
  static constexpr std::size_t kMaxText = 160;  ///< bytes of one side of a row

  std::vector<TreeRow> rows;  ///< empty: nothing differs, or nothing of it can be shown
  bool cut = false;           ///< more rows would have followed
};

class RowList {
 public:
  void open(TreeRow&& row);
  /// Ends what open() began. When nothing in it differs it is one equal row, which `make` makes.
  template <typename Make>
  void close(const Make& make) {
    if (!leave()) same(make);
  }
  /// Of many equal siblings in a row the first are shown. What is equal as a whole is no row.
  template <typename Make>
  void same(const Make& make) {
    if (!levels_.empty() && ++levels_.back().equal <= kEqualShown) push(make());
  }
  /// One that differs.
  void add(TreeRow&& row);

  /// Whether rows that follow are dropped.
  bool full() const noexcept { return out_.cut; }
  void cut() noexcept { out_.cut = true; }
  SideBySide take() { return std::move(out_); }

 private:
  static constexpr std::uint32_t kEqualShown = 3;

  struct Level {
    std::size_t row = 0;      // of its Open
    std::uint32_t equal = 0;  // siblings in a row
    bool differs = false;
    bool shown = false;
  };

  bool leave();
  void end_of_equal();
  bool push(TreeRow&& row);

  std::vector<Level> levels_;
  SideBySide out_;
};

/// What a comparison says of fields, for those who show both sides.
class ToldFields {
 public:
  explicit ToldFields(const Comparison& comparison);

  /// Different or Noise of a field whose values differ. Same of one that the comparison does not
  /// tell, for its values are equal once they are scrubbed.
  TreeRow::Kind kind_of(const std::string& field) const;
  /// Whether the answers ended in different ways, so that nothing else was compared.
  bool only_status() const noexcept { return only_status_; }

 private:
  std::map<std::string, bool, std::less<>> noise_;
  bool more_;  // not all is told
  bool only_status_ = false;
};

}  // namespace gray
