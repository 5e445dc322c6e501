#include "replay/compare/shown_bodies.h"

#include <algorithm>
#include <unordered_map>

#include "replay/compare/tree_diff.h"

namespace gray {
namespace {

/// "7:" of "7:varint"; empty of other names.
std::string_view number_of(std::string_view name) noexcept {
  const std::size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
  return digits > 0 && digits < name.size() && name[digits] == ':' ? name.substr(0, digits + 1)
                                                                   : std::string_view();
}

constexpr std::uint32_t kNowhere = 0xffffffff;

/// Elements pair by position, members by name, by the name as it is scrubbed, or, when named by
/// number and kind ("7:bytes", which scrubbing may make text), by number. Time in proportion to the
/// trees, recursion no deeper than they are.
class Pairs {
 public:
  Pairs(const Tree& raw, const Tree& scrubbed, const Scrubber& scrubber)
      : raw_(raw), scrubbed_(scrubbed), scrubber_(scrubber), found_(raw.size(), kNowhere) {}

  std::vector<std::uint32_t> take() && {
    node(0, 0);
    return std::move(found_);
  }

 private:
  void node(std::uint32_t raw, std::uint32_t scrubbed) {
    found_[raw] = scrubbed;
    if (raw_[raw].kind != scrubbed_[scrubbed].kind) return;
    if (raw_[raw].kind == TreeKind::Array) elements(raw, scrubbed);
    if (raw_[raw].kind == TreeKind::Object) members(raw, scrubbed);
  }

  void elements(std::uint32_t raw, std::uint32_t scrubbed) {
    std::uint32_t other = scrubbed + 1, left = scrubbed_[scrubbed].size;
    for_each_child(raw_, raw, [&](std::uint32_t child) {
      if (left == 0) return;
      --left;
      node(child, other);
      other = scrubbed_[other].next;
    });
  }

  void members(std::uint32_t raw, std::uint32_t scrubbed) {
    std::unordered_map<std::string_view, std::uint32_t> names;
    for_each_child(scrubbed_, scrubbed, [&](std::uint32_t child) {
      names.emplace(scrubbed_[child].key, child);
      if (const auto number = number_of(scrubbed_[child].key); !number.empty())
        names.emplace(number, child);
    });
    for_each_child(raw_, raw, [&](std::uint32_t child) {
      const std::string_view key = raw_[child].key;
      auto found = names.find(key);
      if (found == names.end()) found = names.find(scrubber_.scrub_key(key));
      if (found == names.end() && !number_of(key).empty()) found = names.find(number_of(key));
      if (found != names.end()) node(child, found->second);
    });
  }

  const Tree& raw_;
  const Tree& scrubbed_;
  const Scrubber& scrubber_;
  std::vector<std::uint32_t> found_;
};

}  // namespace

void ShownBodies::scrub() {
  scrubbed_ = true;
  trees_ = raw_.shown();
  const auto pair = [this](const Tree& raw, const std::optional<Tree>& shown, Side& side) {
    if (!shown) return;
    side.tree = &*shown;
    side.places = Pairs(raw, *shown, scrubber_).take();
  };
  pair(raw_.production, trees_.production, production_);
  pair(raw_.canary, trees_.canary, canary_);
}

ShownBodies::Value ShownBodies::value(const Tree& raw, const TreeNode* node, const Side& side) {
  if (node == nullptr) return {};
  if (!scrubbed_) scrub();
  if (side.tree == nullptr) return {.node = nullptr, .hidden = true};
  const std::uint32_t place = side.places[static_cast<std::size_t>(node - &raw[0])];
  return {.node = place == kNowhere ? nullptr : &(*side.tree)[place], .hidden = false};
}

}  // namespace gray
