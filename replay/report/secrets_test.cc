// Secrets in every kind of body and of difference: in no line of trials, no JSON, no page.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "replay/compare/trial_for_test.h"
#include "replay/report/html.h"
#include "replay/report/report_for_test.h"
#include "replay/report/trials.h"

namespace gray {
namespace {

constexpr const char* kSecrets[] = {"13812345678", "13987654321", "4111111111111111",
                                    "planted-s3cret", "ada@planted.example"};

void expect_no_secret(const std::string& text) {
  for (const char* secret : kSecrets) EXPECT_EQ(text.find(secret), text.npos) << secret;
}

Response typed(const char* type, Headers headers, std::string body) {
  headers.push_back({"Content-Type", type});
  return response_of(200, std::move(headers), std::move(body));
}

// Pairs whose differences are of all kinds: value, member gone, other order, other type.
std::vector<Trial> trials_with_secrets() {
  const char* form = "application/x-www-form-urlencoded";
  std::vector<Trial> trials;
  trials.push_back(trial_of(
      typed(form, {}, "phone=13812345678&password=planted-s3cret-1&card=4111111111111111&n=1"),
      typed(form, {}, "phone=13987654321&password=planted-s3cret-2&n=2&13812345678=x")));
  trials.push_back(trial_of(
      typed("text/plain", {}, "call 13812345678\nmail ada@planted.example\ntoken=planted-s3cret\n"),
      typed("text/plain", {}, "call 13987654321\nmail nobody\n4111111111111111\n")));
  trials.push_back(
      trial_of(typed("application/json",
                     {{"Authorization", "Bearer planted-s3cret-3"},
                      {"Set-Cookie", "sid=planted-s3cret-4"},
                      {"X-Phone", "13812345678"},
                      {"Location", "/u?phone=13812345678&token=planted-s3cret"}},
                     R"({"session_token":"planted-s3cret-5","list":["13812345678",1]})"),
               typed("application/json",
                     {{"Authorization", "Bearer planted-s3cret-6"},
                      {"X-Phone", "13987654321"},
                      {"X-New", "13812345678"},
                      {"Location", "/u?phone=13987654321&token=planted-s3cret-7"}},
                     R"({"session_token":"planted-s3cret-8","list":[1,"13812345678"]})")));
  trials.push_back(failed_trial(SendOutcome::Garbage, "unexpected 13812345678"));
  return trials;
}

/// All that a run writes of these trials.
std::string written(const Scrubber& scrubber) {
  const Comparator comparator({}, scrubber);
  Gate gate{{}};
  const TemporaryFile lines;
  TrialWriter writer(lines.path());
  std::vector<TrialSample> samples;
  for (const Trial& trial : trials_with_secrets()) {
    const Comparison comparison = comparator.compare(trial);
    gate.add(trial, comparison);
    writer.write(trial, comparison, scrubber);
    samples.push_back(make_sample(trial, comparison, comparator, scrubber));
  }
  const RunSummary summary = summary_of(gate);
  const TemporaryFile page;
  write_html(page.path(), summary, samples);
  return lines.text() + to_json(summary, "replay").dump() + page.text();
}

TEST(Secrets, AreInNothingThatIsWritten) {
  const std::string text = written(Scrubber::builtin());
  for (const char* shown : {"form.phone", "form.n", "text[0]", "header.x-phone", "list", "by_cause",
                            "\"schema\"", "\"value\"", "Differences by cause"})
    EXPECT_NE(text.find(shown), text.npos) << shown;
  expect_no_secret(text);
}

// The check above sees what it looks for.
TEST(Secrets, AreAllThereWithoutTheScrubber) {
  const std::string text = written(Scrubber::off());
  for (const char* secret : kSecrets) EXPECT_NE(text.find(secret), text.npos) << secret;
}

}  // namespace
}  // namespace gray
