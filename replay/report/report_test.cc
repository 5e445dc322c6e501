// What a run says at its end, in each form: the right names, and no secret in any.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "replay/compare/trial_for_test.h"
#include "replay/report/html.h"
#include "replay/report/report_for_test.h"
#include "replay/report/summary.h"
#include "replay/report/trials.h"

namespace gray {
namespace {

using Json = nlohmann::ordered_json;

// Production's phone number and token against a canary without them, and one that is dead.
struct Example {
  Example() {
    Response production = json_response(
        R"({"price":1,"phone":"13812345678","password":"planted-s3cret","html":"<script>alert(1)</script>"})");
    production.headers.push_back({"X-Auth-Token", "planted-s3cret"});
    trials.push_back(
        trial_of(production, json_response(R"({"price":2,"phone":"?","password":1,"html":"&"})")));
    trials.push_back(trial_of(json_response("[1]"), json_response("[1]")));
    trials.push_back(failed_trial(SendOutcome::Timeout, "no answer about 13812345678 in 5s"));
    for (const Trial& trial : trials) {
      const Comparison comparison = comparator.compare(trial);
      gate.add(trial, comparison);
      comparisons.push_back(comparison);
    }
  }
  TrialSample sample() const {
    return make_sample(trials[0], comparisons[0], comparator, scrubber);
  }

  Scrubber scrubber = Scrubber::builtin();
  Comparator comparator{{}, scrubber};
  Gate gate{{}};
  std::vector<Trial> trials;
  std::vector<Comparison> comparisons;
};

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

void expect_no_secret(const std::string& text) {
  for (const char* secret : {"13812345678", "planted-s3cret"})
    EXPECT_EQ(text.find(secret), text.npos) << text;
}

TEST(Summary, JsonHasTheDocumentedNames) {
  using Names = std::vector<std::string>;
  const Example run;
  const Json json = to_json(summary_of(run.gate), "replay");
  EXPECT_EQ(keys(json),
            (Names{"verb", "exchanges", "compare", "latency_ns", "schedule", "ledger", "balanced",
                   "verdict", "reasons", "by_cause", "by_endpoint", "noise", "confidence"}));
  EXPECT_EQ(keys(json["by_cause"]), (Names{"schema", "value", "transport"}));
  EXPECT_EQ(json["by_endpoint"]["GET /price/{n}"]["different"], 1);
  EXPECT_EQ(json["by_endpoint"]["GET /price/{n}"]["share_different"].size(), 2u);
  EXPECT_EQ(keys(json["noise"]), (Names{"source", "self_compared", "fields", "ignored"}));
  EXPECT_EQ(json["confidence"]["level"], 0.95);
  EXPECT_EQ(keys(json["exchanges"]),
            (Names{"read", "selected", "skipped", "sent", "answered", "failed"}));
  EXPECT_EQ(keys(json["compare"]), (Names{"same", "different", "noise", "uncompared", "by_field"}));
  EXPECT_EQ(keys(json["latency_ns"]), (Names{"production", "canary"}));
  for (const char* side : {"production", "canary"})
    EXPECT_EQ(keys(json["latency_ns"][side]), (Names{"p50", "p90", "p99", "p999", "max"}));
  EXPECT_EQ(keys(json["schedule"]), (Names{"lateness_ns", "rps"}));
  EXPECT_EQ(keys(json["schedule"]["lateness_ns"]), (Names{"p50", "p99", "max"}));
  EXPECT_EQ(json["verb"], "replay");
  EXPECT_EQ(json["verdict"], "fail");
  EXPECT_EQ(json["balanced"], true);
  EXPECT_EQ(json["exchanges"]["failed"].dump(), R"({"timeout":1})");
  EXPECT_EQ(json["exchanges"]["skipped"].dump(), R"({"incomplete":2,"method":8})");
  EXPECT_EQ(json["compare"]["by_field"]["json.$.price"], 1);
  EXPECT_EQ(json["reasons"].dump(),
            R"x(["differences 50% > 0%","1 of 3 requests failed (timeout 1)"])x");
}

TEST(Summary, OfNothingIsWholeToo) {
  const Json json = to_json(RunSummary{}, "mirror");
  EXPECT_EQ(json["compare"]["by_field"].dump(), "{}");
  EXPECT_EQ(json["exchanges"]["failed"].dump(), "{}");
  EXPECT_EQ(json["reasons"].dump(), "[]");
  EXPECT_EQ(json["ledger"].dump(), "[]");
  EXPECT_EQ(json["schedule"]["rps"], 0.0);
}

TEST(Summary, TextSaysItAll) {
  const Example run;
  std::ostringstream out;
  print(out, summary_of(run.gate));
  for (const char* line :
       {"canary: http://canary:8080\n",
        "exchanges: 100 read, 90 selected (2 incomplete, 8 method), 3 sent, 2 answered, 1 failed "
        "(1 timeout)\n",
        "compare: 1 same, 1 different\n", "GET /price/1: 1 → 2\n", " production      canary\n",
        "p99.9         1ms         3ms\n", "schedule: 1.5 requests/s over 2.0s, late by p50 20us",
        "ledger: balanced, 0 lost\n",
        "verdict: fail: differences 50% > 0%; 1 of 3 requests failed (timeout 1)\n"})
    EXPECT_NE(out.str().find(line), std::string::npos) << line << "\nis not in\n" << out.str();
  expect_no_secret(out.str());
  expect_no_secret(to_json(summary_of(run.gate), "replay").dump());
}

TEST(Trials, AreALineEach) {
  const Example run;
  const TemporaryFile file;
  TrialWriter writer(file.path());
  for (std::size_t i = 0; i < run.trials.size(); ++i)
    writer.write(run.trials[i], run.comparisons[i], run.scrubber);
  EXPECT_EQ(writer.written(), 3u);
  EXPECT_FALSE(writer.failure());
  EXPECT_EQ(file.mode(), 0600u);
  expect_no_secret(file.text());
  std::istringstream lines(file.text());
  std::vector<Json> trials;
  for (std::string line; std::getline(lines, line);) trials.push_back(Json::parse(line));
  ASSERT_EQ(trials.size(), 3u);
  EXPECT_EQ(keys(trials[0]),
            (std::vector<std::string>{"id", "request", "production", "canary", "differences"}));
  EXPECT_EQ(trials[0]["id"], run.trials[0].exchange->id.hex());
  EXPECT_EQ(trials[0]["request"].dump(),
            R"({"method":"GET","target":"/price/1","authority":"shop.example"})");
  EXPECT_EQ(trials[0]["production"]["status"], 200);
  EXPECT_EQ(trials[0]["canary"].dump(), R"({"status":200,"latency_ns":3000000})");
  EXPECT_EQ(keys(trials[0]["differences"][0]),
            (std::vector<std::string>{"field", "production", "canary", "noise", "cause"}));
  EXPECT_EQ(trials[1]["differences"].dump(), "[]");
  EXPECT_TRUE(trials[2]["canary"].is_null());
  EXPECT_EQ(trials[2]["outcome"], "timeout");
}

TEST(Trials, TakeAnyBytes) {
  const TemporaryFile file;
  TrialWriter writer(file.path());
  Trial trial = failed_trial(SendOutcome::Garbage, "\xff\xfe\0 garbage");
  trial.exchange->request.target = "/\xc3\x28\x01";
  trial.exchange->response.reset();
  Comparison comparison;
  comparison.add("\xff", "\xff", "\xff");
  writer.write(trial, comparison, Scrubber::builtin());
  const Json json = Json::parse(file.text());
  EXPECT_TRUE(json["production"].is_null());
  EXPECT_EQ(json["request"]["target"], "/\\xc3(\\x01");
}

TEST(Trials, AFullDiskIsRememberedAndSaid) {
  const Example run;
  TrialWriter writer("/dev/full");
  writer.write(run.trials[0], run.comparisons[0], run.scrubber);
  writer.write(run.trials[0], run.comparisons[0], run.scrubber);
  EXPECT_EQ(writer.failure(), std::errc::no_space_on_device);
  EXPECT_EQ(writer.written(), 0u);
  EXPECT_THROW(TrialWriter("/nowhere/trials.jsonl"), std::system_error);
}

TEST(Html, IsEscapedAndSelfContained) {
  const Example run;
  RunSummary summary = summary_of(run.gate);
  summary.targets = {"http://<b>"};
  const TrialSample samples[] = {run.sample()};
  const TemporaryFile file;
  write_html(file.path(), summary, samples);
  const std::string page = file.text();
  expect_no_secret(page);
  EXPECT_EQ(page.find("<script"), page.npos);
  EXPECT_EQ(page.find("<b>"), page.npos);
  EXPECT_EQ(page.find("src="), page.npos);
  EXPECT_EQ(page.find("href="), page.npos);
  EXPECT_NE(page.find("&lt;script&gt;"), page.npos);
  EXPECT_NE(page.find("json.$.price"), page.npos);
  EXPECT_TRUE(page.ends_with("</html>\n"));
  EXPECT_EQ(page.find("<h2>Sessions</h2>"), page.npos);
  EXPECT_THROW(write_html("/nowhere/x.html", summary, samples), std::system_error);
  EXPECT_THROW(write_html("/dev/full", summary, samples), std::system_error);
}

TEST(Html, ShowsWhatSessionsLearned) {
  const Example run;
  RunSummary summary = summary_of(run.gate);
  summary.sessions.emplace();
  summary.sessions->requests = 7;
  summary.sessions->places["json.$.<i>"] = {.substituted = 5, .same = 1, .as_recorded = 2};
  const std::string page = html_page(summary, {});
  EXPECT_NE(page.find("<p>7 requests gave back"), page.npos);
  EXPECT_NE(page.find("<code>json.$.&lt;i&gt;</code><td class=\"n\">5<td class=\"n\">1"
                      "<td class=\"n\">2</tr>"),
            page.npos);
}

}  // namespace
}  // namespace gray
