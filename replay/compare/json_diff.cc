#include "replay/compare/json_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "replay/compare/decimal.h"
#include "replay/compare/printable.h"

namespace gray {
namespace {

constexpr std::string_view kRoot = "json.$";
// Unequal values looked into in one pair of bodies; a body that has more is different enough.
constexpr std::uint64_t kMaxUnequal = 100'000;

// A longer string is not shown, for the time it would take to scrub it for each path above it.
constexpr std::size_t kMaxScrubbed = 65'536;

void append_step(std::string& field, const JsonStep& step, std::string_view key) {
  if (step.element) {
    field += fmt::format("[{}]", step.index);
  } else if (key.empty() || key.find_first_of(".[]'\" ") != key.npos) {
    field.append("['").append(key).append("']");
  } else {
    field.append(1, '.').append(key);
  }
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 2 * kMaxShown)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

bool same_leaf(const JsonNode& a, const JsonNode& b) {
  if (a.kind != b.kind || a.container()) return false;
  return a.kind == JsonKind::Number ? same_number(a.text, b.text) : a.text == b.text;
}

std::string counted(const JsonNode& node) {
  const bool object = node.kind == JsonKind::Object;
  if (node.size == 0) return object ? "{}" : "[]";
  const char* plural = node.size == 1 ? "" : "s";
  return object ? fmt::format("{{{} member{}}}", node.size, plural)
                : fmt::format("[{} element{}]", node.size, plural);
}

}  // namespace

void JsonDiff::compare(const JsonTree& production, const JsonTree& canary) {
  walk({&production, 0}, {&canary, 0});
  if (unequal_ >= kMaxUnequal && out_.differences.empty())
    out_.add(std::string(kRoot), "too much to compare", "too much to compare");
}

void JsonDiff::walk(Side production, Side canary) {
  if (unequal_ >= kMaxUnequal) return;
  if (production && canary) {
    if (production->kind == canary->kind && production->container())
      return production->kind == JsonKind::Object ? walk_objects(production, canary)
                                                  : walk_arrays(production, canary);
    if (same_leaf(*production, *canary)) return;
  }
  if (ignores_.json(path_)) return;
  ++unequal_;
  if (production && canary && same_scrubbed(*production, *canary)) return;
  differ(production, canary);
}

void JsonDiff::step(JsonStep to, Side production, Side canary) {
  path_.push_back(to);
  walk(production, canary);
  path_.pop_back();
  if (built_.size() > path_.size()) {
    built_.resize(path_.size());
    field_.resize(built_.empty() ? kRoot.size() : built_.back());
  }
}

// Twins keep the order they came in, so a key that stands twice is paired with its like.
std::vector<std::uint32_t> JsonDiff::by_key(Side object) {
  std::vector<std::uint32_t> members;
  members.reserve(object->size);
  std::uint32_t child = object.index + 1;
  for (std::uint32_t i = 0; i < object->size; ++i, child = (*object.tree)[child].next)
    members.push_back(child);
  std::stable_sort(members.begin(), members.end(), [&](std::uint32_t a, std::uint32_t b) {
    return (*object.tree)[a].key < (*object.tree)[b].key;
  });
  return members;
}

bool JsonDiff::same_names_in_order(Side production, Side canary) noexcept {
  if (production->size != canary->size) return false;
  Side a{production.tree, production.index + 1};
  Side b{canary.tree, canary.index + 1};
  for (std::uint32_t i = 0; i < production->size; ++i) {
    if (a->key != b->key) return false;
    if (i + 1 == production->size) break;
    a.index = a->next;
    b.index = b->next;
  }
  return true;
}

void JsonDiff::walk_objects(Side production, Side canary) {
  if (same_names_in_order(production, canary)) {
    Side a{production.tree, production.index + 1};
    Side b{canary.tree, canary.index + 1};
    for (std::uint32_t i = 0; i < production->size; ++i) {
      step({a->key}, a, b);
      if (i + 1 == production->size) break;
      a.index = a->next;
      b.index = b->next;
    }
    return;
  }
  const auto left = by_key(production);
  const auto right = by_key(canary);
  for (auto a = left.begin(), b = right.begin(); a != left.end() || b != right.end();) {
    const Side p = a == left.end() ? Side{} : Side{production.tree, *a};
    const Side c = b == right.end() ? Side{} : Side{canary.tree, *b};
    const bool take_p = p && (!c || p->key <= c->key);
    const bool take_c = c && (!p || c->key <= p->key);
    step({take_p ? p->key : c->key}, take_p ? p : Side{}, take_c ? c : Side{});
    a += take_p ? 1 : 0;
    b += take_c ? 1 : 0;
  }
}

void JsonDiff::walk_arrays(Side production, Side canary) {
  Side a{production.tree, production.index + 1};
  Side b{canary.tree, canary.index + 1};
  const std::uint32_t count = std::max(production->size, canary->size);
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool has_a = i < production->size;
    const bool has_b = i < canary->size;
    step({{}, i, true}, has_a ? a : Side{}, has_b ? b : Side{});
    if (i + 1 < production->size) a.index = a->next;
    if (i + 1 < canary->size) b.index = b->next;
  }
}

bool JsonDiff::same_scrubbed(const JsonNode& production, const JsonNode& canary) {
  if (!scrubber_.on() || production.container() || canary.container()) return false;
  const std::string scrubbed = scrubber_.scrub_value(field(), production.text);
  if (production.kind != canary.kind) return scrubbed != production.text && scrubbed == canary.text;
  return scrubbed == canary.text || scrubbed == scrubber_.scrub_value(field(), canary.text);
}

void JsonDiff::differ(Side production, Side canary) {
  if (out_.differences.size() >= Comparison::kMaxDifferences) {
    ++out_.more;
    return;
  }
  out_.add(shown_field(), show(production), show(canary));
}

// A rule for an object is a rule for all in it: each path from the value up is asked.
std::string JsonDiff::show(Side side) {
  if (!side) return {};
  if (side->container()) return counted(*side);
  if (side->text.size() > kMaxScrubbed) return fmt::format("({} bytes)", side->text.size());
  std::string text(side->text);
  field();
  for (std::size_t depth = built_.size() + 1; depth-- > 0 && text == side->text;) {
    const std::size_t length = depth == 0 ? kRoot.size() : built_[depth - 1];
    text = scrubber_.scrub_value(std::string_view(field_).substr(0, length), side->text);
  }
  const bool string = side->kind == JsonKind::String || text != side->text;
  return printable(string ? quoted(text) : text);
}

const std::string& JsonDiff::field() {
  if (field_.empty()) field_ = kRoot;
  while (built_.size() < path_.size()) {
    const JsonStep& step = path_[built_.size()];
    append_step(field_, step, step.key.substr(0, kMaxShown));
    built_.push_back(field_.size());
  }
  return field_;
}

std::string JsonDiff::shown_field() const {
  std::string shown(kRoot);
  for (const JsonStep& step : path_) {
    append_step(shown, step, scrubber_.scrub_text(step.key.substr(0, kMaxScrubbed)));
    if (shown.size() > kMaxShown) break;
  }
  return printable(shown);
}

}  // namespace gray
