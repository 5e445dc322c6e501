#include "replay/send/target.h"

#include <gtest/gtest.h>

#include "userspace/base/errors.h"

namespace gray {
namespace {

TEST(Target, HostAndPort) {
  const struct {
    const char* url;
    const char* host;
    std::uint16_t port;
    const char* authority;
    const char* endpoint;
  } cases[] = {
      {"http://127.0.0.1", "127.0.0.1", 80, "127.0.0.1", "127.0.0.1:80"},
      {"http://127.0.0.1:80", "127.0.0.1", 80, "127.0.0.1", "127.0.0.1:80"},
      {"http://10.0.0.1:8080/", "10.0.0.1", 8080, "10.0.0.1:8080", "10.0.0.1:8080"},
      {"HTTP://127.0.0.1:1", "127.0.0.1", 1, "127.0.0.1:1", "127.0.0.1:1"},
      {"http://[::1]", "::1", 80, "[::1]", "[::1]:80"},
      {"http://[2001:db8::1]:65535", "2001:db8::1", 65535, "[2001:db8::1]:65535",
       "[2001:db8::1]:65535"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.url);
    const Target target = Target::parse(c.url);
    EXPECT_EQ(target.url, c.url);
    EXPECT_EQ(target.host, c.host);
    EXPECT_EQ(target.port, c.port);
    EXPECT_EQ(target.authority, c.authority);
    ASSERT_FALSE(target.endpoints.empty());
    EXPECT_EQ(target.endpoints[0].to_string(), c.endpoint);
  }
}

TEST(Target, NamesAreResolved) {
  const Target target = Target::parse("http://localhost:8080");
  ASSERT_FALSE(target.endpoints.empty());
  for (const Endpoint& endpoint : target.endpoints) {
    EXPECT_TRUE(endpoint.address.is_loopback());
    EXPECT_EQ(endpoint.port, 8080);
  }
}

TEST(Target, NonsenseIsRefused) {
  for (const char* url : {"",
                          "http://",
                          "http:///",
                          "127.0.0.1:80",
                          "localhost",
                          "ftp://127.0.0.1",
                          "h2://127.0.0.1",
                          "http://127.0.0.1,weight=0",
                          "http://127.0.0.1,weight=x",
                          "http://127.0.0.1,weight=1001",
                          "http://127.0.0.1/path",
                          "http://127.0.0.1?q=1",
                          "http://127.0.0.1#f",
                          "http://user:secret@127.0.0.1",
                          "http://127.0.0.1:",
                          "http://127.0.0.1:0",
                          "http://127.0.0.1:65536",
                          "http://127.0.0.1:8x",
                          "http://127.0.0.1:-1",
                          "http://[::1",
                          "http://[::1]8",
                          "http://[nonsense]",
                          "http://[]",
                          "http://::1",
                          "http://a b",
                          "http://a\r\nb",
                          "http://-x",
                          "http://no-such-host.invalid"}) {
    EXPECT_THROW(Target::parse(url), UsageError) << url;
  }
}

std::vector<int> spread(const std::vector<Target>& targets) {
  std::vector<int> counts(targets.size(), 0);
  for (std::uint64_t stream = 0; stream < 3000; ++stream) {
    const std::size_t target = target_of(stream, targets);
    EXPECT_EQ(target_of(stream, targets), target);
    ++counts.at(target);
  }
  return counts;
}

TEST(Target, AConnectionsTargetIsSteadyAndTheySpreadByWeight) {
  const Target one = Target::parse("http://127.0.0.1");
  const Target three = Target::parse("http://127.0.0.1:8080,weight=3");
  EXPECT_EQ(three.weight, 3u);
  EXPECT_EQ(three.authority, "127.0.0.1:8080");
  for (const int count : spread({one, one, one})) EXPECT_NEAR(count, 1000, 150);
  const std::vector<int> weighted = spread({three, one});
  EXPECT_NEAR(weighted[0], 2250, 150);
  EXPECT_NEAR(weighted[1], 750, 150);
  EXPECT_EQ(target_of(7, {one}), 0u);
}

TEST(Target, TheSchemeSaysWhatIsSpoken) {
  const Target plain = Target::parse("h2c://127.0.0.1");
  EXPECT_EQ(plain.wire, Wire::Http2);
  EXPECT_EQ(plain.port, 80);
  const Target secure = Target::parse("https://localhost/");
  EXPECT_EQ(secure.wire, Wire::Negotiated);
  EXPECT_EQ(secure.port, 443);
  EXPECT_EQ(secure.authority, "localhost");
  EXPECT_EQ(Target::parse("https://localhost:80").authority, "localhost:80");
}

TEST(Target, TheMessageSaysWhatToDo) {
  try {
    Target::parse("ws://canary.example");
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "target 'ws://canary.example': want http://, h2c:// or https://HOST[:PORT]");
  }
}

}  // namespace
}  // namespace gray
