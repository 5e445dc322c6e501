// The differences of a run by endpoint and field, and which of them are noise: what differs between
// two answers of production, too, and nearly as often. Bounded, whatever the wire makes up. One
// thread uses one.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "replay/compare/compare.h"
#include "replay/gate/tally.h"

namespace gray {

/// A field is no noise when it differs between production and canary more often than between
/// production and itself by more than both of these (as in Diffy: 20 % and 0.03 %).
struct NoiseOptions {
  double relative = 0.20;    ///< of the sum of both rates
  double absolute = 0.0003;  ///< of the exchanges of the endpoint
  /// Without a baseline: so many repeats must have differed before that counts.
  std::uint64_t least_repeats = 2;
};

class FieldCounts {
 public:
  explicit FieldCounts(NoiseOptions options, CauseSet accepted)
      : options_(options), accepted_(accepted) {}

  /// The differences of one exchange between production and canary.
  void add(const std::string& endpoint, const Comparison& comparison, const Example& where);
  /// Of production with itself: with the baseline, or with its own answer of another time.
  void add_self(const std::string& endpoint, const Comparison& comparison, NoiseSource source);
  void add_compared(const std::string& endpoint) { ++compared_[endpoint]; }

  /// Whether, as far as known, such a difference is noise or accepted.
  bool is_noise(const std::string& endpoint, const Difference& difference) const;
  /// Fills by_field, findings, by_cause, endpoints' causes, noise, different.
  void tell(Tally& tally) const;

 private:
  struct Key {
    std::string endpoint;
    std::string field;
    bool schema = false;
    auto operator<=>(const Key&) const = default;
  };
  struct Count {
    std::uint64_t raw = 0;
    std::uint64_t self = 0;
    std::map<Cause, CauseAt> causes;
    std::map<std::string, std::uint64_t> exact;  // by field with its indices
    Example example;
  };
  using Fields = std::map<Key, Count>;
  using Item = std::pair<const Fields::value_type*, Cause>;

  Fields::value_type& field(const std::string& endpoint, const std::string& name, bool schema);
  bool noise(const Fields::value_type& field) const;
  bool left_out(const Item& item) const;
  void tell_field(Tally& tally, const Fields::value_type& field) const;
  void tell_noise(Tally& tally) const;

  NoiseOptions options_;
  CauseSet accepted_;
  Fields fields_;
  std::size_t exact_fields_ = 0;
  std::map<std::string, std::uint64_t> compared_;       // by endpoint
  std::map<std::string, std::uint64_t> self_compared_;  // by endpoint
  // Exchanges by what differs in them: whether all of it is noise is known at the end only.
  std::map<std::pair<std::string, std::vector<Item>>, std::uint64_t> exchanges_;
  std::map<std::string, std::uint64_t> unsorted_;  // different ones above the bound, by endpoint
  std::uint64_t flagged_ = 0;                      // those whose differences came marked as noise
  NoiseSource source_ = NoiseSource::None;
};

}  // namespace gray
