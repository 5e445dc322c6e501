#include "replay/session/given_back.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "replay/scrub/chars.h"
#include "replay/scrub/json_text.h"
#include "replay/session/handed_out.h"
#include "replay/session/json_scalars.h"
#include "replay/session/url_text.h"

namespace gray {
namespace {

constexpr std::size_t kMostBody = 4u << 20;

// Headers that say something about the client or the message, never what a server handed out.
constexpr std::array<std::string_view, 14> kOthers{"host",
                                                   "user-agent",
                                                   "origin",
                                                   "referer",
                                                   "date",
                                                   "te",
                                                   "connection",
                                                   "forwarded",
                                                   "via",
                                                   "range",
                                                   "if-modified-since",
                                                   "upgrade",
                                                   "expect",
                                                   "transfer-encoding"};

struct Edit {
  std::size_t begin;
  std::size_t size;
  std::string text;
};

class Walk {
 public:
  using See = std::function<std::optional<std::string>(const GivenBack&)>;
  explicit Walk(const See& see) : see_(see) {}

  std::vector<Edit> target(std::string_view text) {
    begin(text);
    const UrlParts parts = split_url(text);
    std::size_t number = 0;
    each_segment(parts.path, [&](std::string_view raw) {
      tell("path[" + std::to_string(number++) + "]", percent_decoded(raw, false), raw,
           Notation::Url);
    });
    pairs("query.", parts.query);
    return std::move(edits_);
  }
  std::vector<Edit> form(std::string_view text) {
    begin(text);
    pairs("form.", text);
    return std::move(edits_);
  }
  std::vector<Edit> json(std::string_view text) {
    begin(text);
    each_json_scalar(text, [&](const JsonScalar& scalar) {
      const std::string_view raw = text.substr(scalar.begin, scalar.end - scalar.begin);
      if (raw.size() > kLongestValue) return;
      tell("json." + std::string(scalar.path),
           scalar.is_string ? unescape_json(raw) : std::string(raw), raw,
           scalar.is_string ? Notation::JsonString : Notation::JsonNumber);
    });
    return std::move(edits_);
  }
  std::vector<Edit> cookies(std::string_view text) {
    begin(text);
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view pair = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
      const std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view raw = trim(pair.substr(equals + 1));
      tell("cookie." + std::string(trim(pair.substr(0, equals))), std::string(raw), raw,
           Notation::Plain);
    }
    return std::move(edits_);
  }
  /// Behind the scheme when there is one: "Bearer abc".
  std::vector<Edit> header(const std::string& name, std::string_view text) {
    begin(text);
    const std::size_t space = name == "authorization" ? text.find(' ') : std::string_view::npos;
    const std::string_view raw =
        space == std::string_view::npos ? text : trim(text.substr(space + 1));
    tell("header." + name, std::string(raw), raw, Notation::Plain);
    return std::move(edits_);
  }

 private:
  void begin(std::string_view text) {
    text_ = text;
    edits_.clear();
  }
  void pairs(const std::string& kind, std::string_view query) {
    each_pair(query, [&](std::string_view name, std::string_view raw) {
      tell(kind + std::string(name), percent_decoded(raw, true), raw, Notation::Url);
    });
  }
  void tell(std::string place, std::string value, std::string_view raw, Notation notation) {
    const std::size_t times = ++seen_[place];
    if (value.size() < kShortestValue || value.size() > kLongestValue) return;
    if (times > 1) place += "#" + std::to_string(times);
    if (auto text = see_({std::move(place), std::move(value), raw, notation}))
      edits_.push_back(
          {static_cast<std::size_t>(raw.data() - text_.data()), raw.size(), std::move(*text)});
  }

  const See& see_;
  std::string_view text_;
  std::vector<Edit> edits_;
  std::map<std::string, std::size_t> seen_;
};

void put_edits(std::string& text, const std::vector<Edit>& edits) {
  if (edits.empty()) return;
  std::string edited;
  std::size_t at = 0;
  for (const Edit& edit : edits) {
    edited.append(text, at, edit.begin - at).append(edit.text);
    at = edit.begin + edit.size;
  }
  text = edited.append(text, at);
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = to_lower(c);
  return result;
}

bool is_other(std::string_view name) {
  return name.starts_with("accept") || name.starts_with("content-") || name.starts_with("sec-") ||
         name.starts_with("x-forwarded") ||
         std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end();
}

void walk_body(Request& request, Walk& walk) {
  if (request.body.size() > kMostBody || find_header(request.headers, "content-encoding")) return;
  const std::string* type = find_header(request.headers, "content-type");
  if (type == nullptr) return;
  const std::string media = lower(type->substr(0, type->find(';')));
  if (media.find("json") != std::string::npos)
    put_edits(request.body, walk.json(request.body));
  else if (trim(media) == "application/x-www-form-urlencoded")
    put_edits(request.body, walk.form(request.body));
}

}  // namespace

void each_given_back(Request& request, const Walk::See& see) {
  Walk walk(see);
  put_edits(request.target, walk.target(request.target));
  for (Header& header : request.headers) {
    const std::string name = lower(header.name);
    if (name == "cookie")
      put_edits(header.value, walk.cookies(header.value));
    else if (!is_other(name))
      put_edits(header.value, walk.header(name, header.value));
  }
  walk_body(request, walk);
}

void each_given_back(const Request& request, const std::function<void(const GivenBack&)>& see) {
  const Walk::See look = [&](const GivenBack& value) {
    see(value);
    return std::optional<std::string>();
  };
  // Nothing is changed when nothing is returned.
  each_given_back(const_cast<Request&>(request), look);
}

}  // namespace gray
