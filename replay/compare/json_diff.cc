#include "replay/compare/json_diff.h"

#include <fmt/format.h>

#include <algorithm>

#include "replay/compare/decimal.h"
#include "replay/compare/printable.h"

namespace gray {
namespace {

// A node of either tree, or none.
struct Side {
  const JsonTree* tree = nullptr;
  std::uint32_t index = 0;

  const JsonNode* operator->() const noexcept { return &(*tree)[index]; }
  const JsonNode* node() const noexcept { return tree == nullptr ? nullptr : &(*tree)[index]; }
  explicit operator bool() const noexcept { return tree != nullptr; }
  Side first_child() const noexcept { return {tree, index + 1}; }
};

bool same_leaf(const JsonNode& a, const JsonNode& b) {
  if (a.kind != b.kind || a.container()) return false;
  return a.kind == JsonKind::Number ? same_number(a.text, b.text) : a.text == b.text;
}

bool same_names_in_order(Side production, Side canary) noexcept {
  if (production->size != canary->size) return false;
  Side a = production.first_child();
  Side b = canary.first_child();
  for (std::uint32_t left = production->size; left > 0; --left) {
    if (a->key != b->key) return false;
    if (left == 1) break;
    a.index = a->next;
    b.index = b->next;
  }
  return true;
}

std::vector<std::uint32_t> members_by_name(Side object) {
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

class Walk {
 public:
  Walk(const IgnoreSet& ignores, const JsonDifferenceSink& found)
      : ignores_(ignores), found_(found) {}

  void values(Side production, Side canary);

 private:
  void objects(Side production, Side canary);
  void objects_by_name(Side production, Side canary);
  void arrays(Side production, Side canary);
  void child(const JsonStep& step, Side production, Side canary);
  std::uint64_t place_hash();

  const IgnoreSet& ignores_;
  const JsonDifferenceSink& found_;
  std::vector<JsonStep> place_;
  std::vector<std::uint64_t> hashes_;  // of the first steps of place_, as far as they were wanted
  bool stopped_ = false;
};

void Walk::values(Side production, Side canary) {
  if (stopped_) return;
  if (production && canary) {
    if (production->kind == canary->kind && production->container())
      return production->kind == JsonKind::Object ? objects(production, canary)
                                                  : arrays(production, canary);
    if (same_leaf(*production.node(), *canary.node())) return;
  }
  stopped_ = !found_({place_, place_hash(), production.node(), canary.node()});
}

void Walk::child(const JsonStep& step, Side production, Side canary) {
  place_.push_back(step);
  if (!ignores_.json(place_)) values(production, canary);
  place_.pop_back();
  if (hashes_.size() > place_.size()) hashes_.resize(place_.size());
}

void Walk::objects(Side production, Side canary) {
  if (!same_names_in_order(production, canary)) return objects_by_name(production, canary);
  Side a = production.first_child();
  Side b = canary.first_child();
  for (std::uint32_t left = production->size; left > 0 && !stopped_; --left) {
    child({a->key, 0, false}, a, b);
    if (left == 1) break;
    a.index = a->next;
    b.index = b->next;
  }
}

void Walk::objects_by_name(Side production, Side canary) {
  const auto left = members_by_name(production);
  const auto right = members_by_name(canary);
  auto a = left.begin();
  auto b = right.begin();
  while ((a != left.end() || b != right.end()) && !stopped_) {
    const Side p = a == left.end() ? Side{} : Side{production.tree, *a};
    const Side c = b == right.end() ? Side{} : Side{canary.tree, *b};
    const bool take_p = p && (!c || p->key <= c->key);
    const bool take_c = c && (!p || c->key <= p->key);
    child({take_p ? p->key : c->key, 0, false}, take_p ? p : Side{}, take_c ? c : Side{});
    if (take_p) ++a;
    if (take_c) ++b;
  }
}

void Walk::arrays(Side production, Side canary) {
  Side a = production.first_child();
  Side b = canary.first_child();
  const std::uint32_t count = std::max(production->size, canary->size);
  for (std::uint32_t i = 0; i < count && !stopped_; ++i) {
    child({{}, i, true}, i < production->size ? a : Side{}, i < canary->size ? b : Side{});
    if (i + 1 < production->size) a.index = a->next;
    if (i + 1 < canary->size) b.index = b->next;
  }
}

std::uint64_t Walk::place_hash() {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  while (hashes_.size() < place_.size()) {
    const JsonStep& step = place_[hashes_.size()];
    const std::uint64_t own =
        step.is_index ? ~std::uint64_t{step.index} : std::hash<std::string_view>{}(step.key);
    const std::uint64_t above = hashes_.empty() ? kOdd : hashes_.back();
    hashes_.push_back(((above << 5 | above >> 59) ^ own) * kOdd);
  }
  return hashes_.empty() ? kOdd : hashes_.back();
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 2 * kMaxShown)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

}  // namespace

void diff_json(const JsonTree& production, const JsonTree& canary, const IgnoreSet& ignores,
               const JsonDifferenceSink& found) {
  Walk(ignores, found).values({&production, 0}, {&canary, 0});
}

std::string JsonDifference::field() const {
  std::string text = "json.$";
  for (const JsonStep& step : place) {
    const std::string_view key = step.key.substr(0, kMaxShown + 1);
    if (step.is_index)
      text += fmt::format("[{}]", step.index);
    else if (key.empty() || key.find_first_of(".[]'\" ") != key.npos)
      text.append("['").append(key).append("']");
    else
      text.append(1, '.').append(key);
    if (text.size() > kMaxShown) break;
  }
  return printable(text);
}

std::string show(const JsonNode* node) {
  if (node == nullptr) return {};
  if (!node->container())
    return printable(node->kind == JsonKind::String
                         ? quoted(node->text)
                         : std::string(node->text.substr(0, 2 * kMaxShown)));
  const bool object = node->kind == JsonKind::Object;
  if (node->size == 0) return object ? "{}" : "[]";
  const char* plural = node->size == 1 ? "" : "s";
  return object ? fmt::format("{{{} member{}}}", node->size, plural)
                : fmt::format("[{} element{}]", node->size, plural);
}

}  // namespace gray
