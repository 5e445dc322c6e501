#include "replay/gate/field_counts.h"

#include <algorithm>

namespace gray {
namespace {

constexpr std::size_t kMaxExchangeKinds = 10'000;
constexpr std::size_t kMaxNoisy = 200;

double rate(std::uint64_t count, std::uint64_t of) noexcept {
  return of == 0 ? 0 : static_cast<double>(count) / static_cast<double>(of);
}

template <typename Map, typename Key>
auto& bounded(Map& map, const Key& key, std::size_t limit) {
  if (const auto found = map.find(key); found != map.end()) return found->second;
  return map[map.size() < limit ? key : Key(Tally::kOtherFields)];
}

std::uint64_t at(const std::map<std::string, std::uint64_t>& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? 0 : found->second;
}

}  // namespace

const char* to_string(NoiseSource source) noexcept {
  switch (source) {
    case NoiseSource::Baseline:
      return "baseline";
    case NoiseSource::Repeats:
      return "repeats";
    case NoiseSource::None:
      break;
  }
  return "none";
}

std::string without_indices(const std::string& field) {
  if (field.find('[') == std::string::npos) return field;
  std::string out;
  for (std::size_t at = 0; at < field.size();) {
    const std::size_t digits = at + 1;
    const std::size_t end = std::min(field.find_first_not_of("0123456789", digits), field.size());
    if (field[at] == '[' && end > digits && end < field.size() && field[end] == ']') {
      out += "[*]";
      at = end + 1;
    } else {
      out += field[at++];
    }
  }
  return out;
}

FieldCounts::Fields::value_type& FieldCounts::field(const std::string& endpoint,
                                                    const std::string& name, bool schema) {
  Key key{endpoint, name, schema};
  if (fields_.size() >= Tally::kMaxFields && !fields_.contains(key))
    key.field = Tally::kOtherFields;
  return *fields_.try_emplace(std::move(key)).first;
}

void FieldCounts::add(const std::string& endpoint, const Comparison& comparison,
                      const Example& where) {
  std::set<Item> items;  // elements of one array are one finding of this exchange
  for (const Difference& difference : comparison.differences) {
    if (difference.noise) continue;
    Fields::value_type& known =
        field(endpoint, without_indices(difference.field), difference.cause == Cause::Schema);
    const bool fresh = known.second.exact.contains(difference.field);
    const bool room = fresh || exact_fields_ < Tally::kMaxFields;
    if (!fresh && room) ++exact_fields_;
    ++known.second.exact[room ? difference.field : Tally::kOtherFields];
    CauseAt& cause = known.second.causes[difference.cause];
    if (!items.insert({&known, difference.cause}).second) continue;
    const auto fill = [&](Example& example) {
      example = where;
      example.field = difference.field;
      example.production = difference.production;
      example.canary = difference.canary;
    };
    if (known.second.raw++ == 0) fill(known.second.example);
    if (cause.differences++ == 0) fill(cause.example);
  }
  if (items.empty()) {
    ++flagged_;
    return;
  }
  std::pair<std::string, std::vector<Item>> kind{endpoint, {items.begin(), items.end()}};
  if (exchanges_.size() < kMaxExchangeKinds || exchanges_.contains(kind))
    ++exchanges_[std::move(kind)];
  else
    ++unsorted_[endpoint];
}

void FieldCounts::add_self(const std::string& endpoint, const Comparison& comparison,
                           NoiseSource source) {
  source_ = source;
  ++self_compared_[endpoint];
  std::set<const Fields::value_type*> seen;
  for (const Difference& difference : comparison.differences) {
    Fields::value_type& known =
        field(endpoint, without_indices(difference.field), difference.cause == Cause::Schema);
    if (!seen.insert(&known).second) continue;
    if (known.second.self++ > 0 || known.second.raw > 0) continue;
    known.second.example.production = difference.production;
    known.second.example.canary = difference.canary;
  }
}

bool FieldCounts::noise(const Fields::value_type& field) const {
  const Count& count = field.second;
  if (count.self == 0) return false;
  if (source_ == NoiseSource::Repeats && count.self < options_.least_repeats) return false;
  const double raw = rate(count.raw, at(compared_, field.first.endpoint));
  const double self = rate(count.self, at(self_compared_, field.first.endpoint));
  const bool real = raw > self && (raw - self) / (raw + self) > options_.relative &&
                    raw - self > options_.absolute;
  return !real;
}

bool FieldCounts::left_out(const Item& item) const {
  return accepted_.test(index_of(item.second)) || noise(*item.first);
}

bool FieldCounts::is_noise(const std::string& endpoint, const Difference& difference) const {
  if (accepted_.test(index_of(difference.cause))) return true;
  const auto found = fields_.find(
      {endpoint, without_indices(difference.field), difference.cause == Cause::Schema});
  return found != fields_.end() && noise(*found);
}

void FieldCounts::tell_field(Tally& tally, const Fields::value_type& field) const {
  const auto& [key, count] = field;
  bool all_accepted = true;
  for (const auto& [cause, at] : count.causes) {
    all_accepted &= accepted_.test(index_of(cause));
    tally.by_cause[index_of(cause)] += at.differences;
    EndpointTally& endpoint = bounded(tally.endpoints, key.endpoint, Tally::kMaxEndpoints);
    CauseAt& total = endpoint.causes[cause];
    if (total.differences == 0) total.example = at.example;
    total.differences += at.differences;
  }
  if (all_accepted) return;
  for (const auto& [name, times] : count.exact)
    bounded(tally.by_field, name, Tally::kMaxFields) += times;
  FieldFinding& finding = bounded(tally.findings, key.field, Tally::kMaxFindings);
  if (finding.exchanges == 0) {
    finding.request = count.example.request;
    finding.production = count.example.production;
    finding.canary = count.example.canary;
  }
  finding.exchanges += count.raw;
}

void FieldCounts::tell_noise(Tally& tally) const {
  for (const auto& field : fields_) {
    const auto& [key, count] = field;
    if (count.self == 0) continue;
    tally.noisy.push_back({.endpoint = key.endpoint,
                           .field = key.field,
                           .schema = key.schema,
                           .raw = count.raw,
                           .compared = at(compared_, key.endpoint),
                           .self = count.self,
                           .self_compared = at(self_compared_, key.endpoint),
                           .noise = noise(field),
                           .example_production = count.example.production,
                           .example_canary = count.example.canary});
  }
  std::stable_sort(tally.noisy.begin(), tally.noisy.end(),
                   [](const NoisyField& a, const NoisyField& b) { return a.raw > b.raw; });
  if (tally.noisy.size() > kMaxNoisy) tally.noisy.resize(kMaxNoisy);
}

void FieldCounts::tell(Tally& tally) const {
  for (const auto& field : fields_)
    if (field.second.raw > 0 && !noise(field)) tell_field(tally, field);
  tell_noise(tally);
  tally.noise_source = source_;
  for (const auto& [endpoint, count] : self_compared_) {
    tally.self_compared += count;
    bounded(tally.endpoints, endpoint, Tally::kMaxEndpoints).self_compared += count;
  }
  tally.noise += flagged_;
  for (const auto& [kind, count] : exchanges_) {
    const bool noise = std::all_of(kind.second.begin(), kind.second.end(),
                                   [this](const Item& item) { return left_out(item); });
    (noise ? tally.noise : tally.different) += count;
    if (!noise) bounded(tally.endpoints, kind.first, Tally::kMaxEndpoints).different += count;
  }
  for (const auto& [endpoint, count] : unsorted_) {
    tally.different += count;
    bounded(tally.endpoints, endpoint, Tally::kMaxEndpoints).different += count;
  }
}

}  // namespace gray
