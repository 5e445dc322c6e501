#include "replay/scrub/redact.h"

#include <gtest/gtest.h>

#include <set>

#include "replay/scrub/chars.h"

namespace gray {
namespace {

constexpr Treatment kTokenize{Action::Tokenize};

std::string shape(const std::string& text) {
  std::string result;
  for (const char c : text) result += is_digit(c) ? '0' : is_lower(c) ? 'a' : is_upper(c) ? 'A' : c;
  return result;
}

TEST(Redactor, TokensKeepTheFormAndNothingElse) {
  const Redactor redactor(std::string(32, 'k'));
  const char* const kValues[] = {
      "hunter2",  "Passw0rd-With.Marks", "deadBEEF01",      "13812345678", "+86 138-1234-5678",
      "x",        "4111111111111111",    "joe.doe@x.co.uk", "7",           "130503670401001",
      "eyJhb.Zz", "460001234567890",     "+44 20 7946 0958"};
  for (const char* value : kValues) {
    const std::string token = redactor.redact(kTokenize, value);
    EXPECT_EQ(shape(token), shape(value)) << value;
    EXPECT_NE(token, value);
    EXPECT_EQ(token, redactor.redact(kTokenize, value));
  }
}

TEST(Redactor, TokensOfAKindAreOfThatKind) {
  const Redactor redactor(std::string(32, 'k'));
  for (const char* value : {"13812345678", "4111111111111111", "11010519491231002X",
                            "440524188001010014", "joe@x.com", "460001234567890"}) {
    const std::string token = redactor.redact(kTokenize, value);
    EXPECT_EQ(kind_of(token), kind_of(value)) << value;
  }
}

TEST(Redactor, OneSecretHasOneTokenHoweverItIsWritten) {
  const Redactor redactor(std::string(32, 'k'));
  const std::string plain = redactor.redact(kTokenize, "13812345678");
  const std::string dashes = redactor.redact(kTokenize, "138-1234-5678");
  EXPECT_EQ(dashes, plain.substr(0, 3) + "-" + plain.substr(3, 4) + "-" + plain.substr(7));
  EXPECT_EQ(redactor.redact(kTokenize, "+86 13812345678"), "+86 " + plain);
  EXPECT_EQ(redactor.redact_number(kTokenize, "13812345678"), plain);
}

TEST(Redactor, AnotherKeyGivesOtherTokensAndHashes) {
  const Redactor one(std::string(32, 'k')), other(std::string(32, 'l'));
  EXPECT_NE(one.redact(kTokenize, "hunter2hunter2"), other.redact(kTokenize, "hunter2hunter2"));
  EXPECT_NE(one.redact({Action::Hash}, "a"), other.redact({Action::Hash}, "a"));
}

TEST(Redactor, TokensSpread) {
  const Redactor redactor(std::string(32, 'k'));
  std::set<std::string> tokens;
  for (int i = 0; i < 10'000; ++i)
    tokens.insert(redactor.redact(kTokenize, "user-session-" + std::to_string(i)));
  EXPECT_EQ(tokens.size(), 10'000u);
}

TEST(Redactor, OtherActions) {
  const Redactor redactor(std::string(32, 'k'));
  EXPECT_EQ(redactor.redact({Action::Mask, 3, 4}, "13812345678"), "138****5678");
  EXPECT_EQ(redactor.redact({Action::Mask, 1, 0}, "张三丰"), "张**");
  EXPECT_EQ(redactor.redact({Action::Mask, 0, 0}, "abc"), "***");
  EXPECT_EQ(redactor.redact({Action::Mask, 3, 4}, "1234567"), "*******");  // else all were kept
  EXPECT_EQ(redactor.redact({Action::Mask, 1000, 1000}, "ab"), "**");
  EXPECT_EQ(redactor.redact({Action::Drop}, "abc"), "");
  EXPECT_EQ(redactor.redact({Action::Keep}, "abc"), "abc");
  // printf habc | openssl dgst -sha256 -mac HMAC -macopt key:$(printf 'k%.0s' {1..32})
  EXPECT_EQ(redactor.redact({Action::Hash}, "abc"), "f3f6d0a5dd856d6ade7cff02ad9acc30");
  // Part of the interface: tokens of one key file join with those of older runs.
  EXPECT_EQ(redactor.redact(kTokenize, "Hunter2-x"), "Sepywg2-a");
}

TEST(Redactor, NumbersStayNumbers) {
  const Redactor redactor(std::string(32, 'k'));
  EXPECT_EQ(redactor.redact_number({Action::Mask, 3, 4}, "13812345678"), "13899995678");
  EXPECT_EQ(redactor.redact_number({Action::Mask, 0, 0}, "-1.50"), "-9.99");
  EXPECT_EQ(redactor.redact_number({Action::Drop}, "1"), "null");
  EXPECT_EQ(redactor.redact_number({Action::Hash}, "1").size(), 34u);
  for (int i = 10; i < 1000; ++i) {
    const std::string number = std::to_string(i);
    const std::string token = redactor.redact_number(kTokenize, number);
    EXPECT_EQ(token.size(), number.size());
    EXPECT_NE(token.front(), '0') << number;
  }
  const std::string token = redactor.redact_number(kTokenize, "-12.5e+10");
  EXPECT_EQ(shape(token), "-00.0a+00");
  EXPECT_TRUE(token.ends_with("e+10"));
}

TEST(Redactor, SecretsOfMarksOrOtherScriptsDoNotStay) {
  const Redactor redactor(std::string(32, 'k'));
  for (const std::string value : {"!!!###", "密码是你好", "пароль", "\xff\xfe\xfd", "😀😀"}) {
    const std::string token = redactor.redact(kTokenize, value);
    EXPECT_EQ(token.size(), value.size());
    EXPECT_NE(token, value);
  }
}

}  // namespace
}  // namespace gray
