#include "replay/session/json_scalars.h"

#include <vector>

#include "replay/scrub/chars.h"

namespace gray {
namespace {

constexpr std::size_t kDeepest = 64;
constexpr std::size_t kLongestKey = 128;

class Scan {
 public:
  Scan(std::string_view text, const std::function<void(const JsonScalar&)>& see)
      : text_(text), see_(see) {}

  bool run() {
    do {
      skip_space();
      if (!value()) return false;
    } while (!levels_.empty());
    skip_space();
    return at_ == text_.size();
  }

 private:
  struct Level {
    std::size_t path_size;  // of the container's own path
    bool array;
    std::size_t index = 0;
    std::string key = {};
  };

  char now() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  bool value() {
    const char c = now();
    if (c == '{' || c == '[') return open(c == '[');
    if (c == '"') {
      std::size_t end = 0;
      if (!string(end)) return false;
      tell(at_ + 1, end, true);
      at_ = end + 1;
    } else if (c == '-' || is_digit(c)) {
      std::size_t end = at_;
      while (end < text_.size() &&
             (is_alnum(text_[end]) || text_[end] == '.' || text_[end] == '-' || text_[end] == '+'))
        ++end;
      tell(at_, end, false);
      at_ = end;
    } else if (!word("true") && !word("false") && !word("null")) {
      return false;
    }
    return after_value();
  }

  bool word(std::string_view name) {
    if (text_.substr(at_, name.size()) != name) return false;
    at_ += name.size();
    return true;
  }

  /// `end` is where the closing quote stands.
  bool string(std::size_t& end) const {
    for (end = at_ + 1; end < text_.size(); ++end) {
      if (text_[end] == '"') return true;
      if (text_[end] == '\\') ++end;
    }
    return false;
  }

  void tell(std::size_t begin, std::size_t end, bool is_string) {
    const std::string_view key = levels_.empty() ? std::string_view() : levels_.back().key;
    see_({path_, key, begin, end, is_string});
  }

  bool open(bool array) {
    if (levels_.size() == kDeepest) return false;
    levels_.push_back({path_.size(), array});
    ++at_;
    skip_space();
    if (now() == (array ? ']' : '}')) {
      ++at_;
      levels_.pop_back();
      return after_value();
    }
    return begin_member();
  }

  bool begin_member() {
    Level& level = levels_.back();
    path_.resize(level.path_size);
    if (level.array) {
      path_ += '[' + std::to_string(level.index++) + ']';
      return true;
    }
    skip_space();
    std::size_t end = 0;
    if (now() != '"' || !string(end)) return false;
    level.key = text_.substr(at_ + 1, std::min(end - at_ - 1, kLongestKey));
    path_ += '.' + level.key;
    at_ = end + 1;
    skip_space();
    if (now() != ':') return false;
    ++at_;
    return true;
  }

  /// What closes here is closed; then the next member begins.
  bool after_value() {
    while (!levels_.empty()) {
      skip_space();
      const Level& level = levels_.back();
      if (now() == ',') {
        ++at_;
        return begin_member();
      }
      if (now() != (level.array ? ']' : '}')) return false;
      ++at_;
      path_.resize(level.path_size);
      levels_.pop_back();
    }
    return true;
  }

  const std::string_view text_;
  const std::function<void(const JsonScalar&)>& see_;
  std::size_t at_ = 0;
  std::string path_ = "$";
  std::vector<Level> levels_;
};

}  // namespace

bool each_json_scalar(std::string_view text, const std::function<void(const JsonScalar&)>& see) {
  return Scan(text, see).run();
}

}  // namespace gray
