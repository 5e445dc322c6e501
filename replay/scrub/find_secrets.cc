// One walk over a text: a table says which characters may begin or betray a secret, and only there
// something is looked at. Every look is bounded, so that the whole stays linear.

#include <algorithm>
#include <array>

#include "replay/scrub/chars.h"
#include "replay/scrub/finding.h"
#include "replay/scrub/names.h"

namespace gray {
namespace {

constexpr std::size_t kMaxLocalPart = 64;  // RFC 5321 section 4.5.3.1
constexpr std::size_t kMaxDomain = 255;
constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMinCredential = 8;  // "Bearer of bad news" is no credential

constexpr std::array<bool, 256> make_triggers() {
  std::array<bool, 256> triggers{};
  for (const char c : std::string_view("0123456789@eBbAgsxG-=:<"))
    triggers[static_cast<unsigned char>(c)] = true;
  return triggers;
}
constexpr auto kTriggers = make_triggers();

bool is_base64url(char c) {
  return is_alnum(c) || c == '-' || c == '_';
}
/// RFC 9110 section 11.2.
bool is_token68(char c) {
  return is_base64url(c) || c == '.' || c == '~' || c == '+' || c == '/';
}
bool is_name_char(char c) {
  return is_alnum(c) || c == '_' || c == '-' || c == '.';
}

/// "logo@2x.png" is a picture.
bool is_image_scale(std::string_view domain) {
  return is_digit(domain[0]) && domain.substr(1, 2) == "x." && domain.find('.', 3) == domain.npos;
}

template <class Predicate>
std::size_t skip(std::string_view text, std::size_t pos, Predicate&& belongs) {
  while (pos < text.size() && belongs(text[pos])) ++pos;
  return pos;
}

class SecretFinder {
 public:
  SecretFinder(std::string_view text, std::vector<Finding>& findings)
      : text_(text), findings_(findings) {}

  void run() {
    while (pos_ < text_.size()) {
      if (!kTriggers[static_cast<unsigned char>(text_[pos_])]) {
        ++pos_;
        continue;
      }
      const std::size_t before = pos_;
      look();
      if (pos_ == before) ++pos_;
    }
  }

 private:
  // Looks at the trigger at pos_; moves pos_ only behind a finding, or behind a run of digits.
  void look() {
    const char c = text_[pos_];
    if (is_digit(c)) return number();
    switch (c) {
      case '@':
        return email();
      case '=':
        return assignment();
      case ':':
        return colon();
      case '<':
        return element();
      case '-':
        return private_key();
      default:
        if (starts_word()) known_token();
    }
  }

  bool starts_word() const { return pos_ == 0 || !is_base64url(text_[pos_ - 1]); }
  /// Where what is not yet part of a finding begins.
  std::size_t floor() const { return findings_.empty() ? 0 : findings_.back().end; }

  void add(std::size_t begin, std::size_t end, Kind kind) {
    // A finding that reaches further back takes the place of the smaller ones before it.
    while (!findings_.empty() && findings_.back().begin >= begin) findings_.pop_back();
    begin = std::max(begin, floor());
    if (begin < end) findings_.push_back({begin, end, kind});
    pos_ = std::max(pos_ + 1, end);
  }

  void number() {
    std::vector<Finding>& found = scratch_;
    found.clear();
    const std::size_t next = find_number(text_, pos_, found);
    if (found.empty())
      pos_ = next;
    else
      add(found.front().begin, found.front().end, found.front().kind);
  }

  void email();
  void assignment();
  void colon();
  void userinfo();
  void element();
  void private_key();
  void known_token();
  bool credentials(std::string_view scheme);
  bool web_token();
  bool prefixed(std::string_view prefix, std::size_t min, std::size_t max);
  std::string_view name_before(std::size_t end) const;

  std::string_view text_;
  std::vector<Finding>& findings_;
  std::vector<Finding> scratch_;
  std::size_t pos_ = 0;
};

// RFC 5321's addresses as people write them: the at sign is rare, so look back and ahead from it.
void SecretFinder::email() {
  const auto is_local = [](char c) {
    return is_alnum(c) || std::string_view("._%+-'").find(c) != std::string_view::npos;
  };
  std::size_t begin = pos_;
  const std::size_t stop = pos_ > kMaxLocalPart ? pos_ - kMaxLocalPart : 0;
  while (begin > stop && is_local(text_[begin - 1])) --begin;
  while (begin < pos_ && !is_alnum(text_[begin])) ++begin;
  std::size_t end = pos_ + 1;
  const std::size_t limit = std::min(text_.size(), end + kMaxDomain);
  while (end < limit && (is_alnum(text_[end]) || text_[end] == '-' || text_[end] == '.')) ++end;
  while (end > pos_ + 1 && !is_alnum(text_[end - 1])) --end;
  const std::string_view domain = text_.substr(pos_ + 1, end - pos_ - 1);
  const std::size_t dot = domain.rfind('.');
  if (begin == pos_ || dot == std::string_view::npos || dot == 0 || domain.size() < dot + 3) return;
  if (!is_letter(domain[dot + 1]) || is_image_scale(domain)) return;
  add(begin, end, Kind::Email);
}

std::string_view SecretFinder::name_before(std::size_t end) const {
  std::size_t begin = end;
  while (begin > 0 && end - begin < kMaxName && is_name_char(text_[begin - 1])) --begin;
  return text_.substr(begin, end - begin);
}

// name=value, as in a URL, a cookie, a log line.
void SecretFinder::assignment() {
  const std::string_view name = name_before(pos_);
  if (!is_secret_name(name)) return;
  std::size_t begin = pos_ + 1;
  char quote = 0;
  if (begin < text_.size() && (text_[begin] == '"' || text_[begin] == '\'')) quote = text_[begin++];
  const std::size_t end = skip(text_, begin, [&](char c) {
    if (quote) return c != quote;
    return !is_space(c) && std::string_view("&;,\"'<>#()[]{}").find(c) == std::string_view::npos;
  });
  if (end > begin) add(begin, end, Kind::Opaque);
}

// "name":"value" in text that is no JSON as a whole, escaped once more or not; and URL userinfo.
void SecretFinder::colon() {
  if (text_.substr(pos_, 3) == "://") return userinfo();
  std::size_t end = pos_;
  while (end > 0 && is_space(text_[end - 1]) && pos_ - end < 4) --end;
  const bool quoted = end > 0 && (text_[end - 1] == '"' || text_[end - 1] == '\'');
  if (quoted) --end;
  if (quoted && end > 0 && text_[end - 1] == '\\') --end;
  if (!is_secret_name(name_before(end))) return;
  std::size_t begin = skip(text_, pos_ + 1, is_space);
  const bool escaped = begin < text_.size() && text_[begin] == '\\';
  if (escaped) ++begin;
  if (begin == text_.size()) return;
  const char quote = text_[begin] == '"' || text_[begin] == '\'' ? text_[begin] : '\0';
  if (!quote && !quoted) return;  // prose: "the token: it is …"
  if (quote) ++begin;
  std::size_t end_of_value = begin;
  for (; end_of_value < text_.size(); ++end_of_value) {
    const char c = text_[end_of_value];
    if (quote ? c == quote || (escaped && c == '\\')
              : is_space(c) || std::string_view(",{}[]").find(c) != std::string_view::npos)
      break;
    if (c == '\\' && end_of_value + 1 < text_.size()) ++end_of_value;
  }
  if (end_of_value > begin) add(begin, std::min(end_of_value, text_.size()), Kind::Opaque);
}

// RFC 3986 section 3.2.1.
void SecretFinder::userinfo() {
  const std::size_t begin = pos_ + 3;
  const std::size_t end = skip(text_, begin, [](char c) {
    return !is_space(c) && std::string_view("/?#\"'<>\\").find(c) == std::string_view::npos;
  });
  const std::size_t at = text_.substr(begin, end - begin).rfind('@');
  if (at != std::string_view::npos && at > 0) add(begin, begin + at, Kind::Opaque);
}

// <password>value</password>, also with a namespace or attributes.
void SecretFinder::element() {
  const std::size_t name_end =
      skip(text_, pos_ + 1, [](char c) { return is_name_char(c) || c == ':'; });
  std::string_view name = text_.substr(pos_ + 1, name_end - pos_ - 1);
  if (const std::size_t colon = name.rfind(':'); colon != std::string_view::npos)
    name.remove_prefix(colon + 1);
  if (name.empty() || !is_secret_name(name)) return;
  const std::size_t close = skip(text_, name_end, [](char c) { return c != '>' && c != '<'; });
  if (close >= text_.size() || text_[close] != '>') return;
  std::size_t begin = close + 1;
  constexpr std::string_view kCdata = "<![CDATA[";
  if (text_.substr(begin).starts_with(kCdata)) begin += kCdata.size();
  const std::size_t end = skip(text_, begin, [](char c) { return c != '<' && c != ']'; });
  if (end > begin) add(begin, end, Kind::Opaque);
}

// RFC 7468.
void SecretFinder::private_key() {
  constexpr std::string_view kBegin = "-----BEGIN ", kKey = "PRIVATE KEY-----", kEnd = "-----END ";
  if (!text_.substr(pos_).starts_with(kBegin)) return;
  const std::size_t label = text_.substr(pos_, 80).find(kKey);
  if (label == std::string_view::npos) return;
  const std::size_t begin = pos_ + label + kKey.size();
  const std::size_t end = std::min(text_.find(kEnd, begin), text_.size());
  add(begin, end, Kind::Opaque);
}

bool SecretFinder::credentials(std::string_view scheme) {
  if (!starts_with_ignoring_case(text_.substr(pos_), scheme)) return false;
  std::size_t begin = pos_ + scheme.size();
  if (text_.substr(begin, 3) == "%20")
    begin += 3;
  else if (begin < text_.size() && (text_[begin] == ' ' || text_[begin] == '+'))
    ++begin;
  else
    return false;
  std::size_t end = skip(text_, begin, is_token68);
  const std::string_view token = text_.substr(begin, end - begin);
  const bool has_digit = std::any_of(token.begin(), token.end(), is_digit);
  if (token.size() < kMinCredential || (!has_digit && token.size() < 2 * kMinCredential))
    return false;
  end = skip(text_, end, [](char c) { return c == '='; });
  add(begin, end, Kind::Opaque);
  return true;
}

// RFC 7519: three parts of base64url, the first of which opens a JSON object.
bool SecretFinder::web_token() {
  if (!text_.substr(pos_).starts_with("eyJ")) return false;
  const std::size_t header = skip(text_, pos_, is_base64url);
  if (header >= text_.size() || text_[header] != '.') return false;
  const std::size_t end = skip(text_, header, [](char c) { return is_base64url(c) || c == '.'; });
  if (end - pos_ < 20) return false;
  add(pos_, end, Kind::Opaque);
  return true;
}

bool SecretFinder::prefixed(std::string_view prefix, std::size_t min, std::size_t max) {
  if (!text_.substr(pos_).starts_with(prefix)) return false;
  const std::size_t begin = pos_ + prefix.size();
  const std::size_t end = skip(text_, begin, is_base64url);
  if (end - begin < min || end - begin > max) return false;
  add(pos_, end, Kind::Opaque);
  return true;
}

// At the begin of a word.
void SecretFinder::known_token() {
  switch (text_[pos_]) {
    case 'e':
      web_token();
      return;
    case 'B':
    case 'b':
      credentials("bearer") || credentials("basic");
      return;
    case 'A':  // Amazon Web Services, Google
      prefixed("AKIA", 16, 16) || prefixed("ASIA", 16, 16) || prefixed("AIza", 35, 35);
      return;
    case 'G':
      prefixed("GOCSPX-", 20, 64);
      return;
    case 'g':  // GitHub, GitLab
      prefixed("ghp_", 36, 255) || prefixed("gho_", 36, 255) || prefixed("ghs_", 36, 255) ||
          prefixed("ghu_", 36, 255) || prefixed("github_pat_", 22, 255) ||
          prefixed("glpat-", 20, 255);
      return;
    case 's':  // Stripe and its likes
      prefixed("sk_live_", 16, 255) || prefixed("sk_test_", 16, 255) || prefixed("sk-", 32, 255);
      return;
    case 'x':  // Slack
      prefixed("xoxb-", 20, 255) || prefixed("xoxp-", 20, 255) || prefixed("xoxa-", 20, 255);
      return;
    default:
      return;
  }
}

}  // namespace

void find_secrets(std::string_view text, std::vector<Finding>& findings) {
  const std::size_t before = findings.size();
  std::vector<Finding> found;
  SecretFinder(text, before == 0 ? findings : found).run();
  if (before != 0) findings.insert(findings.end(), found.begin(), found.end());
}

Kind kind_of(std::string_view value) {
  constexpr std::size_t kLongest = kMaxLocalPart + 1 + kMaxDomain;
  if (value.empty() || value.size() > kLongest) return Kind::Opaque;
  std::vector<Finding> findings;
  find_secrets(value, findings);
  if (findings.size() != 1) return Kind::Opaque;
  const Finding& only = findings.front();
  return only.begin == 0 && only.end == value.size() ? only.kind : Kind::Opaque;
}

}  // namespace gray
