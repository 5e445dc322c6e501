#include "replay/compare/tree.h"

#include <algorithm>

#include "replay/content/utf8.h"
#include "replay/scrub/chars.h"

namespace gray {
namespace {

// Of common JSON: room for the nodes, so that they seldom move.
constexpr std::size_t kBytesPerNode = 10;

bool is_white(char c) noexcept {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

class JsonReader {
 public:
  JsonReader(std::string_view text, Tree& tree) : text_(text), tree_(tree) {}

  bool read();
  bool read_sequence();
  static const std::string& keep(Tree& tree, std::string_view text) {
    return tree.decoded_.emplace_back(text);
  }

 private:
  enum class Want : std::uint8_t { Value, ValueOrEnd, Key, KeyOrEnd, CommaOrEnd };

  bool step();
  bool value();
  bool key();
  bool comma_or_end();
  bool close(char bracket);
  bool open(TreeKind kind);
  bool number(TreeNode& node);
  bool word(TreeNode& node, TreeKind kind, std::string_view word);
  bool digits();
  bool string(std::string_view& out);
  bool decode(std::string& out);
  bool escape(std::string& out);
  bool hex4(std::uint32_t& out);
  void skip_space() noexcept;

  bool end() const noexcept { return at_ >= text_.size(); }
  bool take(char c) noexcept {
    if (end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  Tree& tree_;
  std::size_t at_ = 0;
  Want want_ = Want::Value;
  std::string_view key_;
  std::vector<std::uint32_t> open_;  // the containers around us, outermost first
};

bool JsonReader::read() {
  tree_.nodes_.reserve(std::min(text_.size() / kBytesPerNode + 1, Tree::kMaxNodes));
  do {
    skip_space();
    if (end() || !step()) return false;
  } while (!open_.empty());
  skip_space();
  return end();
}

// The array that is nowhere written is open all the while.
bool JsonReader::read_sequence() {
  constexpr std::string_view kBetween = " \n\r\t\x1e", kClosing = "}]\"";
  TreeNode& root = tree_.nodes_.emplace_back();
  root.kind = TreeKind::Array;
  root.text = text_;
  open_.push_back(0);
  while ((at_ = std::min(text_.find_first_not_of(kBetween, at_), text_.size())) < text_.size()) {
    want_ = Want::Value;
    do {
      skip_space();
      if (end() || !step()) return false;
    } while (open_.size() > 1);
    const bool closed = kClosing.find(text_[at_ - 1]) != kClosing.npos;
    if (!end() && !closed && kBetween.find(text_[at_]) == kBetween.npos) return false;
  }
  tree_.nodes_[0].next = static_cast<std::uint32_t>(tree_.nodes_.size());
  return true;
}

bool JsonReader::step() {
  switch (want_) {
    case Want::ValueOrEnd:
      if (text_[at_] == ']') return close(']');
      [[fallthrough]];
    case Want::Value:
      return value();
    case Want::KeyOrEnd:
      if (text_[at_] == '}') return close('}');
      [[fallthrough]];
    case Want::Key:
      return key();
    case Want::CommaOrEnd:
      return comma_or_end();
  }
  return false;
}

bool JsonReader::value() {
  if (tree_.nodes_.size() >= Tree::kMaxNodes) return false;
  const auto index = static_cast<std::uint32_t>(tree_.nodes_.size());
  TreeNode& node = tree_.nodes_.emplace_back();
  node.key = key_;
  node.next = index + 1;
  key_ = {};
  if (!open_.empty()) ++tree_.nodes_[open_.back()].size;
  want_ = Want::CommaOrEnd;
  switch (text_[at_]) {
    case '{':
      return open(TreeKind::Object);
    case '[':
      return open(TreeKind::Array);
    case '"':
      node.kind = TreeKind::String;
      return string(node.text);
    case 't':
      return word(node, TreeKind::True, "true");
    case 'f':
      return word(node, TreeKind::False, "false");
    case 'n':
      return word(node, TreeKind::Null, "null");
    default:
      return number(node);
  }
}

bool JsonReader::key() {
  if (!string(key_)) return false;
  skip_space();
  if (!take(':')) return false;
  want_ = Want::Value;
  return true;
}

bool JsonReader::comma_or_end() {
  const bool object = tree_.nodes_[open_.back()].kind == TreeKind::Object;
  if (!take(',')) return close(object ? '}' : ']');
  want_ = object ? Want::Key : Want::Value;
  return true;
}

bool JsonReader::open(TreeKind kind) {
  if (open_.size() >= Tree::kMaxDepth) return false;
  tree_.nodes_.back().kind = kind;
  tree_.nodes_.back().text = text_.substr(at_++);  // cut off where it ends by close()
  open_.push_back(static_cast<std::uint32_t>(tree_.nodes_.size() - 1));
  want_ = kind == TreeKind::Object ? Want::KeyOrEnd : Want::ValueOrEnd;
  return true;
}

bool JsonReader::close(char bracket) {
  if (!take(bracket)) return false;
  TreeNode& node = tree_.nodes_[open_.back()];
  node.next = static_cast<std::uint32_t>(tree_.nodes_.size());
  node.text.remove_suffix(text_.size() - at_);
  open_.pop_back();
  want_ = Want::CommaOrEnd;
  return true;
}

bool JsonReader::word(TreeNode& node, TreeKind kind, std::string_view word) {
  if (!text_.substr(at_).starts_with(word)) return false;
  node.kind = kind;
  node.text = text_.substr(at_, word.size());
  at_ += word.size();
  return true;
}

bool JsonReader::digits() {
  const std::size_t begin = at_;
  while (!end() && is_digit(text_[at_])) ++at_;
  return at_ > begin;
}

bool JsonReader::number(TreeNode& node) {
  const std::size_t begin = at_;
  take('-');
  if (!take('0') && !digits()) return false;
  if (take('.') && !digits()) return false;
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (!digits()) return false;
  }
  node.kind = TreeKind::Number;
  node.text = text_.substr(begin, at_ - begin);
  return true;
}

// Most strings have no escape and are a view into the text; the others are decoded.
bool JsonReader::string(std::string_view& out) {
  if (!take('"')) return false;
  const std::size_t begin = at_;
  while (!end()) {
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c == '"') {
      out = text_.substr(begin, at_++ - begin);
      return true;
    }
    if (c < 0x20) return false;
    if (c == '\\') {
      std::string& decoded = tree_.decoded_.emplace_back(text_.substr(begin, at_ - begin));
      if (!decode(decoded)) return false;
      out = decoded;
      return true;
    }
    ++at_;
  }
  return false;
}

bool JsonReader::decode(std::string& out) {
  while (!end()) {
    const char c = text_[at_++];
    if (c == '"') return true;
    if (static_cast<unsigned char>(c) < 0x20) return false;
    if (c != '\\')
      out += c;
    else if (!escape(out))
      return false;
  }
  return false;
}

bool JsonReader::escape(std::string& out) {
  if (end()) return false;
  const char c = text_[at_++];
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
  if (const std::size_t found = kNames.find(c); found != std::string_view::npos) {
    out += kValues[found];
    return true;
  }
  std::uint32_t code = 0;
  if (c != 'u' || !hex4(code)) return false;
  const bool high = code >= 0xd800 && code < 0xdc00;
  if (high && text_.substr(at_).starts_with("\\u")) {
    const std::size_t back = at_;
    std::uint32_t low = 0;
    at_ += 2;
    if (!hex4(low)) return false;
    if (low >= 0xdc00 && low < 0xe000)
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    else
      at_ = back;
  }
  append_utf8(out, code);
  return true;
}

bool JsonReader::hex4(std::uint32_t& out) {
  if (text_.size() - at_ < 4) return false;
  out = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_value(text_[at_++]);
    if (digit < 0) return false;
    out = out * 16 + static_cast<std::uint32_t>(digit);
  }
  return true;
}

void JsonReader::skip_space() noexcept {
  while (!end() && is_white(text_[at_])) ++at_;
}

std::optional<Tree> parse_json(std::string_view text) {
  Tree tree;
  if (!JsonReader(text, tree).read()) return std::nullopt;
  return tree;
}

std::optional<Tree> parse_json_sequence(std::string_view text) {
  Tree tree;
  if (!JsonReader(text, tree).read_sequence()) return std::nullopt;
  return tree;
}

std::optional<Tree> parse_json_copy(std::string_view text) {
  Tree tree;
  const std::string& kept = JsonReader::keep(tree, text);
  if (!JsonReader(kept, tree).read()) return std::nullopt;
  return tree;
}

}  // namespace gray
