#include "userspace/kernel/attached.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "userspace/kernel/ethtool.h"
#include "userspace/kernel/interface.h"
#include "userspace/kernel/netdev.h"
#include "userspace/kernel/programs.h"
#include "userspace/kernel/tc.h"
#include "userspace/lab/lab.h"

namespace gray {
namespace {

class AttachedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    lab_.link(a_, "va", b_, "vb", {.queues = 3});
    a_.enter([&] { index_ = read_interface("va").index; });
  }

  std::vector<std::string> hooks() {
    std::vector<std::string> names;
    a_.enter([&] {
      for (const AttachedProgram& program : attached_programs(index_)) {
        EXPECT_NE(program.id, 0u);
        names.push_back(program.hook + " " + program.name);
      }
    });
    return names;
  }

  Lab lab_;
  Namespace& a_ = lab_.ns("a");
  Namespace& b_ = lab_.ns("b");
  unsigned index_ = 0;
};

using Hooks = std::vector<std::string>;

TEST_F(AttachedTest, NothingAtFirst) {
  EXPECT_TRUE(hooks().empty());
}

TEST_F(AttachedTest, AnXdpProgramNativeOrGeneric) {
  TapProgram tap{ProgramOptions{}};
  std::unique_ptr<Attachment> attachment;
  a_.enter([&] { attachment = tap.attach(index_, "va", XdpMode::Native); });
  EXPECT_EQ(hooks(), Hooks{"xdp native tap_ingress"});
  attachment.reset();
  a_.enter([&] { attachment = tap.attach(index_, "va", XdpMode::Generic); });
  EXPECT_EQ(hooks(), Hooks{"xdp generic tap_ingress"});
}

TEST_F(AttachedTest, TcProgramsByLinkAndByFilter) {
  HostProgram host{ProgramOptions{}};
  const TcPrograms programs{.ingress = host.ingress_fd(), .egress = host.egress_fd()};
  std::unique_ptr<Attachment> attachment;
  a_.enter([&] { attachment = attach_clsact(programs, index_, "va"); });
  EXPECT_EQ(hooks(), (Hooks{"clsact ingress host_ingress", "clsact egress host_egress"}));
  a_.enter([&] { attachment.reset(); });
  EXPECT_TRUE(hooks().empty());
  if (!kernel_has_tcx()) GTEST_SKIP() << "a kernel without tcx";
  a_.enter([&] { attachment = attach_tcx(programs, index_, "va"); });
  EXPECT_EQ(hooks(), (Hooks{"tcx ingress host_ingress", "tcx egress host_egress"}));
}

TEST_F(AttachedTest, WhatAVethsDriverSays) {
  a_.enter([&] {
    EXPECT_EQ(read_driver("va"), "veth");
    const Channels channels = read_channels("va");
    EXPECT_EQ(channels.rx, 3u);
    EXPECT_EQ(channels.rx_max, 3u);
    EXPECT_FALSE(channels.combined);
    EXPECT_FALSE(read_rss("va").has_value());
    EXPECT_EQ(read_clock("va").index, -1);
    EXPECT_EQ(read_driver("nope"), "");
    EXPECT_EQ(read_channels("nope").rx, 0u);
    EXPECT_TRUE(read_offloads("nope").empty());
  });
}

TEST_F(AttachedTest, OffloadsAreReadAsTheyAre) {
  const auto is_on = [&](const std::string& name) {
    bool on = false;
    a_.enter([&] {
      for (const Offload& offload : read_offloads("va"))
        if (offload.name == name) on = offload.on;
    });
    return on;
  };
  for (const char* name : {"gro", "tso"}) {
    a_.must_run({"ethtool", "-K", "va", name, "off"});
    EXPECT_FALSE(is_on(name)) << name;
    a_.must_run({"ethtool", "-K", "va", name, "on"});
    EXPECT_TRUE(is_on(name)) << name;
  }
  EXPECT_FALSE(is_on("lro"));
}

TEST_F(AttachedTest, XdpFeaturesOfAVeth) {
  a_.enter([&] {
    const XdpFeatures xdp = read_xdp_features(index_);
    if (!xdp.known) GTEST_SKIP() << "a kernel without netdev-genl";
    EXPECT_TRUE(xdp.native);
    EXPECT_TRUE(xdp.redirect);
    EXPECT_TRUE(xdp.multi_buffer);
    EXPECT_FALSE(xdp.zero_copy);
    const XdpFeatures lo = read_xdp_features(read_interface("lo").index);
    EXPECT_TRUE(lo.known);
    EXPECT_FALSE(lo.native);
  });
}

}  // namespace
}  // namespace gray
