#include "replay/report/flat_rows.h"

#include <fmt/format.h>

#include <set>

#include "replay/compare/answer_diff.h"
#include "replay/compare/header_values.h"
#include "replay/compare/printable.h"
#include "replay/compare/text_pair.h"

namespace gray {
namespace {

using Kind = TreeRow::Kind;

std::string titled(const char* title, std::size_t count) {
  return fmt::format("{}: {}", title, count);
}

// Both sides of one name.
struct HeaderPair {
  std::string_view name;
  HeaderValues production, canary;
};

std::vector<HeaderPair> pairs_of(const HeadersByName& production, const HeadersByName& canary) {
  std::set<std::string_view> names;
  for (const HeadersByName* side : {&production, &canary})
    for (const auto& [name, values] : *side) names.insert(name);
  const auto values = [](const HeadersByName& side, std::string_view name) {
    const auto found = side.find(std::string(name));
    return found == side.end() ? HeaderValues{} : found->second;
  };
  std::vector<HeaderPair> pairs;
  for (const std::string_view name : names)
    pairs.push_back({name, values(production, name), values(canary, name)});
  return pairs;
}

Kind kind_of(std::string_view part, const HeaderPair& pair, const RowsOf& with) {
  if (same_list(pair.production, pair.canary) && !pair.production.empty() && !pair.canary.empty())
    return Kind::Same;
  const JsonStep place[] = {{pair.name, 0, false}};
  if (with.rules.ignoring(part, place) != nullptr) return Kind::Ignored;
  return with.told.kind_of(header_field(part, pair.name, with.scrubber));
}

TreeRow row_of(Kind kind, std::string_view part, const HeaderPair& pair, const RowsOf& with) {
  const auto side = [&](const HeaderValues& values) {
    if (values.empty()) return std::string();
    const std::string name = header_field(part, pair.name, with.scrubber).substr(part.size() + 1);
    return name + ": " +
           printable(
               shown_header(values, scrubbed_header(pair.name, values, with.rules.default_ignores(),
                                                    with.scrubber)),
               SideBySide::kMaxText);
  };
  return {.kind = kind, .production = side(pair.production), .canary = side(pair.canary)};
}

// A line without its place would not say where it stands.
std::string numbered(std::size_t line, const ShownText& text) {
  return fmt::format("{}: {}", line + 1, printable(text.line(line), SideBySide::kMaxText));
}

}  // namespace

void add_header_rows(std::string_view part, const Headers& production, const Headers& canary,
                     const RowsOf& with, RowList& rows) {
  HeadersByName left = headers_by_name(production), right = headers_by_name(canary);
  if (with.rules.default_ignores()) {
    keep_cookie_names(left);
    keep_cookie_names(right);
  }
  const std::vector<HeaderPair> pairs = pairs_of(left, right);
  std::vector<Kind> kinds;
  bool differs = false;
  for (const HeaderPair& pair : pairs) {
    kinds.push_back(kind_of(part, pair, with));
    differs = differs || kinds.back() == Kind::Different || kinds.back() == Kind::Noise;
  }
  if (!differs) return;
  const char* title = part == "header" ? "headers" : "trailers";
  rows.open({.production = titled(title, left.size()), .canary = titled(title, right.size())});
  for (std::size_t i = 0; i < pairs.size() && !rows.full(); ++i) {
    const auto row = [&] { return row_of(kinds[i], part, pairs[i], with); };
    if (kinds[i] == Kind::Same)
      rows.same(row);
    else
      rows.add(row());
  }
  rows.close([] { return TreeRow(); });
}

bool add_text_rows(const BodySource& production, const BodySource& canary, const RowsOf& with,
                   RowList& rows) {
  const auto texts = TextPair::make(production.body, canary.body);
  if (!texts) return false;
  const std::size_t before = texts->production_lines().size();
  const std::size_t after = texts->canary_lines().size();
  const ShownText left(with.scrubber, production.body, before);
  const ShownText right(with.scrubber, canary.body, after);
  const auto row = [&](Kind kind, const TreeDifference& pair) {
    const TreeNode *a = pair.production, *b = pair.canary;
    return TreeRow{.kind = kind,
                   .production = a ? numbered(texts->line_of_production(*a), left) : "",
                   .canary = b ? numbered(texts->line_of_canary(*b), right) : ""};
  };
  rows.open(
      {.production = titled("lines of text", before), .canary = titled("lines of text", after)});
  diff_trees(texts->production(), texts->canary(), "text", with.rules,
             {.found =
                  [&](const TreeDifference& pair) {
                    const Kind kind = with.told.kind_of(write_place("text", pair.place, {}));
                    if (pair.order_only)
                      rows.add({.kind = kind,
                                .production = show(pair.production),
                                .canary = show(pair.canary) + " (other order)"});
                    else if (kind == Kind::Same)
                      rows.same([&] { return row(kind, pair); });
                    else
                      rows.add(row(kind, pair));
                    return !rows.full();
                  },
              .ignored = [](std::span<const JsonStep>, const CompareRule&) {},
              .passed =
                  [&](TreeStep step, const TreeDifference& pair) {
                    if (pair.place.empty()) return;  // both texts as a whole
                    if (step == TreeStep::Same) rows.same([&] { return row(Kind::Same, pair); });
                    if (step == TreeStep::Ignored) rows.add(row(Kind::Ignored, pair));
                  }});
  for (std::size_t i = texts->production().size() - 1; i < before && !rows.full(); ++i)
    rows.same([&] {
      return TreeRow{.production = numbered(i, left),
                     .canary = numbered(i + after - before, right)};
    });
  rows.close([] { return TreeRow(); });
  return true;
}

}  // namespace gray
