#include "replay/compare/body_tree.h"

#include <algorithm>
#include <array>
#include <utility>

#include "replay/compare/rules.h"
#include "replay/scrub/chars.h"
#include "replay/scrub/encoded.h"
#include "replay/scrub/json_text.h"

namespace gray {
namespace {

bool says_json(const Response& response) {
  const std::string media = media_type(response.headers);
  return media.ends_with("/json") || media.ends_with("+json");
}

bool looks_json(std::string_view body) noexcept {
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  return first != body.npos && (body[first] == '{' || body[first] == '[');
}

// NDJSON, JSON Lines, JSON text sequences (RFC 7464), and what some streams call themselves.
bool says_json_sequence(const Response& response) {
  constexpr std::array<std::string_view, 9> kTypes{
      "application/x-ndjson",      "application/ndjson",      "application/jsonl",
      "application/x-jsonl",       "application/jsonlines",   "application/x-jsonlines",
      "application/x-json-stream", "application/stream+json", "application/json-seq"};
  const std::string media = media_type(response.headers);
  return media.ends_with("+json-seq") ||
         std::find(kTypes.begin(), kTypes.end(), media) != kTypes.end();
}

// An object or array that parses is whole; of a bare 12 that was cut that is not known.
bool takes_json(const BodySource& source) {
  if (source.response->truncated || says_json_sequence(*source.response)) return false;
  return looks_json(source.body) || (source.response->complete && says_json(*source.response));
}

// What stands before the next semicolon outside of quotes, which is taken from the text with it.
std::string_view next_part(std::string_view& text) noexcept {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < text.size() && (quoted || text[end] != ';'); ++end) {
    if (text[end] == '"') quoted = !quoted;
    if (quoted && text[end] == '\\') ++end;
  }
  end = std::min(end, text.size());
  const std::string_view part = trim(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::string unquoted(std::string_view value) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::string(value);
  std::string out;
  for (std::size_t i = 1; i + 1 < value.size(); ++i) {
    if (value[i] == '\\' && i + 2 < value.size()) ++i;
    out += value[i];
  }
  return out;
}

// The type, then the parameters as they are compared, in order.
std::vector<std::pair<std::string, std::string>> media_of(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> parts{{lower_case(next_part(text)), {}}};
  while (!text.empty()) {
    const std::string_view part = next_part(text);
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    std::string name = lower_case(trim(part.substr(0, equals)));
    std::string value = unquoted(trim(part.substr(std::min(equals + 1, part.size()))));
    if (name == "charset") value = lower_case(value);
    parts.emplace_back(std::move(name), std::move(value));
  }
  std::sort(parts.begin() + 1, parts.end());
  return parts;
}

std::optional<Tree> form_tree(const BodySource& source) {
  TreeBuilder builder;
  builder.open(TreeKind::Object);
  std::string_view rest = source.body;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (field.empty()) continue;
    const std::size_t equals = std::min(field.find('='), field.size());
    const std::string name = form_decode(field.substr(0, equals));
    builder.leaf(TreeKind::String, form_decode(field.substr(std::min(equals + 1, field.size()))),
                 name);
  }
  builder.close();
  return builder.take();
}

}  // namespace

std::string json_text(const TreeNode& node) {
  return node.kind == TreeKind::String ? quote_json(node.text) : std::string(node.text);
}

std::optional<TreePair> both_trees(const BodyMaker& maker, const BodySource& production,
                                   const BodySource& canary) {
  if (maker.make_both) return maker.make_both(production, canary);
  auto left = maker.make(production);
  if (!left) return std::nullopt;
  auto right = maker.make(canary);
  if (!right) return std::nullopt;
  return TreePair{std::move(*left), std::move(*right)};
}

std::string media_type(const Headers& headers) {
  const std::string* type = find_header(headers, "content-type");
  if (type == nullptr) return {};
  std::string media = lower_case(std::string_view(*type).substr(0, type->find(';')));
  while (media.ends_with(' ') || media.ends_with('\t')) media.pop_back();
  return media;
}

bool same_media(std::string_view a, std::string_view b) {
  return a == b || media_of(a) == media_of(b);
}

BodyMaker json_maker() {
  return {.part = "json",
          .takes = takes_json,
          .make = [](const BodySource& source) { return parse_json(source.body); },
          .scrub = {}};
}

// Each value is a document to the rules for scrubbing.
BodyMaker json_sequence_maker(const Scrubber& scrubber) {
  return {.part = "json",
          .takes =
              [](const BodySource& source) {
                if (source.response->truncated) return false;
                return looks_json(source.body) ||
                       (source.response->complete && says_json_sequence(*source.response));
              },
          .make = [](const BodySource& source) { return parse_json_sequence(source.body); },
          .scrub = [&scrubber](std::span<const JsonStep> place,
                               const TreeNode& node) -> std::optional<std::string> {
            if (place.empty()) return std::nullopt;
            return scrubber.scrub_json_at(place.subspan(1), json_text(node));
          }};
}

BodyMaker form_maker() {
  return {.part = "form",
          .rooted = false,
          .takes =
              [](const BodySource& source) {
                return !source.response->truncated && source.response->complete &&
                       media_type(source.response->headers) == "application/x-www-form-urlencoded";
              },
          .make = form_tree,
          .scrub = {}};
}

bool coded(const BodySource& source) {
  const std::string* coding = find_header(source.response->headers, "content-encoding");
  return coding != nullptr && !coding->empty() && lower_case(*coding) != "identity" &&
         source.body.data() == source.response->body.data();
}

bool is_text(const BodySource& source) {
  if (source.response->truncated || !source.response->complete) return false;
  const std::string media = media_type(source.response->headers);
  return media.starts_with("text/") || media.ends_with("/xml") || media.ends_with("+xml") ||
         media.ends_with("/javascript");
}

}  // namespace gray
