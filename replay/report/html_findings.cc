#include "replay/report/html_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "userspace/base/clock.h"
#include "userspace/base/units.h"

namespace gray {
namespace {

std::string code(std::string_view text) {
  return text.empty() ? "<em>absent</em>" : fmt::format("<code>{}</code>", html_escape(text));
}

std::string where(const Example& example) {
  const std::string stream =
      example.h2_stream == 0
          ? fmt::format("connection {}", example.stream)
          : fmt::format("connection {}, HTTP/2 stream {}", example.stream, example.h2_stream);
  const std::size_t colon = example.client.rfind(':');
  const std::string port = colon == std::string::npos ? "" : example.client.substr(colon + 1);
  return fmt::format(
      "<p class=\"where\">{} → {}, {}, {} to {}<br>in Wireshark: <code>tcp.port == {} &amp;&amp; "
      "frame.time_epoch &gt;= {:.6f} &amp;&amp; frame.time_epoch &lt;= {:.6f}</code></p>\n",
      html_escape(example.client), html_escape(example.server), stream, iso8601(example.from_ns),
      iso8601(example.to_ns), html_escape(port), static_cast<double>(example.from_ns) / 1e9 - 1e-6,
      static_cast<double>(example.to_ns) / 1e9 + 1e-6);
}

std::string cause_at(const std::string& endpoint, const CauseAt& at, BodiesOf& bodies) {
  const Example& example = at.example;
  return fmt::format(
             "<details><summary>{} <span class=\"n\">{} ×</span> {}</summary>\n<div "
             "class=\"sides\"><div><strong>production</strong>{}</div><div><strong>canary</"
             "strong>{}</div></"
             "div>\n<p>{} "
             "<small>exchange {}</small></p>\n",
             code(endpoint), at.differences, code(example.field), code(example.production),
             code(example.canary), code(example.request), html_escape(example.id)) +
         html_side_by_side(bodies, example.id) + where(example) + "</details>\n";
}

// Percentiles by how many nines they have: 0 at the left, 99.9 % at the right.
constexpr std::array<std::pair<double, const char*>, 5> kMarks{
    {{0, "p0"}, {0.5, "p50"}, {0.9, "p90"}, {0.99, "p99"}, {0.999, "p99.9"}}};
constexpr double kWidth = 640, kHeight = 220, kLeft = 64, kBottom = 24;

double x_of(double share) noexcept {
  return kLeft + (kWidth - kLeft - 8) * std::min(1.0, -std::log10(1 - std::min(share, 0.999)) / 3);
}

struct Scale {
  double low = 0, high = 1;  // log10 of ns
  double y(double ns) const noexcept {
    const double at = (std::log10(std::max(ns, 1.0)) - low) / (high - low);
    return (kHeight - kBottom) - std::clamp(at, 0.0, 1.0) * (kHeight - kBottom - 8);
  }
};

std::string curve(const Histogram& histogram, const Scale& scale, const char* name) {
  if (histogram.count() == 0) return {};
  std::string points;
  for (int i = 0; i <= 100; ++i) {
    const double share = 1 - std::pow(10, -3.0 * i / 100);
    points += fmt::format("{:.1f},{:.1f} ", x_of(share),
                          scale.y(static_cast<double>(histogram.percentile(share))));
  }
  return fmt::format("<polyline class=\"{}\" points=\"{}\"/>\n", name, points);
}

std::string cell(const Histogram& histogram, double share) {
  return histogram.count() == 0 ? "-" : format_duration(histogram.percentile(share));
}

}  // namespace

std::string html_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += c;
  }
  return out;
}

std::string html_endpoints(const Tally& tally) {
  if (tally.endpoints.empty()) return {};
  std::string page =
      "<h2>Endpoints</h2>\n<div class=\"sortable\"><span>sort by</span> "
      "<input type=\"radio\" name=\"sort\" id=\"by-d\" checked><label "
      "for=\"by-d\">different</label>"
      "<input type=\"radio\" name=\"sort\" id=\"by-r\"><label for=\"by-r\">requests</label>"
      "<input type=\"radio\" name=\"sort\" id=\"by-l\"><label for=\"by-l\">canary's p99</label>\n"
      "<div class=\"rows\"><div class=\"row head\"><span>endpoint</span><span>requests</span>"
      "<span>compared</span><span>different</span><span>p50</span><span>p99</span></div>\n";
  for (const auto& [name, endpoint] : tally.endpoints) {
    const std::uint64_t p99_us = endpoint.canary.percentile(0.99) / kNsPerUs;
    const auto order = [](std::uint64_t value) { return std::min<std::uint64_t>(value, 1u << 30); };
    const Interval share = wilson(endpoint.different, endpoint.compared);
    const std::string sure =
        endpoint.compared == 0
            ? std::string()
            : fmt::format(" <small>{:.0f}–{:.0f} %</small>", 100 * share.low, 100 * share.high);
    page += fmt::format(
        "<div class=\"row\" style=\"--d:-{};--r:-{};--l:-{}\">{}<span>{}</span><span>{}</span>"
        "<span>{}{}</span><span>{} → {}</span><span>{} → {}</span></div>\n",
        order(endpoint.different), order(endpoint.sent), order(p99_us), code(name), endpoint.sent,
        endpoint.compared, endpoint.different, sure, cell(endpoint.production, 0.5),
        cell(endpoint.canary, 0.5), cell(endpoint.production, 0.99), cell(endpoint.canary, 0.99));
  }
  return page + "</div></div>\n";
}

std::string html_latency_curves(const Tally& tally) {
  if (tally.production.count() + tally.canary.count() == 0) return {};
  double least = 1e18, most = 1;
  for (const Histogram* histogram : {&tally.production, &tally.canary}) {
    if (histogram->count() == 0) continue;
    least =
        std::min(least, static_cast<double>(std::max<std::uint64_t>(1, histogram->percentile(0))));
    most = std::max(most, static_cast<double>(histogram->max()));
  }
  const Scale scale{std::floor(std::log10(least)), std::ceil(std::log10(most) + 1e-9)};
  std::string svg =
      fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"latency by percentile\">\n",
                  kWidth, kHeight);
  for (double power = scale.low; power <= scale.high; ++power) {
    const double y = scale.y(std::pow(10, power));
    svg += fmt::format(
        "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/><text x=\"{}\" y=\"{:.1f}\" "
        "text-anchor=\"end\">{}</text>\n",
        kLeft, kWidth - 8, y, y, kLeft - 6, y + 4,
        format_duration(static_cast<std::uint64_t>(std::llround(std::pow(10, power)))));
  }
  for (const auto& [share, name] : kMarks)
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                       std::min(x_of(share), kWidth - 20), kHeight - 6, name);
  return svg + curve(tally.production, scale, "production") + curve(tally.canary, scale, "canary") +
         "</svg>\n<p class=\"legend\"><span class=\"production\">production</span> <span "
         "class=\"canary\">canary</span></p>\n";
}

std::string html_causes(const Tally& tally, BodiesOf& bodies) {
  std::string page;
  for (const Cause cause : kAllCauses) {
    const std::uint64_t count = tally.by_cause[index_of(cause)];
    if (count == 0) continue;
    page += fmt::format("<h3>{} <span class=\"n\">{}</span></h3>\n<p>{}</p>\n", to_string(cause),
                        count, html_escape(explain(cause)));
    for (const auto& [name, endpoint] : tally.endpoints)
      if (const auto at = endpoint.causes.find(cause); at != endpoint.causes.end())
        page += cause_at(name, at->second, bodies);
  }
  return page.empty() ? page : "<h2>Differences by cause</h2>\n" + page;
}

std::string html_noise(const Tally& tally) {
  std::string page;
  for (const NoisyField& field : tally.noisy)
    page += fmt::format(
        "<tr><td>{}<td>{}<td>{}: production differs from itself in {} of {}, from the canary in {} "
        "of {}</tr>\n",
        code(field.endpoint), code(field.field), field.noise ? "noise" : "not noise", field.self,
        field.self_compared, field.raw, field.compared);
  for (const auto& [what, count] : tally.ignored)
    page += fmt::format("<tr><td><td>{}<td>left out ({}): differed {} times</tr>\n",
                        code(what.first), html_escape(what.second), count);
  for (const auto& [field, count] : tally.compatible)
    page += fmt::format("<tr><td><td>{}<td>compatible: the canary added it, {} times</tr>\n",
                        code(field), count);
  if (page.empty()) return page;
  return fmt::format(
      "<h2>Left out, and why</h2>\n<p>Noise is learned from: {}.</p>\n<table>\n<tr><th>endpoint"
      "<th>field<th>why</tr>\n{}</table>\n",
      to_string(tally.noise_source), page);
}

std::string html_schema_changes(const std::vector<SchemaStep>& steps) {
  std::string page;
  for (const SchemaStep& step : steps) {
    page += fmt::format("<h2>Schema: {} to {}</h2>\n<p>{}.</p>\n", html_escape(step.from),
                        html_escape(step.to), step.in_short());
    if (step.changes.empty()) continue;
    page += "<details><summary>changes</summary>\n<table>\n<tr><th><th>place<th>what</tr>\n";
    for (const bool breaking : {true, false})
      for (const SchemaChange& change : step.changes)
        if (change.breaking == breaking)
          page += fmt::format("<tr><td>{}<td>{}<td>{}</tr>\n", breaking ? "breaking" : "compatible",
                              code(change.place), html_escape(change.reason));
    page += "</table>\n</details>\n";
  }
  return page;
}

std::string html_confidence(const Confidence& confidence) {
  std::string page = fmt::format(
      "<p>With 95 % confidence {:.3g} % to {:.3g} % of exchanges differ ({} compared).</p>\n",
      100 * confidence.different.low, 100 * confidence.different.high, confidence.compared);
  const auto ratio = [&](const char* name, const QuantileRatio& quantile) {
    if (quantile.ratio == 0) return;
    page += fmt::format("<p>The canary's {} is {:.2f} × production's", name, quantile.ratio);
    page += quantile.interval ? fmt::format(" ({:.2f} to {:.2f}).</p>\n", quantile.interval->low,
                                            quantile.interval->high)
                              : " (too few for an interval).</p>\n";
  };
  ratio("median", confidence.p50);
  ratio("p99", confidence.p99);
  if (confidence.latency.known)
    page += fmt::format(
        "<p>A canary's answer is slower than a production's in {:.1f} % of pairs (Mann–Whitney, p "
        "= {:.2g}).</p>\n",
        100 * confidence.latency.slower, confidence.latency.p);
  return page;
}

}  // namespace gray
