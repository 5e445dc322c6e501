#include "replay/scrub/finding.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "replay/scrub/numbers.h"

namespace gray {
namespace {

std::string found_in(const std::string& text) {
  constexpr const char* kNames[] = {"opaque", "mobile", "phone", "id", "imsi", "card", "email"};
  std::vector<Finding> findings;
  find_secrets(text, findings);
  std::string result;
  for (const Finding& finding : findings) {
    if (!result.empty()) result += " ";
    result += std::string(kNames[static_cast<int>(finding.kind)]) + "[" +
              text.substr(finding.begin, finding.end - finding.begin) + "]";
  }
  return result;
}

struct Case {
  const char* text;
  const char* found;
};

const Case kSecrets[] = {
    {"13812345678", "mobile[13812345678]"},
    {"tel:13812345678.", "mobile[13812345678]"},
    {"电话13812345678，谢谢", "mobile[13812345678]"},
    {"tel13812345678", "mobile[13812345678]"},
    {"138-1234-5678", "mobile[138-1234-5678]"},
    {"138 1234 5678", "mobile[138 1234 5678]"},
    {"138 12345678", "mobile[138 12345678]"},
    {"+8613812345678", "mobile[+8613812345678]"},
    {"+86 138 1234 5678 at 9", "mobile[+86 138 1234 5678]"},
    {"8613812345678", "mobile[8613812345678]"},
    {"86-13812345678", "mobile[86-13812345678]"},
    {"008613812345678", "mobile[008613812345678]"},
    {"2024-01-02 13812345678", "mobile[13812345678]"},
    {"13812345678 13987654321", "mobile[13812345678] mobile[13987654321]"},
    {"1.13812345678\n2.13987654321", "mobile[13812345678] mobile[13987654321]"},
    {"+14155552671", "phone[+14155552671]"},
    {"+1 (415) 555-2671 x", "phone[+1 (415) 555-2671]"},
    {"+44 20 7946 0958", "phone[+44 20 7946 0958]"},
    {"11010519491231002X", "id[11010519491231002X]"},
    {"11010519491231002x!", "id[11010519491231002x]"},
    {"440524188001010014", "id[440524188001010014]"},
    {"110105 19491231 002X", "id[110105 19491231 002X]"},
    {"130503670401001", "id[130503670401001]"},
    {"460001234567890", "imsi[460001234567890]"},
    {"imsi-208930000000003", "imsi[208930000000003]"},
    {"4111111111111111", "card[4111111111111111]"},
    {"4111 1111 1111 1111", "card[4111 1111 1111 1111]"},
    {"5500-0000-0000-0004", "card[5500-0000-0000-0004]"},
    {"3782 822463 10005", "card[3782 822463 10005]"},
    {"6222021234567890128", "card[6222021234567890128]"},
    {"30569309025904", "card[30569309025904]"},
    {"zhang.san+x@mail.example.com.cn,", "email[zhang.san+x@mail.example.com.cn]"},
    {"邮箱:a@b.io", "email[a@b.io]"},
    {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
     "opaque[eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl]"},
    {"Bearer abcdef0123456789", "opaque[abcdef0123456789]"},
    {"bearer%20abcdef0123456789==", "opaque[abcdef0123456789==]"},
    {"AKIAIOSFODNN7EXAMPLE", "opaque[AKIAIOSFODNN7EXAMPLE]"},
    {"https://user:pa55@host/x", "opaque[user:pa55]"},
    {"/cb?access_token=a.b-c&x=1", "opaque[a.b-c]"},
    {"password=\"two words\" x", "opaque[two words]"},
    {R"({"password":"hunter2","n":1)", "opaque[hunter2]"},
    {R"({"password": "a\"b", "n":1})", R"(opaque[a\"b])"},
    {R"({\"clientSecret\":\"abc\",)", "opaque[abc]"},
    {R"("pin": 1234, "n": 5)", "opaque[1234]"},
    {"<password>hunter2</password>", "opaque[hunter2]"},
    {"<s:apiKey id=\"1\"><![CDATA[k3y]]></s:apiKey>", "opaque[k3y]"},
    {"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "opaque[\nMIIE\n]"},
};

const Case kHarmless[] = {
    {"", ""},
    {"12812345678 22345678901", ""},  // 11 digits, no mobile prefix
    {"1381234567 138123456789", ""},  // 10 and 12 digits
    {"1700000000 1700000000000 1700000000000000 1700000000000000000", ""},  // timestamps
    {"2024-01-02T13:14:15.123456789Z", ""},
    {"20240102131415 202401021314151234", ""},  // order numbers by date
    {"4111111111111112", ""},                   // Luhn is wrong
    {"9111111111111111", ""},                   // no issuer
    {"110105194912310021", ""},                 // check digit is wrong
    {"11010519491331002X", ""},                 // no such month
    {"0.13812345678 121.13812345678", ""},      // fractions
    {"3f13812345678ab", ""},                    // a hash
    {"550e8400-e29b-41d4-a716-446655440000", ""},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", ""},
    {"v1.2.3 10.0.0.1:8080 192.168.100.200", ""},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/119.0.0.0 Safari/537.36", ""},
    {"a@b user@localhost @someone x@1.2", ""},
    {"bearer of news, basic income", ""},
    {"the token: it is here; token", ""},
    {"max_tokens=100&page_token=abc&tokenizer=x", ""},
    {"?code=200&status=1&key=abc", ""},
    {"1+25555555555", ""},
    {"98765432109876543210987654321", ""},
    {"eyJ.x eyJhbGci", ""},
    {"http://host/path@2x.png /npm/vue@3.2.1/dist/vue.js", ""},
};

TEST(FindSecrets, FindsWhatIsSecret) {
  for (const Case& c : kSecrets) EXPECT_EQ(found_in(c.text), c.found) << c.text;
}

TEST(FindSecrets, LeavesWhatIsNot) {
  for (const Case& c : kHarmless) EXPECT_EQ(found_in(c.text), c.found) << c.text;
}

TEST(FindSecrets, FindingsAreInOrderAndInTheText) {
  std::mt19937 random(1);
  const std::string alphabet = "0123456789138@=:\"<>+- .xX/%eyJtokenBearer&";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto i = random() % 60; i > 0; --i) text += alphabet[random() % alphabet.size()];
    std::vector<Finding> findings;
    find_secrets(text, findings);
    std::size_t end = 0;
    for (const Finding& finding : findings) {
      ASSERT_LE(end, finding.begin) << text;
      ASSERT_LT(finding.begin, finding.end) << text;
      end = finding.end;
    }
    ASSERT_LE(end, text.size()) << text;
  }
}

TEST(Numbers, CheckDigits) {
  EXPECT_EQ(luhn_digit("7992739871"), '3');
  EXPECT_EQ(identity_check("11010519491231002"), 'X');
  EXPECT_EQ(identity_check("44052418800101001"), '4');
}

}  // namespace
}  // namespace gray
