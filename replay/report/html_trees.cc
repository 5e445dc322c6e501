#include "replay/report/html_trees.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "replay/report/html_findings.h"

namespace gray {
namespace {

using Kind = TreeRow::Kind;

constexpr unsigned kMaxIndent = 16;  // deeper nests are not moved any further

constexpr std::string_view kStyle = R"(
.tree { border: 1px solid var(--rule); border-radius: 4px; margin: .5rem 0 1rem; overflow: hidden; }
.tree details { margin: 0; }
.pair { display: grid; grid-template-columns: 1.5rem 1fr 1fr; border-top: 1px solid var(--rule); }
.pair::before { content: ""; text-align: center; }
.pair > * { min-width: 0; border-left: 1px solid var(--rule); padding: .1rem .5rem .1rem calc(.5rem + var(--i, 0) * .9rem); white-space: pre-wrap; }
.pair > code + code { grid-column: 3; }
.pair.heads { border-top: 0; font-weight: 600; }
.pair.heads span { padding-left: .5rem; } .pair .production { color: var(--one); } .pair .canary { color: var(--two); }
.pair.different::before { content: "≠"; color: var(--bad); font-weight: bold; } .pair.different > * { background: var(--mark); }
.pair.noise::before { content: "~"; } .pair.ignored::before { content: "·"; } .pair.noise > *, .pair.ignored > *, .pair.folded > * { opacity: .75; font-style: italic; }
.pair.folded > code { grid-column: 2 / 4; }
summary.pair::before { content: "▸"; } details[open] > summary.pair::before { content: "▾"; } summary.pair::marker { content: ""; }
@media screen and (max-width: 40rem) { .pair { grid-template-columns: 1.5rem 1fr; } .pair > *, .pair > code + code { grid-column: 2; } .pair.same > code + code { display: none; } .pair.different > :first-child { border-left: 4px solid var(--one); } .pair.different > :last-child { border-left: 4px solid var(--two); } }
@media print { .pair { break-inside: avoid; } details::details-content { content-visibility: visible; block-size: auto; } }
)";

const char* class_of(Kind kind) noexcept {
  switch (kind) {
    case Kind::Different:
      return "different";
    case Kind::Noise:
      return "noise";
    case Kind::Ignored:
      return "ignored";
    case Kind::Folded:
      return "folded";
    default:
      return "same";
  }
}

std::string side(std::string_view text) {
  return text.empty() ? "<code><em>absent</em></code>"
                      : fmt::format("<code>{}</code>", html_escape(text));
}

std::string pair_of(const char* element, const TreeRow& row, unsigned depth) {
  const std::string sides = row.kind == Kind::Folded
                                ? fmt::format("<code>{} more that {} equal</code>", row.folded,
                                              row.folded == 1 ? "is" : "are")
                                : side(row.production) + side(row.canary);
  return fmt::format("<{0} class=\"pair {1}\" style=\"--i:{2}\">{3}</{0}>\n", element,
                     class_of(row.kind), std::min(depth, kMaxIndent), sides);
}

}  // namespace

std::string_view html_tree_style() noexcept {
  return kStyle;
}

std::string html_side_by_side(const SideBySide& bodies) {
  if (bodies.rows.empty()) return {};
  std::string html =
      "<div class=\"tree\"><div class=\"pair heads\"><span class=\"production\">production</span>"
      "<span class=\"canary\">canary</span></div>\n";
  unsigned depth = 0;
  for (const TreeRow& row : bodies.rows) {
    if (row.kind == Kind::Open) {
      html += "<details open>" + pair_of("summary", row, depth++);
    } else if (row.kind == Kind::Close) {
      html += "</details>\n";
      --depth;
    } else {
      html += pair_of("div", row, depth);
    }
  }
  html += "</div>\n";
  return bodies.cut ? html + "<p><small>Both sides go on; more is not shown.</small></p>\n" : html;
}

std::string html_side_by_side(BodiesOf& bodies, std::string_view exchange) {
  const auto found = bodies.find(exchange);
  if (found == bodies.end()) return {};
  const SideBySide* fresh = std::exchange(found->second, nullptr);
  return fresh != nullptr ? html_side_by_side(*fresh)
                          : "<p><small>Both sides stand further up, where the exchange is the "
                            "example of a cause.</small></p>\n";
}

}  // namespace gray
