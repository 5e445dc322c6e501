#include "replay/scrub/json.h"

#include <algorithm>
#include <charconv>
#include <deque>

#include "replay/content/utf8.h"
#include "replay/scrub/chars.h"
#include "replay/scrub/encoded.h"
#include "replay/scrub/json_text.h"

namespace gray {
namespace {

constexpr std::size_t kMaxNesting = 200;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_json_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

constexpr std::size_t kShortestNumber = 8;  // that any pattern knows

/// Walks the document once and notes what is to be replaced. fail() is final.
class Walker {
 public:
  Walker(const Policy& policy, std::string_view text, const JsonOptions& options)
      : policy_(policy), text_(text), options_(options), place_(options.place) {}

  bool walk() {
    if (text_.starts_with(kByteOrderMark)) pos_ = kByteOrderMark.size();
    skip_space();
    if (pos_ == text_.size()) return false;
    do {
      value(place_.empty() ? std::nullopt : policy_.json(place_, options_.inherited));
      if (cut_) return true;
      if (failed_) return false;
      skip_space();
    } while (options_.many && pos_ < text_.size());
    return pos_ == text_.size();
  }

  bool changed() const { return !edits_.empty(); }

  std::string result() {
    std::sort(edits_.begin(), edits_.end(),
              [](const Edit& a, const Edit& b) { return a.begin < b.begin; });
    std::string result;
    result.reserve(text_.size());
    std::size_t copied = 0;
    for (const Edit& edit : edits_) {
      result.append(text_, copied, edit.begin - copied);
      result += edit.text;
      copied = edit.end;
    }
    return result.append(text_, copied);
  }

 private:
  using Inherited = std::optional<Treatment>;
  struct Edit {
    std::size_t begin, end;
    std::string text;
  };

  void fail() { failed_ = true; }
  bool stopped() const { return failed_ || cut_; }
  /// The next character; at the end of a text that may be cut the walk just stops.
  char peek() {
    if (pos_ < text_.size()) return text_[pos_];
    (options_.may_be_cut ? cut_ : failed_) = true;
    return 0;
  }
  void skip_space() {
    while (pos_ < text_.size() && is_json_space(text_[pos_])) ++pos_;
  }
  void replace(std::size_t begin, std::size_t end, std::string text) {
    edits_.push_back({begin, end, std::move(text)});
  }

  void value(const Inherited& treatment);
  void object(const Inherited& inherited);
  bool member(const Inherited& inherited, std::size_t& comma);
  void drop_member(std::size_t begin, std::size_t first_edit, std::size_t& comma);
  void array(const Inherited& inherited);
  void string_value(const Inherited& treatment);
  void number(const Inherited& treatment);
  void literal();
  std::string_view string();
  void key(std::size_t begin, std::size_t end, std::string_view name);
  void scrub_number(std::size_t begin, const Inherited& treatment);

  const Policy& policy_;
  std::string_view text_;
  const JsonOptions& options_;
  std::size_t pos_ = 0;
  std::size_t nesting_ = 0;
  bool failed_ = false;
  bool cut_ = false;
  std::vector<JsonStep> place_;
  std::deque<std::string> unescaped_keys_;
  std::vector<Edit> edits_;
};

void Walker::value(const Inherited& treatment) {
  if (nesting_ >= kMaxNesting) return fail();
  ++nesting_;
  const char c = peek();
  if (c == '{')
    object(treatment);
  else if (c == '[')
    array(treatment);
  else if (c == '"')
    string_value(treatment);
  else if (c == '-' || is_digit(c))
    number(treatment);
  else if (!stopped())
    literal();
  --nesting_;
}

void Walker::object(const Inherited& inherited) {
  ++pos_;
  skip_space();
  if (peek() == '}') {
    ++pos_;
    return;
  }
  std::size_t comma = std::string_view::npos;  // the one in front of the member, if any is left
  while (!stopped()) {
    if (!member(inherited, comma)) return;
  }
}

// One member and what follows it; true when that is a comma, and thus another member.
bool Walker::member(const Inherited& inherited, std::size_t& comma) {
  skip_space();
  const std::size_t begin = pos_;
  if (peek() != '"') {
    fail();
    return false;
  }
  const std::string_view raw = string();
  if (stopped()) return false;
  const std::size_t key_end = pos_;
  std::string_view name = raw;
  const bool escaped = raw.find('\\') != std::string_view::npos;
  if (escaped) name = unescaped_keys_.emplace_back(unescape_json(raw));
  skip_space();
  if (peek() != ':') {
    if (!cut_) fail();
    return false;
  }
  ++pos_;
  skip_space();
  place_.push_back({name, 0, false});
  const Inherited treatment = policy_.json(place_, inherited);
  const std::size_t first_edit = edits_.size();
  if (!treatment || treatment->action != Action::Keep) key(begin, key_end, name);
  value(treatment);
  place_.pop_back();
  if (escaped) unescaped_keys_.pop_back();
  const bool dropped = treatment && treatment->action == Action::Drop;
  if (dropped) replace(begin, pos_, "");
  if (stopped()) return false;
  if (dropped) edits_.pop_back();
  skip_space();
  const char next = peek();
  if (dropped && !stopped()) drop_member(begin, first_edit, comma);
  if (next == ',') {
    if (!dropped) comma = pos_;
    ++pos_;
    return true;
  }
  if (next == '}')
    ++pos_;
  else if (!cut_)
    fail();
  return false;
}

// Of the two commas around a dropped member one goes with it.
void Walker::drop_member(std::size_t begin, std::size_t first_edit, std::size_t& comma) {
  edits_.resize(first_edit);
  if (text_[pos_] == ',') {
    std::size_t end = pos_ + 1;
    while (end < text_.size() && is_json_space(text_[end])) ++end;
    replace(begin, end, "");
  } else {
    if (comma != std::string_view::npos) replace(comma, comma + 1, "");
    replace(begin, pos_, "");
  }
}

void Walker::array(const Inherited& inherited) {
  ++pos_;
  skip_space();
  if (peek() == ']') {
    ++pos_;
    return;
  }
  for (std::size_t index = 0; !stopped(); ++index) {
    skip_space();
    place_.push_back({{}, index, true});
    const Inherited treatment = policy_.json(place_, inherited);
    const std::size_t begin = pos_, first_edit = edits_.size();
    value(treatment);
    place_.pop_back();
    // The others keep their index.
    if (treatment && treatment->action == Action::Drop) {
      edits_.resize(first_edit);
      replace(begin, pos_, "null");
    }
    if (stopped()) return;
    skip_space();
    const char next = peek();
    if (stopped()) return;
    ++pos_;
    if (next == ']') return;
    if (next != ',') return fail();
  }
}

// Between the quotes; pos_ is behind the closing one.
std::string_view Walker::string() {
  const std::size_t begin = ++pos_;
  while (true) {
    const char c = peek();
    if (stopped()) return text_.substr(begin, pos_ - begin);
    if (c == '"') break;
    if (static_cast<unsigned char>(c) < 0x20) {
      fail();
      return {};
    }
    if (c == '\\') {
      ++pos_;
      const char escape = peek();
      if (stopped()) return text_.substr(begin, pos_ - 1 - begin);
      const bool known = std::string_view("\"\\/bfnrtu").find(escape) != std::string_view::npos;
      const bool cut_escape = options_.may_be_cut && text_.size() - pos_ < 5;
      if (!known || (escape == 'u' && four_hex(text_, pos_ + 1) < 0 && !cut_escape)) {
        fail();
        return {};
      }
    }
    ++pos_;
  }
  return text_.substr(begin, pos_++ - begin);
}

// Keys can be secrets, too: {"13812345678":{…}}.
void Walker::key(std::size_t begin, std::size_t end, std::string_view name) {
  std::string text(name);
  if (policy_.scrub_text(options_.part, text)) replace(begin, end, quote_json(text));
}

void Walker::string_value(const Inherited& treatment) {
  const std::size_t begin = pos_;
  const std::string_view raw = string();
  if (failed_ || raw.empty() || (treatment && treatment->action == Action::Keep)) return;
  std::string text =
      raw.find('\\') == std::string_view::npos ? std::string(raw) : unescape_json(raw);
  const std::string before = text;
  if (treatment)
    text = policy_.redactor().redact(*treatment, text);
  else if (!scrub_value(policy_, options_.part, text, options_.depth))
    return;
  if (text != before) replace(begin, pos_, quote_json(text));
}

void Walker::number(const Inherited& treatment) {
  const std::size_t begin = pos_;
  const auto digits = [&] {
    const std::size_t first = pos_;
    while (pos_ < text_.size() && is_digit(text_[pos_])) ++pos_;
    return pos_ > first;
  };
  if (text_[pos_] == '-') ++pos_;
  const bool zero = pos_ < text_.size() && text_[pos_] == '0';
  const std::size_t whole = pos_;
  bool fine = digits() && !(zero && pos_ - whole > 1);
  if (fine && pos_ < text_.size() && text_[pos_] == '.') {
    ++pos_;
    fine = digits();
  }
  if (fine && pos_ < text_.size() && to_lower(text_[pos_]) == 'e') {
    ++pos_;
    if (pos_ < text_.size() && (text_[pos_] == '+' || text_[pos_] == '-')) ++pos_;
    fine = digits();
  }
  if (!fine && !(options_.may_be_cut && pos_ == text_.size())) return fail();
  scrub_number(begin, treatment);
}

void Walker::scrub_number(std::size_t begin, const Inherited& treatment) {
  const std::string_view raw = text_.substr(begin, pos_ - begin);
  if (treatment) {
    if (treatment->action != Action::Keep)
      replace(begin, pos_, policy_.redactor().redact_number(*treatment, raw));
    return;
  }
  if (raw.size() < kShortestNumber) return;
  const std::size_t exponent = raw.find_first_of("eE");
  std::string text = exponent == std::string_view::npos ? std::string(raw) : plain_digits(raw);
  if (!policy_.scrub_text(options_.part, text)) return;
  replace(begin, pos_, is_json_number(text) ? text : policy_.redactor().redact_number({}, raw));
}

void Walker::literal() {
  for (const std::string_view known : {"true", "false", "null"}) {
    const std::string_view here = text_.substr(pos_, known.size());
    if (here == known) {
      pos_ += known.size();
      return;
    }
    if (options_.may_be_cut && pos_ + here.size() == text_.size() && known.starts_with(here)) {
      cut_ = true;
      return;
    }
  }
  fail();
}

}  // namespace

bool looks_like_json(std::string_view text) noexcept {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  text = trim(text);
  return !text.empty() && (text.front() == '{' || text.front() == '[');
}

JsonResult scrub_json(const Policy& policy, std::string& text, const JsonOptions& options) {
  if (!options.may_be_cut && !is_utf8(text)) return JsonResult::Bad;
  Walker walker(policy, text, options);
  if (!walker.walk()) return JsonResult::Bad;
  if (!walker.changed()) return JsonResult::Same;
  text = walker.result();
  return JsonResult::Changed;
}

}  // namespace gray
