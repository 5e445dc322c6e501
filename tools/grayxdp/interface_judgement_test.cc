#include <gtest/gtest.h>

#include <algorithm>

#include "tools/grayxdp/interface_report.h"

namespace gray {
namespace {

// A dedicated port whose driver has all.
InterfaceReport good() {
  InterfaceReport report;
  report.facts.name = "eth1";
  report.facts.index = 2;
  report.facts.driver = "mlx5_core";
  report.facts.mtu = 1500;
  report.facts.rx_queues = 4;
  report.facts.up = true;
  report.facts.ethernet = true;
  report.channels = {.rx = 4, .tx = 4, .rx_max = 8, .combined = true};
  report.rss = Rss{.entries = 128, .queues = 4, .symmetric = true};
  report.offloads = {{"gro", true, false}, {"lro", false, false}, {"rxvlan", false, false}};
  report.clock = {.index = 1, .stamps_rx = true, .stamps_all = true, .stamps_tx = true};
  report.xdp = {.known = true,
                .native = true,
                .redirect = true,
                .ndo_xmit = true,
                .zero_copy = true,
                .multi_buffer = true,
                .zero_copy_segments = 8,
                .rx_timestamp = true,
                .rx_hash = true,
                .rx_vlan = true,
                .tx_timestamp = true};
  report.kernel_has_tcx = true;
  return report;
}

ModeReport mode_of(const InterfaceReport& report, const std::string& name) {
  for (const ModeReport& mode : judge_modes(report))
    if (mode.mode == name) return mode;
  ADD_FAILURE() << "no mode " << name;
  return {};
}

Probe probe_of(const InterfaceReport& report, const std::string& name) {
  for (const Probe& probe : judge_interface(report))
    if (probe.name == name) return probe;
  ADD_FAILURE() << "no probe " << name;
  return {};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Judgement, AGoodPortCanDoEverything) {
  for (const ModeReport& mode : judge_modes(good())) EXPECT_TRUE(mode.usable) << mode.mode;
  for (const Probe& probe : judge_interface(good())) EXPECT_TRUE(probe.ok) << probe.name;
  EXPECT_TRUE(has(mode_of(good(), "tap").how, "zero-copy"));
  EXPECT_TRUE(has(mode_of(good(), "tap").accuracy, "card"));
  EXPECT_TRUE(has(mode_of(good(), "host").how, "tcx"));
  EXPECT_TRUE(has(probe_of(good(), "clock").found, "/dev/ptp1"));
}

struct Refusal {
  const char* sentence;
  void (*make)(InterfaceReport& report);
  const char* why;
  const char* mend;
};

class TapRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(TapRefuses, WithTheReasonAndWhatMendsIt) {
  InterfaceReport report = good();
  GetParam().make(report);
  const ModeReport tap = mode_of(report, "tap");
  EXPECT_FALSE(tap.usable);
  ASSERT_EQ(tap.refusals.size(), 1u);
  ASSERT_EQ(tap.mend.size(), 1u);
  EXPECT_TRUE(has(tap.refusals[0], GetParam().why)) << tap.refusals[0];
  EXPECT_TRUE(has(tap.mend[0], GetParam().mend)) << tap.mend[0];
}

const Refusal kRefusals[] = {
    {"it is down", [](InterfaceReport& r) { r.facts.up = false; }, "down", "ip link set eth1 up"},
    {"it has an address", [](InterfaceReport& r) { r.facts.addresses.push_back(IpAddress{}); },
     "address", "--mode host"},
    {"it carries a route", [](InterfaceReport& r) { r.facts.routes.emplace_back("default"); },
     "route", "--force"},
    {"another program is there",
     [](InterfaceReport& r) {
       r.programs.push_back({"xdp native", 7, "firewall"});
     },
     "7", "xdp off"},
    {"a dispatcher is there",
     [](InterfaceReport& r) {
       r.programs.push_back({"xdp native", 7, "xdp_dispatcher"});
     },
     "7", "--with-dispatcher"},
    {"no Ethernet", [](InterfaceReport& r) { r.facts.ethernet = false; }, "Ethernet", "below"},
    {"long frames for one buffer",
     [](InterfaceReport& r) {
       r.facts.mtu = 9000;
       r.xdp.multi_buffer = false;
     },
     "9000", "ip link set eth1 mtu"},
};

INSTANTIATE_TEST_SUITE_P(Table, TapRefuses, testing::ValuesIn(kRefusals),
                         [](const testing::TestParamInfo<Refusal>& refusal) {
                           std::string name = refusal.param.sentence;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

TEST(Judgement, TcProgramsAreNotInTheWayOfATap) {
  InterfaceReport report = good();
  report.programs.push_back({"tcx ingress", 8, "cil_from_netdev"});
  EXPECT_TRUE(mode_of(report, "tap").usable);
  EXPECT_TRUE(has(probe_of(report, "programs").found, "tcx ingress 8 cil_from_netdev"));
}

TEST(Judgement, LongFramesComeInSeveralBuffers) {
  InterfaceReport report = good();
  report.facts.mtu = 9000;
  EXPECT_TRUE(mode_of(report, "tap").usable);
  EXPECT_TRUE(has(mode_of(report, "tap").how, "several buffers"));
}

TEST(Judgement, WhatTheDriverHasNotIsSaid) {
  InterfaceReport report = good();
  report.xdp.zero_copy = false;
  EXPECT_FALSE(has(mode_of(report, "tap").how, "zero-copy"));
  EXPECT_TRUE(has(probe_of(report, "xdp").found, "no zero-copy"));
  report.xdp = {.known = true};
  EXPECT_TRUE(has(mode_of(report, "tap").how, "generic"));
  EXPECT_FALSE(probe_of(report, "xdp").ok);
}

TEST(Judgement, AnOldKernelThatDoesNotTellIsNoRefusal) {
  InterfaceReport report = good();
  report.xdp = {};
  report.kernel_has_tcx = false;
  EXPECT_TRUE(mode_of(report, "tap").usable);
  EXPECT_TRUE(has(mode_of(report, "tap").how, "if the driver"));
  EXPECT_TRUE(has(mode_of(report, "host").how, "clsact"));
  EXPECT_TRUE(has(probe_of(report, "xdp").found, "does not tell"));
}

TEST(Judgement, TimesAreOnlyAsGoodAsTheClock) {
  InterfaceReport report = good();
  report.clock = {};
  EXPECT_FALSE(has(mode_of(report, "tap").accuracy, "card"));
  EXPECT_EQ(probe_of(report, "clock").found, "none");
}

TEST(Judgement, OffloadsThatHideTheWireAreMended) {
  InterfaceReport report = good();
  report.offloads[1].on = true;
  report.offloads[2].on = true;
  EXPECT_TRUE(has(probe_of(report, "offloads").mend, "ethtool -K eth1 lro off rxvlan off"));
  report.offloads[1].fixed = true;
  report.offloads[2].fixed = true;
  EXPECT_TRUE(probe_of(report, "offloads").ok) << "what cannot be changed is not advised";
}

TEST(Judgement, MoreQueuesThanATapServes) {
  InterfaceReport report = good();
  report.facts.rx_queues = 1000;
  EXPECT_TRUE(has(probe_of(report, "queues").mend, "ethtool -L eth1 combined"));
}

}  // namespace
}  // namespace gray
