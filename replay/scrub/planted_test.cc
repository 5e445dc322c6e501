// Secrets planted in every place and every encoding: whoever reads what leaves, raw or decoded,
// finds none of them. And noise: whatever the bytes, scrubbing ends, and what it lets through is
// whole.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "replay/content/base64.h"
#include "replay/scrub/encoded.h"
#include "replay/scrub/scrubber.h"
#include "replay/scrub/scrubber_for_test.h"

namespace gray {
namespace {

const char* const kSecrets[] = {
    "13812345678",
    "11010519491231002X",
    "4111111111111111",
    "6222021234567890128",
    "zhang.san@example.com",
    "+14155552671",
    "460001234567890",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlMTIz",
};

std::string percent_all(std::string_view text) {
  std::string result;
  char buffer[8];
  for (const char c : text) {
    std::snprintf(buffer, sizeof buffer, "%%%02x", static_cast<unsigned char>(c));
    result += buffer;
  }
  return result;
}

std::string escape_all(std::string_view text) {
  std::string result;
  char buffer[8];
  for (const char c : text) {
    std::snprintf(buffer, sizeof buffer, "\\u%04X", static_cast<unsigned char>(c));
    result += buffer;
  }
  return result;
}

std::string unescape(std::string text) {
  for (std::size_t at = text.find("\\u00"); at != text.npos; at = text.find("\\u00", at + 1))
    text.replace(at, 6, 1,
                 static_cast<char>(std::strtol(text.substr(at + 4, 2).c_str(), nullptr, 16)));
  return text;
}

std::string json_strings(const nlohmann::json& json) {
  std::string result;
  if (json.is_object())
    for (const auto& [key, value] : json.items()) result += key + "\n" + json_strings(value);
  else if (json.is_array())
    for (const auto& value : json) result += json_strings(value);
  else
    result += (json.is_string() ? json.get<std::string>() : json.dump()) + "\n";
  return result;
}

/// All that leaves, as it is and decoded in every way that a reader might.
std::string everything(const Request& request) {
  std::string text = request.target + "\n" + request.authority + "\n" + request.body + "\n";
  for (const Headers* headers : {&request.headers, &request.trailers})
    for (const Header& header : *headers) text += header.name + ": " + header.value + "\n";
  const auto json = nlohmann::json::parse(request.body, nullptr, false);
  if (!json.is_discarded()) text += json_strings(json);
  for (int i = 0; i < 3; ++i) text += "\n" + unescape(percent_decode(text));
  const std::size_t basic = text.find("Basic ");
  if (basic != std::string::npos) {
    const std::size_t begin = basic + 6;
    text += base64_decode(text.substr(begin, text.find('\n', begin) - begin)).value_or("");
  }
  return text;
}

std::vector<Request> planted(const std::string& secret) {
  std::vector<Request> requests;
  const auto with_target = [&](const std::string& target) {
    requests.emplace_back().target = target;
  };
  const std::string all = percent_all(secret);
  for (const std::string& written :
       {percent_encode(secret), all, percent_encode(all), percent_encode(percent_encode(all))}) {
    with_target("/a/" + written + "/b?x=1");
    with_target("/a?x=" + written + "&y=2");
    with_target("/a?" + written);
    with_target("/a?" + written + "=1");
    with_target("/a;v=" + written + "/b");
    with_target("http://host/" + written);
    requests.push_back(post("application/x-www-form-urlencoded", "a=1&x=" + written));
    for (const char* name : {"Referer", "X-Original-URL", "X-Anything"}) {
      with_target("/");
      requests.back().headers.push_back({name, "http://h/p?x=" + written});
    }
  }
  for (const char* name : {"X-User", "From", "User-Agent", "X-Api-Key", "Via", "X-Csrf-Token"}) {
    with_target("/");
    requests.back().headers.push_back({name, "v " + secret + ", z"});
    requests.back().trailers.push_back({name, secret});
  }
  for (const std::string scheme : {"Bearer ", "Digest username=\"", "Token ", ""}) {
    with_target("/");
    requests.back().headers.push_back({"Authorization", scheme + secret});
  }
  with_target("/");
  requests.back().headers.push_back({"Authorization", "Basic " + base64_encode("u:" + secret)});
  requests.back().headers.push_back(
      {"Cookie", "a=" + secret + "; b=\"" + secret + "\"; " + secret});
  const std::string escaped = escape_all(secret);
  for (const std::string& written : {secret, escaped}) {
    const std::string body = "{\"a\":[\"" + written + "\",\"x " + written + " y\"],\"" + written +
                             "\":{\"b\":\"http://u@h/?q=" + written + "\"}}";
    requests.push_back(post("application/json", body));
    requests.push_back(post("text/plain", body));
    requests.push_back(post("application/json", nlohmann::json({{"doc", body}}).dump()));
    requests.push_back(post("application/x-www-form-urlencoded", "j=" + percent_encode(body)));
  }
  requests.push_back(post("text/xml", "<a b=\"" + secret + "\">" + secret + "</a>"));
  requests.push_back(post("text/csv", "1," + secret + ",2\n" + secret + "\n"));
  requests.push_back(post("multipart/form-data; boundary=b",
                          "--b\r\nContent-Disposition: form-data; name=\"x\"; filename=\"" +
                              secret + "\"\r\n\r\n" + secret + "\r\n--b--\r\n"));
  return requests;
}

TEST(Planted, NoSecretLeaves) {
  const Scrubber scrubber = Scrubber::builtin();
  int planted_count = 0;
  for (const std::string secret : kSecrets) {
    for (const Request& before : planted(secret)) {
      Request request = before;
      ASSERT_NE(everything(before).find(secret), std::string::npos) << "the test finds nothing";
      EXPECT_EQ(scrubber.scrub(request), nullptr) << before.target << before.body;
      EXPECT_EQ(everything(request).find(secret), std::string::npos)
          << secret << " in\n"
          << everything(before) << "gave\n"
          << everything(request);
      ++planted_count;
    }
  }
  EXPECT_GT(planted_count, 500);
}

TEST(Planted, NumbersInJsonAreScrubbedAndStayNumbers) {
  const Scrubber scrubber = Scrubber::builtin();
  for (const char* number : {"13812345678", "4111111111111111", "6222021234567890128",
                             "440524188001010014", "460001234567890"}) {
    Request request = post("application/json", "{\"n\":" + std::string(number) + "}");
    const std::size_t size = request.body.size();
    ASSERT_EQ(scrubber.scrub(request), nullptr);
    EXPECT_EQ(request.body.find(number), std::string::npos);
    EXPECT_EQ(request.body.size(), size);
    EXPECT_TRUE(nlohmann::json::parse(request.body)["n"].is_number_integer());
  }
  for (const char* number : {"1.3812345678E10", "1.3812345678e+10", "13812345678.0"}) {
    Request request = post("application/json", "[" + std::string(number) + "]");
    ASSERT_EQ(scrubber.scrub(request), nullptr);
    EXPECT_NE(nlohmann::json::parse(request.body)[0].get<double>(), 13812345678.0);
  }
}

std::string mutate(std::string text, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  for (std::size_t i = 1 + below(4); i > 0 && !text.empty(); --i) {
    const std::size_t at = below(text.size());
    switch (below(5)) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.erase(at, 1 + below(8));
        break;
      case 2:
        text.insert(at, text.substr(below(text.size()), below(20)));
        break;
      case 3:
        text.insert(at, 1, "{}[]\",:\\%&=;<>@-+u0\r\n"[below(22)]);
        break;
      default:
        text.resize(at);
        break;
    }
  }
  return text;
}

TEST(Noise, ScrubbingEndsAndWhatItLetsThroughIsWhole) {
  const Scrubber scrubber = scrubber_with(
      "    - {field: json.$..b, action: drop}\n    - {field: form.x, action: drop}\n"
      "    - {pattern: '[0-9]{5}', action: mask}\n");
  std::mt19937 random(7);
  for (int round = 0; round < 40; ++round) {
    for (const Request& seed : planted(kSecrets[round % 9])) {
      Request request = seed;
      request.target = mutate(request.target, random);
      request.body = mutate(request.body, random);
      for (Header& header : request.headers) header.value = mutate(header.value, random);
      const bool json = nlohmann::json::accept(request.body);
      const std::string before = request.body;
      const char* refused = scrubber.scrub(request);
      const std::string* length = find_header(request.headers, "content-length");
      if (!refused && length) {
        EXPECT_EQ(*length, std::to_string(request.body.size()));
      }
      if (!refused && json) {
        EXPECT_TRUE(nlohmann::json::accept(request.body)) << before;
      }
      scrubber.scrub_value("body", before);
      scrubber.scrub_value("json.$.a", before);
      scrubber.scrub_value("header.location", request.target);
    }
  }
}

}  // namespace
}  // namespace gray
