#include "replay/report/html.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <iterator>

#include "replay/compare/printable.h"
#include "replay/report/html_findings.h"
#include "userspace/base/errors.h"
#include "userspace/base/fd.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

// Of all bodies together: a browser is to open the page whatever a canary answered.
constexpr std::size_t kMaxTreeRows = 6'000;

constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>grayxdp: {0}</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--paper); }}
:root {{ color-scheme: light dark; --ink: #222; --paper: #fff; --rule: #ddd; --good: #176b2c; --bad: #a8201a; --open: #8a5a00; --one: #2463a8; --two: #b04a00; --mark: #a8201a14; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #ddd; --paper: #16181b; --rule: #3a3f45; --good: #6fcf84; --bad: #ff8a80; --open: #e3b34c; --one: #7ab3f0; --two: #f59b5c; --mark: #ff8a8026; }} }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.1rem; margin-top: 2rem; }} h3 {{ font-size: 1rem; margin: 1rem 0 0; }}
.pass {{ color: var(--good); }} .inconclusive {{ color: var(--open); }} .fail {{ color: var(--bad); }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }}
td.n, th.n {{ padding-right: 1.5rem; text-align: right; font-variant-numeric: tabular-nums; }}
code {{ font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }}
.sortable label {{ margin: 0 1rem 0 .25rem; }} .rows {{ margin-top: .5rem; display: flex; flex-direction: column; }}
.row {{ display: grid; grid-template-columns: minmax(12rem, 2fr) 5.5rem 5.5rem 7.5rem repeat(2, minmax(8rem, 1fr)); gap: .75rem; padding: .25rem 0; border-bottom: 1px solid var(--rule); font-variant-numeric: tabular-nums; }}
.row.head {{ order: -2000000000 !important; font-weight: bold; }}
#by-d:checked ~ .rows .row {{ order: var(--d); }} #by-r:checked ~ .rows .row {{ order: var(--r); }} #by-l:checked ~ .rows .row {{ order: var(--l); }}
.sides {{ display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; padding: .5rem; border-left: 3px solid var(--rule); }} .sides strong {{ display: block; font-weight: 600; }}
details {{ margin: .25rem 0; }} summary {{ cursor: pointer; }} summary .n {{ margin: 0 .5rem; }} h3 .n {{ margin-left: .5rem; font-weight: normal; }} .where, small {{ font-size: .85em; opacity: .8; }}
body {{ overflow-wrap: anywhere; }} th {{ overflow-wrap: normal; }} td, th {{ min-width: 3.5rem; }} .sides > div {{ min-width: 0; }} .row > * {{ min-width: 0; }}
@media screen and (max-width: 50rem) {{ table, .rows {{ overflow-x: auto; }} table {{ display: block; }} .row {{ min-width: 48rem; }} .sides {{ grid-template-columns: 1fr; }} }}
svg {{ width: 100%; max-width: 52rem; }} svg text {{ fill: var(--ink); font-size: 11px; }} svg line {{ stroke: var(--rule); }}
polyline {{ fill: none; stroke-width: 2; }} polyline.production {{ stroke: var(--one); }} polyline.canary {{ stroke: var(--two); }}
.legend .production {{ color: var(--one); }} .legend .canary {{ color: var(--two); }}
@media print {{ body {{ font-size: 12px; max-width: none; margin: 0; padding: 0; }} code {{ font-size: 11px; }} .row {{ grid-template-columns: minmax(8rem, 2fr) 4.75rem 4.75rem 6rem repeat(2, minmax(6.5rem, 1fr)); gap: .5rem; }} .sortable > :not(.rows) {{ display: none; }} h2, h3, summary, tr:first-child {{ break-after: avoid; }} tr, .row, svg {{ break-inside: avoid; }} }}{1}</style>
</head>
<body>
<h1>Verdict: <span class="{0}">{0}</span></h1>
)";

class Page {
 public:
  template <typename... Arguments>
  void add(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Arguments>(arguments)...);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string code(std::string_view text) {
  return text.empty() ? "<em>absent</em>" : fmt::format("<code>{}</code>", html_escape(text));
}

void add_verdict(Page& page, const RunSummary& summary) {
  page.add(kHead, summary.verdict.name(), html_tree_style());
  if (!summary.verdict.reasons.empty()) {
    page.add("<ul>\n");
    for (const std::string& reason : summary.verdict.reasons)
      page.add("<li>{}</li>\n", html_escape(reason));
    page.add("</ul>\n");
  }
  for (const std::string& target : summary.targets)
    page.add("<p>Canary: {}</p>\n", code(printable(target)));
  page.add("<p>Exchanges: {}.</p>\n", html_escape(exchange_counts(summary)));
  page.add("<p>Compared: {} same, {} different, {} noise, {} without production's response.</p>\n",
           summary.tally.same, summary.tally.different, summary.tally.noise,
           summary.tally.uncompared);
}

void add_findings(Page& page, const Tally& tally) {
  if (tally.findings.empty()) return;
  page.add(
      "<h2>What differs</h2>\n<table>\n<tr><th>field<th class=\"n\">exchanges<th>for example"
      "<th>production<th>canary</tr>\n");
  for (const auto& [field, finding] : tally.findings)
    page.add("<tr><td>{}<td class=\"n\">{}<td>{}<td>{}<td>{}</tr>\n", code(field),
             finding.exchanges, code(finding.request), code(finding.production),
             code(finding.canary));
  page.add("</table>\n");
}

void add_latency(Page& page, const RunSummary& summary) {
  const LatencySummary production = summarize(summary.tally.production);
  const LatencySummary canary = summarize(summary.tally.canary);
  const auto row = [&](const char* name, std::uint64_t left, std::uint64_t right) {
    page.add("<tr><td>{}<td class=\"n\">{}<td class=\"n\">{}</tr>\n", name, format_duration(left),
             format_duration(right));
  };
  page.add(
      "<h2>Latency</h2>\n<table>\n<tr><th><th class=\"n\">production<th class=\"n\">canary</tr>\n");
  row("p50", production.p50, canary.p50);
  row("p90", production.p90, canary.p90);
  row("p99", production.p99, canary.p99);
  row("p99.9", production.p999, canary.p999);
  row("max", production.max, canary.max);
  page.add("</table>\n<p>{:.1f} requests/s over {:.1f} s.</p>\n", summary.rps(), summary.seconds);
}

void add_samples(Page& page, std::span<const TrialSample> samples, BodiesOf& bodies) {
  if (samples.empty()) return;
  page.add("<h2>Exchanges that differ (the first {})</h2>\n", samples.size());
  for (const TrialSample& sample : samples) {
    page.add(
        "<details><summary><code>{} {}</code></summary>\n<p><code>{}</code>, status {} → {}</p>\n",
        html_escape(sample.method), html_escape(sample.target), html_escape(sample.id),
        sample.production_status, sample.canary_status);
    page.add("<table>\n<tr><th>field<th>production<th>canary</tr>\n");
    for (const Difference& difference : sample.differences)
      page.add("<tr><td>{}<td>{}<td>{}</tr>\n", code(difference.field), code(difference.production),
               code(difference.canary));
    page.add("</table>\n");
    if (sample.more > 0) page.add("<p>and {} more</p>\n", sample.more);
    page.add("{}</details>\n", html_side_by_side(bodies, sample.id));
  }
}

// An exchange that is sent several times is shown with its first answer.
BodiesOf bodies_of(std::span<const TrialSample> samples) {
  BodiesOf bodies;
  std::size_t rows = 0;
  for (const TrialSample& sample : samples) {
    if ((rows += sample.bodies.rows.size()) > kMaxTreeRows) break;
    if (!sample.bodies.rows.empty()) bodies.emplace(sample.id, &sample.bodies);
  }
  return bodies;
}

void add_sessions(Page& page, const char* whose, const SessionSummary& sessions) {
  page.add(
      "<h2>Sessions</h2>\n<p>{} requests gave back what an answer had handed out; {} values were "
      "forgotten.</p>\n<table>\n<tr><th>handed out in<th class=\"n\">{} own"
      "<th class=\"n\">of them production's, too<th class=\"n\">sent as recorded</tr>\n",
      sessions.requests, sessions.forgotten, whose);
  for (const auto& [place, counts] : sessions.places)
    page.add("<tr><td>{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}</tr>\n",
             code(printable(place)), counts.substituted, counts.same, counts.as_recorded);
  page.add("</table>\n");
}

void add_ledger(Page& page, const Ledger& ledger) {
  page.add(
      "<h2>Ledger</h2>\n<table>\n<tr><th>stage<th>unit<th class=\"n\">in<th class=\"n\">out"
      "<th>drops</tr>\n");
  for (const Stage& stage : ledger.stages()) {
    std::string drops;
    for (const Drop& drop : stage.drops)
      if (drop.count > 0)
        drops += fmt::format("{}{} {}", drops.empty() ? "" : ", ", drop.count, drop.name);
    page.add("<tr><td>{}<td>{}<td class=\"n\">{}<td class=\"n\">{}<td>{}</tr>\n",
             html_escape(stage.name), html_escape(stage.unit), stage.in, stage.out,
             html_escape(drops));
  }
  page.add("</table>\n<p>{}, {} lost.</p>\n", ledger.balanced() ? "Balanced" : "NOT BALANCED",
           ledger.lost());
}

}  // namespace

TrialSample make_sample(const Trial& trial, const Comparison& comparison,
                        const Comparator& comparator, const Scrubber& scrubber) {
  const Exchange& exchange = *trial.exchange;
  return {.id = exchange.id.hex(),
          .method = printable(exchange.request.method),
          .target = printable(exchange.request.target),
          .production_status = exchange.response ? exchange.response->status : 0,
          .canary_status = trial.canary ? trial.canary->status : 0,
          .differences = comparison.differences,
          .more = comparison.more,
          .bodies = side_by_side(trial, comparison, comparator, scrubber)};
}

std::string html_page(const RunSummary& summary, std::span<const TrialSample> samples) {
  Page page;
  BodiesOf bodies = bodies_of(samples);
  add_verdict(page, summary);
  page.add("{}", html_confidence(summary.confidence));
  page.add("{}", html_endpoints(summary.tally));
  add_findings(page, summary.tally);
  page.add("{}", html_causes(summary.tally, bodies));
  add_latency(page, summary);
  page.add("{}", html_latency_curves(summary.tally));
  add_samples(page, samples, bodies);
  page.add("{}", html_noise(summary.tally));
  if (summary.schema_changes) page.add("{}", html_schema_changes(*summary.schema_changes));
  if (summary.sessions) add_sessions(page, "the canary's", *summary.sessions);
  if (summary.baseline_sessions) add_sessions(page, "the baseline's", *summary.baseline_sessions);
  add_ledger(page, summary.ledger);
  page.add("</body>\n</html>\n");
  return page.take();
}

void write_html(const std::string& path, const RunSummary& summary,
                std::span<const TrialSample> samples) {
  const std::string doing = "write report " + path;
  const Fd file(
      check_errno(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), doing));
  const std::string page = html_page(summary, samples);
  for (std::size_t done = 0; done < page.size();)
    done += static_cast<std::size_t>(check_errno(
        static_cast<int>(::write(file.get(), page.data() + done, page.size() - done)), doing));
}

}  // namespace gray
