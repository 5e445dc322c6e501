#include "replay/gate/gate.h"

#include <gtest/gtest.h>

#include "replay/compare/trial_for_test.h"

namespace gray {
namespace {

Comparison same() {
  Comparison comparison;
  comparison.compared = true;
  return comparison;
}

Comparison different(const std::string& field) {
  Comparison comparison = same();
  comparison.add(field, "1", "2");
  return comparison;
}

Trial answered() {
  return trial_of(json_response("{}"), json_response("{}"));
}

Gate gate_with(GateOptions options, int same_count, int different_count, int timeouts,
               int aborted) {
  Gate gate(options);
  for (int i = 0; i < same_count; ++i) gate.add(answered(), same());
  for (int i = 0; i < different_count; ++i) gate.add(answered(), different("status"));
  for (int i = 0; i < timeouts; ++i) gate.add(failed_trial(SendOutcome::Timeout, ""), {});
  for (int i = 0; i < aborted; ++i) gate.add(failed_trial(SendOutcome::Aborted, ""), {});
  return gate;
}

TEST(Gate, Verdicts) {
  struct Case {
    const char* sentence;
    GateOptions options;
    int same, different, timeouts, aborted;
    int exit_code;
    std::vector<std::string> reasons;
  };
  const Case cases[] = {
      {"all the same", {}, 10, 0, 0, 0, 0, {}},
      {"one differs", {}, 29, 1, 0, 0, 4, {"differences 3.33% > 0%"}},
      {"more differ than may", {0.005, {}}, 88, 2, 0, 0, 4, {"differences 2.22% > 0.5%"}},
      {"as many differ as may", {0.1, {}}, 36, 4, 0, 0, 0, {}},
      {"too few to tell",
       {0.1, {}},
       9,
       1,
       0,
       0,
       0,
       {"not enough evidence: 10 exchanges, 29 needed to tell whether more than 10% differ"}},
      {"close above the limit", {0.1, {}}, 89'990, 10'010, 0, 0, 4, {"differences 10.01% > 10%"}},
      {"not answered", {}, 78, 0, 12, 0, 4, {"12 of 90 requests failed (timeout 12)"}},
      {"nothing", {}, 0, 0, 0, 0, 4, {"nothing was compared"}},
      {"nothing answered",
       {},
       0,
       0,
       2,
       0,
       4,
       {"nothing was compared", "2 of 2 requests failed (timeout 2)"}},
      {"ended by hand", {}, 5, 0, 0, 3, 0, {}},
      {"ended by hand at once", {}, 0, 0, 0, 3, 4, {"nothing was compared"}},
      {"too slow", {0, 2'000'000}, 5, 0, 0, 0, 5, {"p99 3ms > 2ms"}},
      {"fast enough", {0, 3'000'000}, 299, 0, 0, 0, 0, {}},
      {"fast enough, or too few",
       {0, 3'000'000},
       298,
       0,
       0,
       0,
       0,
       {"not enough evidence: 298 exchanges, 299 needed to tell whether p99 is within 3ms"}},
      {"different and too slow",
       {0, 2'000'000},
       1,
       1,
       0,
       0,
       4,
       {"differences 50% > 0%", "p99 3ms > 2ms"}},
  };
  for (const Case& test : cases) {
    const Verdict verdict =
        gate_with(test.options, test.same, test.different, test.timeouts, test.aborted).verdict();
    EXPECT_EQ(verdict.reasons, test.reasons) << test.sentence;
    EXPECT_EQ(verdict.exit_code, test.exit_code) << test.sentence;
    EXPECT_EQ(verdict.pass, test.reasons.empty()) << test.sentence;
    EXPECT_EQ(verdict.inconclusive, test.exit_code == 0 && !test.reasons.empty()) << test.sentence;
  }
}

TEST(Gate, FailuresAreListedByHowOften) {
  Gate gate({});
  gate.add(answered(), same());
  for (int i = 0; i < 2; ++i) gate.add(failed_trial(SendOutcome::Reset, ""), {});
  for (int i = 0; i < 10; ++i) gate.add(failed_trial(SendOutcome::Timeout, ""), {});
  gate.add(failed_trial(SendOutcome::Aborted, ""), {});
  EXPECT_EQ(gate.verdict().reasons,
            std::vector<std::string>{"12 of 14 requests failed (timeout 10, reset 2)"});
}

TEST(Gate, TallyAddsUp) {
  Gate gate = gate_with({}, 3, 2, 4, 1);
  Comparison noisy = different("json.$.ts");
  noisy.differences[0].noise = true;
  gate.add(answered(), noisy);
  gate.add(answered(), {});
  const Tally tally = gate.tally();
  EXPECT_EQ(tally.sent, 12u);
  EXPECT_EQ(tally.answered, 7u);
  EXPECT_EQ(tally.same + tally.different + tally.noise + tally.uncompared, tally.answered);
  EXPECT_EQ(tally.noise, 1u);
  EXPECT_EQ(tally.uncompared, 1u);
  EXPECT_EQ(tally.by_field, (std::map<std::string, std::uint64_t>{{"status", 2}}));
  EXPECT_EQ(tally.failed, (std::map<std::string, std::uint64_t>{{"aborted", 1}, {"timeout", 4}}));
  EXPECT_EQ(tally.canary.count(), 7u);
  EXPECT_EQ(tally.production.max(), 1'000'000u);
}

// Both sides alike, or a call that streams would make the canary look fast.
TEST(Gate, AnAnswerBeforeTheEndOfItsRequestHasNoLatency) {
  Gate gate({});
  for (int i = 0; i < 40; ++i) {
    Trial trial = trial_of(json_response("{}"), json_response("{}"));
    trial.latency_ns = trial.exchange->latency_ns();
    if (i % 2 == 0) {
      trial.exchange->request.last_byte_ns = trial.exchange->response->last_byte_ns + 1;
      trial.latency_ns = 0;
    }
    gate.add(trial, {});
  }
  const Tally tally = gate.tally();
  EXPECT_EQ(tally.answered, 40u);
  EXPECT_EQ(tally.production.count(), 20u);
  EXPECT_EQ(tally.canary.count(), 20u);
  EXPECT_EQ(tally.endpoints.at("GET /price/{n}").canary.count(), 20u);
  EXPECT_EQ(gate.confidence(tally).p50.ratio, 1);
}

TEST(Gate, FindingsTakeAnArraysElementsTogether) {
  Gate gate({});
  Comparison comparison = different("json.$.items[0].price");
  comparison.add("json.$.items[17].price", "3", "4");
  gate.add(answered(), comparison);
  gate.add(answered(), different("json.$.items[3].price"));
  const Tally tally = gate.tally();
  EXPECT_EQ(tally.by_field.size(), 3u);
  ASSERT_EQ(tally.findings.size(), 1u);
  const auto& [field, finding] = *tally.findings.begin();
  EXPECT_EQ(field, "json.$.items[*].price");
  EXPECT_EQ(finding.exchanges, 2u);
  EXPECT_EQ(finding.request, "GET /price/1");
  EXPECT_EQ(finding.production, "1");
  EXPECT_EQ(finding.canary, "2");
}

TEST(Gate, NamesThatTheWireMakesUpAreBounded) {
  Gate gate({});
  for (int i = 0; i < 5'000; ++i) gate.add(answered(), different("header.x-" + std::to_string(i)));
  const Tally tally = gate.tally();
  EXPECT_EQ(tally.by_field.size(), Tally::kMaxFields + 1);
  EXPECT_EQ(tally.by_field.at(Tally::kOtherFields), 4'000u);
  EXPECT_EQ(tally.findings.size(), Tally::kMaxFindings + 1);
}

TEST(Gate, IndicesOnlyAreTakenOut) {
  EXPECT_EQ(without_indices("json.$.a[0][12].b"), "json.$.a[*][*].b");
  EXPECT_EQ(without_indices("json.$['a[1'].b[]"), "json.$['a[1'].b[]");
  EXPECT_EQ(without_indices("status"), "status");
  EXPECT_EQ(without_indices("[1"), "[1");
}

}  // namespace
}  // namespace gray
