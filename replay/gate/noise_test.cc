// What production does to itself is noise; what the canary does more often is not.
#include <gtest/gtest.h>

#include "replay/compare/trial_for_test.h"
#include "replay/gate/endpoint.h"
#include "replay/gate/gate.h"

namespace gray {
namespace {

Comparison differs(const std::string& field, Cause cause = Cause::Value) {
  Comparison comparison;
  comparison.compared = true;
  comparison.add(field, "1", "2", cause);
  return comparison;
}

Comparison same() {
  Comparison comparison;
  comparison.compared = true;
  return comparison;
}

Trial answered() {
  return trial_of(json_response("{}"), json_response("{}"));
}

// `raw` of 100 differ from the canary, `self` of 100 from production itself.
Tally tally_of(int raw, int self, NoiseSource source = NoiseSource::Baseline) {
  Gate gate({});
  for (int i = 0; i < 100; ++i) {
    gate.add(answered(), i < raw ? differs("json.$.ts") : same());
    gate.add_self(answered().exchange->request, i < self ? differs("json.$.ts") : same(), source);
  }
  return gate.tally();
}

TEST(Noise, DiffysRule) {
  EXPECT_EQ(tally_of(100, 100).noise, 100u);
  EXPECT_EQ(tally_of(50, 40).noise, 50u);      // 10 / 90 is within 20 %
  EXPECT_EQ(tally_of(60, 40).noise, 60u);      // 20 / 100 is not above 20 %
  EXPECT_EQ(tally_of(61, 40).different, 61u);  // 21 / 101 is
  EXPECT_EQ(tally_of(10, 0).different, 10u);
  EXPECT_EQ(tally_of(10, 50).noise, 10u);
  EXPECT_TRUE(tally_of(100, 100).by_field.empty());
  EXPECT_EQ(tally_of(100, 100).noisy.at(0).self, 100u);
}

TEST(Noise, OneRepeatThatDiffersIsNotEnough) {
  EXPECT_EQ(tally_of(1, 1, NoiseSource::Repeats).different, 1u);
  EXPECT_EQ(tally_of(2, 2, NoiseSource::Repeats).noise, 2u);
}

TEST(Noise, DoesNotHideAMissingField) {
  Gate gate({});
  for (int i = 0; i < 10; ++i) {
    gate.add(answered(), differs("json.$.ts", Cause::Schema));
    gate.add_self(answered().exchange->request, differs("json.$.ts"), NoiseSource::Baseline);
  }
  EXPECT_EQ(gate.tally().different, 10u);
  EXPECT_EQ(gate.tally().by_cause[index_of(Cause::Schema)], 10u);
}

TEST(Noise, AnAcceptedCauseIsNotHeldAgainstTheCanary) {
  GateOptions options;
  options.accepted.set(index_of(Cause::Identifier));
  Gate gate(options);
  gate.add(answered(), differs("json.$.id", Cause::Identifier));
  EXPECT_EQ(gate.tally().noise, 1u);
  EXPECT_TRUE(gate.verdict().pass);
}

TEST(Endpoint, Templates) {
  const std::pair<const char*, const char*> cases[] = {
      {"/price/17?a=1", "/price/{n}"},
      {"/u/0190aa11-2b3c-7d4e-8f50-112233445566/x", "/u/{uuid}/x"},
      {"/blob/deadbeef01", "/blob/{hex}"},
      {"http://host/v1/a", "/v1/a"},
      {"/shop.v1.Cart/Get", "/shop.v1.Cart/Get"},
      {"/", "/"},
      {"*", "*"},
  };
  for (const auto& [target, expected] : cases) EXPECT_EQ(path_template(target), expected);
}

}  // namespace
}  // namespace gray
