#include "userspace/pcapng/rotation.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <vector>

namespace gray {
namespace {

using Names = std::vector<std::string>;

class Savefiles : public testing::Test {
 protected:
  Savefiles() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  static constexpr std::time_t kNow = 1'767'323'045;  // 2026-01-02 03:04:05 UTC
};

TEST_F(Savefiles, WithoutRotationTheNameIsTheName) {
  EXPECT_EQ(SavefileNames("a%H.pcapng", {}).first(kNow), "a%H.pcapng");
}

TEST_F(Savefiles, BySizeNumbersFollowTheFirst) {
  SavefileNames names("x.pcapng", {.bytes = 1});
  const Names got{names.first(kNow), names.after_size(), names.after_size()};
  EXPECT_EQ(got, (Names{"x.pcapng", "x.pcapng1", "x.pcapng2"}));
}

TEST_F(Savefiles, ARingHasLeadingZerosAndBeginsAgain) {
  SavefileNames names("x", {.bytes = 1, .files = 11});
  Names got{names.first(kNow)};
  for (int i = 0; i < 11; ++i) got.push_back(names.after_size());
  EXPECT_EQ(got, (Names{"x00", "x01", "x02", "x03", "x04", "x05", "x06", "x07", "x08", "x09", "x10",
                        "x00"}));
}

TEST_F(Savefiles, ARingOfOneIsOneFile) {
  SavefileNames names("x", {.bytes = 1, .files = 1});
  const Names got{names.first(kNow), names.after_size()};
  EXPECT_EQ(got, (Names{"x", "x"}));
}

TEST_F(Savefiles, ByTimeTheNameIsExpanded) {
  SavefileNames names("x-%H%M%S.pcapng", {.seconds = 60});
  EXPECT_EQ(names.first(kNow), "x-030405.pcapng");
  EXPECT_EQ(names.after_time(kNow + 60), "x-030505.pcapng");
}

TEST_F(Savefiles, ByTimeAsManyAsWanted) {
  SavefileNames names("%S", {.seconds = 1, .files = 3});
  EXPECT_EQ(names.first(kNow), "05");
  EXPECT_EQ(names.after_time(kNow + 1), "06");
  EXPECT_EQ(names.after_time(kNow + 2), "07");
  EXPECT_EQ(names.after_time(kNow + 3), std::nullopt);
}

TEST_F(Savefiles, ByBothTheNumbersStartAnewWithEachTime) {
  SavefileNames names("%S-", {.bytes = 1, .seconds = 1});
  EXPECT_EQ(names.first(kNow), "05-");
  EXPECT_EQ(names.after_size(), "05-1");
  EXPECT_EQ(names.after_time(kNow + 1), "06-");
  EXPECT_EQ(names.after_size(), "06-1");
}

TEST_F(Savefiles, ByBothTheCountIsOfNumbersAndEndsNothing) {
  SavefileNames names("%S-", {.bytes = 1, .seconds = 1, .files = 2});
  EXPECT_EQ(names.first(kNow), "05-0");
  EXPECT_EQ(names.after_size(), "05-1");
  EXPECT_EQ(names.after_size(), "05-0");
  EXPECT_EQ(names.after_time(kNow + 1), "06-0");
  EXPECT_EQ(names.after_time(kNow + 2), "07-0");
  EXPECT_EQ(names.after_time(kNow + 3), "08-0");
}

TEST_F(Savefiles, WhatStrftimeCannotExpandStays) {
  EXPECT_EQ(SavefileNames("", {.seconds = 1}).first(kNow), "");
  EXPECT_EQ(SavefileNames("%%", {.seconds = 1}).first(kNow), "%");
}

}  // namespace
}  // namespace gray
