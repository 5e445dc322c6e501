#include "replay/compare/body_tree.h"

#include "replay/compare/rules.h"
#include "replay/scrub/encoded.h"

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

// An object or array that parses is whole; of a bare 12 that was cut that is not known.
bool takes_json(const BodySource& source) {
  if (source.response->truncated) return false;
  return looks_json(source.body) || (source.response->complete && says_json(*source.response));
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

std::string media_type(const Headers& headers) {
  const std::string* type = find_header(headers, "content-type");
  if (type == nullptr) return {};
  std::string media = lower_case(std::string_view(*type).substr(0, type->find(';')));
  while (media.ends_with(' ') || media.ends_with('\t')) media.pop_back();
  return media;
}

BodyMaker json_maker() {
  return {.part = "json",
          .takes = takes_json,
          .make = [](const BodySource& source) { return parse_json(source.body); },
          .scrub = {}};
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
