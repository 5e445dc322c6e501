// The page in a browser: opens without a word on the console, fits a phone and a sheet of paper
// whatever stands in it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "replay/compare/trial_for_test.h"
#include "replay/report/html.h"
#include "replay/report/report_for_test.h"

namespace gray {
namespace {

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  char buffer[4096];
  for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;)
    text.append(buffer, got);
  ::pclose(pipe);
  return text;
}

bool has_browser() {
  return !output_of("command -v chromium").empty();
}

std::string open_in_browser(const std::string& path, const std::string& flags = "") {
  return output_of(
      "timeout 60 chromium --headless --no-sandbox --disable-gpu --enable-logging=stderr "
      "--dump-dom " +
      flags + " file://" + path + " 2>&1");
}

/// A page of these trials, gone with the object.
class ReportPage {
 public:
  explicit ReportPage(const std::vector<Trial>& trials) {
    Gate gate{{}};
    std::vector<TrialSample> samples;
    for (const Trial& trial : trials) {
      const Comparison comparison = comparator_.compare(trial);
      gate.add(trial, comparison);
      if (samples.size() < 20)
        samples.push_back(make_sample(trial, comparison, comparator_, scrubber_));
    }
    write_html(path(), summary_of(gate), samples);
  }
  ~ReportPage() { ::unlink(path().c_str()); }
  ReportPage(const ReportPage&) = delete;
  ReportPage& operator=(const ReportPage&) = delete;
  std::string path() const { return std::string(file_.path()) + ".html"; }

 private:
  TemporaryFile file_;
  Scrubber scrubber_ = Scrubber::builtin();
  Comparator comparator_{{}, scrubber_};
};

TEST(Browser, OpensThePageWithItsTrees) {
  if (!has_browser()) GTEST_SKIP() << "no chromium here";
  const ReportPage page(
      {trial_of(json_response(R"({"price":1,"in":{"b":[1,2]},"phone":"13812345678"})"),
                json_response(R"({"price":2,"in":{"b":[1,"<script>alert(1)</script>"]}})"))});
  const std::string out = open_in_browser(page.path());
  for (const char* text :
       {"Verdict:", "Differences by cause", "<polyline class=\"canary\"", "GET /price/{n}",
        "<div class=\"tree\">", "<code>price: 1</code><code>price: 2</code>",
        "<code>[1]: 2</code><code>[1]: \"&lt;script&gt;alert(1)&lt;/script&gt;\"</code>"})
    EXPECT_NE(out.find(text), out.npos) << text;
  EXPECT_EQ(out.find("CONSOLE"), out.npos) << out;
  EXPECT_EQ(out.find("13812345678"), out.npos);
}

// As many endpoints as a report has, with names as long as they get, and bodies deep and wide.
std::vector<Trial> hostile_trials() {
  std::vector<Trial> trials;
  const std::string wide(1000, 'W');
  std::string deep, ends;
  for (int i = 0; i < 30; ++i) {
    deep += "{\"" + wide.substr(0, 40) + "\":";
    ends += "}";
  }
  for (char a = 'a'; a <= 'z'; ++a)
    for (char b = 'a'; b <= 'h'; ++b) {
      Trial trial = trial_of(json_response(deep + "\"" + wide + "\"" + ends),
                             json_response(deep + "\"" + wide + wide + "\"" + ends));
      trial.exchange->id.bytes = {static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b)};
      trial.exchange->request.target = "/" + wide + "/" + a + b + "/" + wide;
      trials.push_back(std::move(trial));
    }
  return trials;
}

/// What `check`, a JavaScript expression over the page's document `d`, says of the page in a window
/// of that width.
std::string asked_of(const ReportPage& page, int width, const std::string& check) {
  const TemporaryFile frame;
  const std::string path = std::string(frame.path()) + ".html";
  std::ofstream(path) << "<!DOCTYPE html><iframe id=\"f\" style=\"border:0;height:900px;width:"
                      << width << "px\" src=\"file://" << page.path()
                      << "\"></iframe><script>onload = () => {"
                      << "const d = document.getElementById('f').contentDocument;"
                      << "document.title = (() => {" << check << "})();}</script>";
  const std::string out = open_in_browser(path, "--allow-file-access-from-files");
  ::unlink(path.c_str());
  const std::size_t title = out.find("<title>");
  if (title == out.npos) return out;
  return out.substr(title + 7, out.find("</title>", title) - title - 7);
}

TEST(Browser, ThePageIsNoWiderThanTheWindow) {
  if (!has_browser()) GTEST_SKIP() << "no chromium here";
  const ReportPage page(hostile_trials());
  for (const int width : {320, 1200})
    EXPECT_EQ(asked_of(page, width,
                       "for (const e of d.querySelectorAll('details')) e.open = true;"
                       "const e = d.documentElement;"
                       "return e.scrollWidth <= e.clientWidth ? 'fits' : 'wide ' + e.scrollWidth;"),
              "fits")
        << width;
}

// As wide as a sheet of paper between its margins, by the rules for paper: nobody can scroll there,
// or open what is folded.
TEST(Browser, OnPaperAllIsThere) {
  if (!has_browser()) GTEST_SKIP() << "no chromium here";
  const std::string as_printed =
      "for (const rule of d.styleSheets[0].cssRules) if (rule.media) {"
      "const of = rule.media.mediaText;"
      "rule.media.mediaText = of === 'print' ? 'all' : of.startsWith('screen') ? 'not all' : of;}";
  const std::string check =
      as_printed +
      "for (const e of d.querySelectorAll('body, table, .rows, .row, .tree'))"
      "  if (e.scrollWidth > e.clientWidth + 1) return 'cut: ' + e.className + e.tagName;"
      "for (const e of d.querySelectorAll('.head > *'))"
      "  if (e.getClientRects()[0].height > 25) return 'broken: ' + e.textContent;"
      "for (const e of d.querySelectorAll('details:not([open]) > :not(summary)'))"
      "  if (e.getBoundingClientRect().height === 0) return 'folded: ' + e.textContent;"
      "return d.querySelectorAll('details:not([open]) .pair').length > 0 ? 'all' : 'no trees';";
  EXPECT_EQ(asked_of(ReportPage(hostile_trials()), 690, check), "all");
  Trial slow = trial_of(json_response(R"({"a":1})"), json_response(R"({"a":2})"));
  slow.latency_ns = 12'345'678'901;
  EXPECT_EQ(asked_of(ReportPage({std::move(slow)}), 690, check), "all");
}

}  // namespace
}  // namespace gray
