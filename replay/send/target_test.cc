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
                          "https://127.0.0.1",
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

TEST(Target, AConnectionsTargetIsSteadyAndTheySpread) {
  std::vector<int> counts(3, 0);
  for (std::uint64_t stream = 0; stream < 3000; ++stream) {
    const std::size_t target = target_of(stream, 3);
    ASSERT_LT(target, 3u);
    EXPECT_EQ(target_of(stream, 3), target);
    ++counts[target];
  }
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
  EXPECT_EQ(target_of(7, 1), 0u);
}

TEST(Target, TheMessageSaysWhatToDo) {
  try {
    Target::parse("https://canary.example");
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "target 'https://canary.example': https is not supported; point at the canary's "
                 "plain http port");
  }
}

}  // namespace
}  // namespace gray
