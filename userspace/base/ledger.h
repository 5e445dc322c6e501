// The loss ledger: what each stage of the way took in, gave out, holds and dropped, by name.
//
// The law is  in = out + drops + held  at every stage, and, between neighbours that count the same
// thing, out of the one = in of the next. The two sides of each equation are counted in different
// places (a kernel counter against a user-space one wherever that can be), so a stage that loses
// something silently does not balance. One thread fills a Ledger, after the counting has stopped.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gray {

/// Why something did not go on. Selection is what the user asked for (a filter, a sample, a rule);
/// Loss is everything else.
enum class DropKind { Selection, Loss };

struct Drop {
  std::string name;
  std::uint64_t count = 0;
  DropKind kind = DropKind::Loss;
};

struct Stage {
  std::string name;             ///< "xdp", "rx_ring", "writer", …
  std::string unit = "frames";  ///< what is counted; stages of one unit in a row form a chain
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  std::vector<Drop> drops = {};
  std::uint64_t held = 0;  ///< taken in and neither given out nor dropped, yet

  std::uint64_t dropped() const noexcept;
  std::uint64_t dropped(DropKind kind) const noexcept;
  bool balanced() const noexcept { return in == out + dropped() + held; }
};

class Ledger {
 public:
  void add(Stage stage) { stages_.push_back(std::move(stage)); }

  const std::vector<Stage>& stages() const noexcept { return stages_; }
  /// The law above, over all stages.
  bool balanced() const noexcept;
  /// All drops of kind Loss.
  std::uint64_t lost() const noexcept;
  /// The count of one drop, 0 when there is no such stage or drop.
  std::uint64_t drop(const std::string& stage, const std::string& name) const noexcept;

 private:
  std::vector<Stage> stages_;
};

/// [{"stage":"xdp","in":1,"out":1,"drops":{}}, …]; "held" stands there only when it is not 0.
nlohmann::ordered_json to_json(const Ledger& ledger);

/// A line for each stage, and a last one that says whether it all balances.
void print(std::ostream& out, const Ledger& ledger);

}  // namespace gray
