#include <unordered_set>

#include "replay/compare/json_diff.h"
#include "replay/compare/message_diff.h"

namespace gray {
namespace {

// Places remembered; a body with more differences than these is different enough.
constexpr std::size_t kMaxPlaces = 100'000;

using Places = std::unordered_set<std::uint64_t>;

bool differ(const JsonTree& production, const JsonTree& canary, const IgnoreSet& ignores) {
  bool found = false;
  diff_json(production, canary, ignores, [&](const JsonDifference&) {
    found = true;
    return false;
  });
  return found;
}

Places places_that_differ(const JsonTree& production, const JsonTree& canary,
                          const IgnoreSet& ignores) {
  Places places;
  diff_json(production, canary, ignores, [&](const JsonDifference& difference) {
    places.insert(difference.place_hash);
    return places.size() < kMaxPlaces;
  });
  return places;
}

}  // namespace

// The trees as they came only say whether there is anything to tell. What is told comes out of two
// documents that were scrubbed whole, as a request's is: by path, by name, with what a rule for an
// object means for all in it. Where the canary, as it came, has what scrubbing made of production's
// value, it echoes what it was sent: no difference.
bool compare_json(const std::string& production, const std::string& canary,
                  const IgnoreSet& ignores, const Scrubber& scrubber, Comparison& out) {
  const auto left = JsonTree::parse(production);
  if (!left) return false;
  const auto right = JsonTree::parse(canary);
  if (!right) return false;
  if (!differ(*left, *right, ignores)) return true;

  const std::string scrubbed_production = scrubber.scrub_value("json.$", production);
  const std::string scrubbed_canary = scrubber.scrub_value("json.$", canary);
  const auto clean_left = JsonTree::parse(scrubbed_production);
  const auto clean_right = JsonTree::parse(scrubbed_canary);
  if (!clean_left || !clean_right) return false;
  const Places no_echo = places_that_differ(*clean_left, *right, ignores);
  diff_json(*clean_left, *clean_right, ignores, [&](const JsonDifference& difference) {
    if (no_echo.size() < kMaxPlaces && !no_echo.contains(difference.place_hash)) return true;
    out.add(difference.field(), show(difference.production), show(difference.canary));
    return true;
  });
  return true;
}

}  // namespace gray
