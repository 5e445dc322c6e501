// What is one endpoint, and what is counted of it.
#include "tools/grayxdp/endpoint_stats.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "replay/gate/endpoint.h"

namespace gray {
namespace {

TEST(EndpointStats, PathTemplates) {
  const std::pair<const char*, const char*> cases[] = {
      {"/", "/"},
      {"/a/b?c=1", "/a/b"},
      {"/users/17/orders/0042/", "/users/{n}/orders/{n}/"},
      {"/o/6f1c1c1e-1b2a-4c3d-8e4f-5a6b7c8d9e0f", "/o/{uuid}"},
      {"/blob/deadbeef01?x", "/blob/{hex}"},
      {"/facade/deadbeef/v1", "/facade/deadbeef/v1"},
      {"http://h.example:81/n/5", "/n/{n}"},
      {"http://h.example", "/"},
      {"h.example:443", "h.example:443"},
      {"*", "*"},
      {"", "/"},
      {"/#/x", "/"},
  };
  for (const auto& [target, path] : cases) EXPECT_EQ(path_template(target), path) << target;
  EXPECT_LE(path_template(std::string(100'000, '/')).size(), 260U);
}

Exchange exchange(const std::string& target, int status, std::uint64_t latency) {
  Exchange e;
  e.request.method = "GET";
  e.request.target = target;
  e.request.body_bytes = 1;
  e.request.last_byte_ns = 1'000;
  if (status == 0) return e;
  e.response.emplace();
  e.response->status = status;
  e.response->body_bytes = 10;
  e.response->first_byte_ns = 1'000 + latency;
  return e;
}

TEST(EndpointStats, CountsByClassAndTime) {
  EndpointStats stats;
  for (int i = 0; i < 98; ++i) stats.add(exchange("/a/" + std::to_string(i), 200, 1'000'000));
  for (int i = 0; i < 2; ++i) stats.add(exchange("/a/0", 503, 50'000'000));
  stats.add(exchange("/b", 0, 0));
  std::ostringstream out;
  stats.print_json(out);
  std::istringstream lines(out.str());
  std::string line;
  std::getline(lines, line);
  const auto a = nlohmann::json::parse(line);
  EXPECT_EQ(a["endpoint"], "GET /a/{n}");
  EXPECT_EQ(a["count"], 100);
  EXPECT_EQ(a["status"]["2xx"], 98);
  EXPECT_EQ(a["status"]["5xx"], 2);
  EXPECT_EQ(a["request_bytes"], 100);
  EXPECT_EQ(a["response_bytes"], 1000);
  EXPECT_NEAR(a["latency_ns"]["p50"].get<double>(), 1e6, 5e4);
  EXPECT_NEAR(a["latency_ns"]["p99"].get<double>(), 5e7, 25e5);
  std::getline(lines, line);
  const auto b = nlohmann::json::parse(line);
  EXPECT_EQ(b["status"]["none"], 1);
  EXPECT_TRUE(b["latency_ns"].is_null());
}

TEST(EndpointStats, AnAnswerBeforeTheEndOfItsRequestIsNotTimed) {
  EndpointStats stats;
  Exchange early = exchange("/a", 413, 0);
  early.request.last_byte_ns = early.response->first_byte_ns + 1;
  stats.add(early);
  for (int i = 0; i < 2; ++i) stats.add(exchange("/a", 200, 1'000'000));
  std::ostringstream out;
  stats.print_json(out);
  const auto a = nlohmann::json::parse(out.str());
  EXPECT_EQ(a["count"], 3);
  EXPECT_NEAR(a["latency_ns"]["p50"].get<double>(), 1e6, 5e4);
}

TEST(EndpointStats, ManyEndpointsAreBounded) {
  EndpointStats stats;
  for (int i = 0; i < 11'000; ++i) stats.add(exchange("/x" + std::to_string(i) + "y", 200, 5));
  std::ostringstream out;
  stats.print_json(out);
  const std::string text = out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 10'001);
  EXPECT_EQ(text.find("{\"endpoint\":\"(other)\",\"count\":1000,"), 0U);
}

}  // namespace
}  // namespace gray
