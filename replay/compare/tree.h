// What a body, a form, a text or the headers say, as a flat array of nodes, for comparing: numbers
// keep their digits, strings are decoded, nothing is rounded or reordered. One tree is one
// thread's. Any bytes may be put in: depth and number of nodes are capped, and nothing recurses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gray {

enum class TreeKind : std::uint8_t { Null, False, True, Number, String, Array, Object };

struct TreeNode {
  std::string_view key;   ///< decoded name, of a member of an object
  std::string_view text;  ///< of a number as written, of a string decoded (a lone surrogate as its
                          ///< three bytes), of null, true and false the word; of an array or object
                          ///< as it was written, or empty when the tree was not read from JSON
  std::uint32_t size = 0;  ///< members or elements
  std::uint32_t next = 0;  ///< index of what follows the whole subtree: the next sibling, if any
  TreeKind kind = TreeKind::Null;

  bool container() const noexcept { return kind >= TreeKind::Array; }
};

class Tree {
 public:
  static constexpr std::size_t kMaxDepth = 200;
  static constexpr std::size_t kMaxNodes = 1'000'000;

  /// Node 0 is the root. Children stand behind their parent: the first at its index + 1.
  const TreeNode& operator[](std::uint32_t index) const noexcept { return nodes_[index]; }
  std::size_t size() const noexcept { return nodes_.size(); }

 private:
  friend class JsonReader;
  friend class TreeBuilder;
  std::vector<TreeNode> nodes_;
  std::deque<std::string> decoded_;  // a deque: views into its strings stay valid, also moved
};

/// Absent when `text` is not exactly one value of RFC 8259, or is above a cap. The tree looks into
/// `text`, which must outlive it.
std::optional<Tree> parse_json(std::string_view text);
/// Several values one behind the other, as an array of them: newline-delimited JSON, and with
/// record separators JSON text sequences (RFC 7464). Absent when a part of `text` is none.
std::optional<Tree> parse_json_sequence(std::string_view text);
/// As parse_json(), of a text that the tree keeps.
std::optional<Tree> parse_json_copy(std::string_view text);

/// Makes the tree of what is no JSON. Keys are of members of the innermost open object, and left
/// out in arrays. Everything is copied. What is above a cap is left out, and makes take() say so.
class TreeBuilder {
 public:
  void open(TreeKind container, std::string_view key = {});
  void close();
  void leaf(TreeKind kind, std::string_view text, std::string_view key = {});
  /// Absent when nothing was put in, something is still open, or a cap was hit.
  std::optional<Tree> take();

 private:
  TreeNode* add(TreeKind kind, std::string_view key);
  std::string_view keep(std::string_view text);

  Tree tree_;
  std::vector<std::uint32_t> open_;
  bool failed_ = false;
};

}  // namespace gray
