// A JSON text as a flat array of nodes, for comparing: numbers keep their digits, strings are
// decoded, nothing is rounded or reordered. One tree is one thread's. Any bytes may be put in:
// depth and number of nodes are capped, and nothing recurses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gray {

enum class JsonKind : std::uint8_t { Null, False, True, Number, String, Array, Object };

struct JsonNode {
  std::string_view key;    ///< decoded name, of a member of an object
  std::string_view text;   ///< of a number as written, of a string decoded (a lone surrogate as its
                           ///< three bytes), of null, true and false the word
  std::uint32_t size = 0;  ///< members or elements
  std::uint32_t next = 0;  ///< index of what follows the whole subtree: the next sibling, if any
  JsonKind kind = JsonKind::Null;

  bool container() const noexcept { return kind >= JsonKind::Array; }
};

class JsonTree {
 public:
  static constexpr std::size_t kMaxDepth = 200;
  static constexpr std::size_t kMaxNodes = 1'000'000;

  /// Absent when `text` is not exactly one value of RFC 8259, or is above a cap. The tree looks
  /// into `text`, which must outlive it.
  static std::optional<JsonTree> parse(std::string_view text);

  /// Node 0 is the root. Children stand behind their parent: the first at its index + 1.
  const JsonNode& operator[](std::uint32_t index) const noexcept { return nodes_[index]; }
  std::size_t size() const noexcept { return nodes_.size(); }

 private:
  friend class JsonReader;
  std::vector<JsonNode> nodes_;
  std::deque<std::string> decoded_;  // a deque: views into its strings stay valid, also moved
};

}  // namespace gray
