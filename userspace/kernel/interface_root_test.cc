#include "userspace/kernel/interface.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "userspace/base/errors.h"
#include "userspace/lab/lab.h"

namespace gray {
namespace {

class InterfaceTest : public ::testing::Test {
 protected:
  void SetUp() override { lab_.link(a_, "va", b_, "vb", {.queues = 3, .mtu = 1400}); }

  InterfaceFacts facts(const std::string& name) {
    InterfaceFacts result;
    a_.enter([&] { result = read_interface(name); });
    return result;
  }

  Lab lab_;
  Namespace& a_ = lab_.ns_with_ipv6("a");
  Namespace& b_ = lab_.ns("b");
};

TEST_F(InterfaceTest, AVethIsDescribed) {
  const InterfaceFacts va = facts("va");
  EXPECT_EQ(va.name, "va");
  EXPECT_GT(va.index, 0u);
  EXPECT_EQ(va.driver, "veth");
  EXPECT_EQ(va.mtu, 1400u);
  EXPECT_EQ(va.rx_queues, 3u);
  EXPECT_TRUE(va.up);
  EXPECT_FALSE(va.loopback);
  EXPECT_EQ(va.xdp_program, 0u);
  EXPECT_TRUE(va.addresses.empty());
  EXPECT_TRUE(va.routes.empty());
}

TEST_F(InterfaceTest, LoopbackIsKnown) {
  const InterfaceFacts lo = facts("lo");
  EXPECT_TRUE(lo.loopback);
  ASSERT_FALSE(lo.addresses.empty());
  EXPECT_EQ(lo.addresses[0].to_string(), "127.0.0.1");
}

TEST_F(InterfaceTest, AddressesAndRoutesAreThoseOfThisInterface) {
  lab_.address("va", "10.1.0.1/24");
  a_.must_run({"ip", "address", "add", "2001:db8::1/64", "dev", "va", "nodad"});
  a_.must_run({"ip", "route", "add", "192.0.2.0/24", "via", "10.1.0.2"});
  a_.must_run({"ip", "-6", "route", "add", "default", "via", "2001:db8::2"});
  const InterfaceFacts va = facts("va");
  ASSERT_EQ(va.addresses.size(), 2u);
  EXPECT_EQ(va.addresses[0].to_string(), "10.1.0.1");
  EXPECT_EQ(va.addresses[1].to_string(), "2001:db8::1");
  std::vector<std::string> routes = va.routes;
  std::sort(routes.begin(), routes.end());
  EXPECT_EQ(routes,
            (std::vector<std::string>{"10.1.0.0/24", "192.0.2.0/24", "2001:db8::/64", "default"}));
  EXPECT_TRUE(facts("lo").routes.empty());
}

TEST_F(InterfaceTest, ARouteWithSeveralNextHopsIsFound) {
  a_.must_run({"ip", "link", "set", "va", "up"});
  a_.must_run(
      {"ip", "route", "add", "198.51.100.0/24", "nexthop", "dev", "lo", "nexthop", "dev", "va"});
  EXPECT_EQ(facts("va").routes, (std::vector<std::string>{"198.51.100.0/24"}));
}

TEST_F(InterfaceTest, WhatIsNotThereIsTheUsersMistake) {
  EXPECT_THROW(facts("nope"), UsageError);
  EXPECT_THROW(facts(""), UsageError);
  EXPECT_THROW(facts("vb"), UsageError) << "it is in another namespace";
}

TEST_F(InterfaceTest, NamesAreListedByIndex) {
  std::vector<std::string> names;
  a_.enter([&] { names = interface_names(); });
  ASSERT_GE(names.size(), 2u);
  EXPECT_EQ(names.front(), "lo");
  EXPECT_EQ(std::count(names.begin(), names.end(), "va"), 1);
}

}  // namespace
}  // namespace gray
