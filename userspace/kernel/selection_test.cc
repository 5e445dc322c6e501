#include "userspace/kernel/selection.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "userspace/base/errors.h"

namespace gray {
namespace {

bool word_is(const std::uint32_t (&words)[4], const char* address) {
  const IpAddress expected = IpAddress::parse(address);
  return std::memcmp(words, expected.bytes.data(), 16) == 0;
}

TEST(MakeConfig, DefaultsMirrorEverything) {
  const gray_config config = make_config({});
  EXPECT_EQ(config.enabled, 1U);
  EXPECT_EQ(config.sample_max, ~0ULL);
  EXPECT_EQ(config.snaplen, 65535U);
  EXPECT_EQ(config.pass_unselected, 0U);
  EXPECT_EQ(config.proto_count + config.port_count + config.net_count + config.exclude_count, 0U);
}

TEST(MakeConfig, WritesPortsInNetworkOrder) {
  const gray_config config = make_config(
      {.selection = {.ports = {80, 443}, .excludes = {{IpAddress::parse("10.0.0.9"), 8080}}}});
  EXPECT_EQ(config.port_count, 2U);
  EXPECT_EQ(config.ports[0], htons(80));
  EXPECT_EQ(config.ports[1], htons(443));
  EXPECT_EQ(config.exclude_count, 1U);
  EXPECT_EQ(config.excludes[0].port, htons(8080));
  EXPECT_EQ(std::memcmp(config.excludes[0].addr, IpAddress::parse("10.0.0.9").bytes.data(), 16), 0);
}

TEST(MakeConfig, TurnsPrefixesIntoMasks) {
  const struct {
    const char *cidr, *address, *mask;
  } cases[] = {
      {"10.0.0.0/8", "::ffff:10.0.0.0", "ffff:ffff:ffff:ffff:ffff:ffff:ff00:0"},
      {"10.1.2.2/31", "::ffff:10.1.2.2", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"},
      {"10.1.2.3", "::ffff:10.1.2.3", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"0.0.0.0/0", "::ffff:0.0.0.0", "ffff:ffff:ffff:ffff:ffff:ffff:0:0"},
      {"2001:db8::/33", "2001:db8::", "ffff:ffff:8000::"},
      {"::/0", "::", "::"},
  };
  for (const auto& [cidr, address, mask] : cases) {
    SCOPED_TRACE(cidr);
    const gray_config config = make_config({.selection = {.nets = {Cidr::parse(cidr)}}});
    ASSERT_EQ(config.net_count, 1U);
    EXPECT_TRUE(word_is(config.nets[0].addr, address));
    EXPECT_TRUE(word_is(config.nets[0].mask, mask));
  }
}

TEST(MakeConfig, TakesFullListsAndRefusesLongerOnes) {
  const Cidr net = Cidr::parse("10.0.0.0/8");
  const Endpoint own{IpAddress::parse("10.0.0.1"), 1};
  Selection full;
  full.protos.assign(GRAY_MAX_PROTOS, 6);
  full.ports.assign(GRAY_MAX_PORTS, 80);
  full.nets.assign(GRAY_MAX_NETS, net);
  full.excludes.assign(GRAY_MAX_EXCLUDES, own);
  EXPECT_NO_THROW(make_config({.selection = full}));

  Selection longer = full;
  longer.protos.push_back(6);
  EXPECT_THROW(make_config({.selection = longer}), UsageError);
  longer = full;
  longer.ports.push_back(80);
  EXPECT_THROW(make_config({.selection = longer}), UsageError);
  longer = full;
  longer.nets.push_back(net);
  EXPECT_THROW(make_config({.selection = longer}), UsageError);
  longer = full;
  longer.excludes.push_back(own);
  EXPECT_THROW(make_config({.selection = longer}), UsageError);
}

TEST(MakeConfig, RefusesWhatCannotBe) {
  EXPECT_THROW(make_config({.selection = {.ports = {0}}}), UsageError);
  EXPECT_THROW(make_config({.selection = {.share = -0.1}}), UsageError);
  EXPECT_THROW(make_config({.selection = {.share = 1.1}}), UsageError);
  EXPECT_THROW(make_config({.selection = {.share = std::nan("")}}), UsageError);
  EXPECT_THROW(make_config({.snaplen = 0}), UsageError);
  EXPECT_THROW(make_config({.snaplen = 65536}), UsageError);
}

TEST(MakeConfig, SaysWhichPortsAreTunnels) {
  const gray_config config = make_config({.tunnels = {.depth = 2, .vxlan = {4790}, .gtp = {}}});
  EXPECT_EQ(config.tunnel_depth, 2U);
  ASSERT_EQ(config.tunnel_port_count, 4U);
  EXPECT_EQ(config.tunnel_ports[0].port, htons(4790));
  EXPECT_EQ(config.tunnel_ports[0].kind, GRAY_TUNNEL_VXLAN);
  EXPECT_EQ(config.tunnel_ports[0].either, 0);
  EXPECT_EQ(config.tunnel_ports[1].port, htons(6081));
  EXPECT_EQ(config.tunnel_ports[2].kind, GRAY_TUNNEL_TEREDO);
  EXPECT_EQ(config.tunnel_ports[3].either, 1);
  for (const int port : {4790, 6081, 3544, 5072})
    EXPECT_TRUE(config.tunnel_hint & GRAY_TUNNEL_BIT(port)) << port;
  EXPECT_FALSE(config.tunnel_hint & GRAY_TUNNEL_BIT(53));
}

TEST(MakeConfig, RefusesTunnelsThatCannotBe) {
  const std::vector<TunnelOptions> wrong = {
      {.depth = GRAY_MAX_TUNNEL_DEPTH + 1},
      {.vxlan = {0}},
      {.vxlan = {6081}},
      {.gtp = {3544}},
      {.geneve = {1, 1}},
      {.gtp = {1, 2, 3, 4, 5}},
  };
  for (const TunnelOptions& tunnels : wrong)
    EXPECT_THROW(make_config({.tunnels = tunnels}), UsageError);
  EXPECT_NO_THROW(make_config({.tunnels = {.depth = 0, .vxlan = {1, 2, 3, 4}, .geneve = {}}}));
}

TEST(KernelStage, NamesEveryDropAndBalances) {
  Counters counters{};
  for (std::size_t i = 0; i < counters.size(); ++i) counters[i] = i + 1;
  std::uint64_t dropped = 0;
  for (std::size_t id = GRAY_DISABLED; id <= GRAY_COPY_FAILED; ++id) dropped += counters[id];
  counters[GRAY_CAPTURED] = 1000;
  counters[GRAY_SEEN] = 1000 + dropped;

  Ledger ledger;
  ledger.add(kernel_stage("xdp", counters));
  EXPECT_TRUE(ledger.balanced());
  EXPECT_EQ(ledger.stages()[0].name, "xdp");
  EXPECT_EQ(ledger.stages()[0].out, 1000U);
  EXPECT_EQ(ledger.stages()[0].drops.size(), 11U);
  EXPECT_EQ(ledger.drop("xdp", "filtered"), counters[GRAY_FILTERED]);
  EXPECT_EQ(ledger.drop("xdp", "odd_runt"), 0U);
  EXPECT_EQ(ledger.lost(), counters[GRAY_NO_SOCKET] + counters[GRAY_TOO_LONG] +
                               counters[GRAY_NO_META] + counters[GRAY_RING_FULL] +
                               counters[GRAY_COPY_FAILED]);
  counters[GRAY_SEEN] += 1;
  EXPECT_FALSE(kernel_stage("xdp", counters).balanced());
}

}  // namespace
}  // namespace gray
