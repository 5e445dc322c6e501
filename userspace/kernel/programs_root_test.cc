// Attaching for real, on veth pairs of our own: which way it was done, who is refused, and that
// nothing is left when the Attachment goes.
#include "userspace/kernel/programs.h"

#include <gtest/gtest.h>
#include <net/if.h>

#include "userspace/base/errors.h"
#include "userspace/kernel/tc.h"
#include "userspace/lab/lab.h"

namespace gray {
namespace {

class Programs : public testing::Test {
 protected:
  Programs() : ns_(lab_.ns("attach")) { lab_.link(ns_, "pra", ns_, "prb"); }

  /// What `ip` and `tc` show of programs on pra; empty when there are none.
  std::string traces() const {
    std::string found;
    for (const Argv& command : {Argv{"ip", "-d", "link", "show", "dev", "pra"},
                                Argv{"tc", "filter", "show", "dev", "pra", "ingress"},
                                Argv{"tc", "filter", "show", "dev", "pra", "egress"},
                                Argv{"tc", "qdisc", "show", "dev", "pra", "clsact"}}) {
      const std::string text = ns_.run(command).out;
      for (const char* word : {"prog/xdp", "xdpgeneric", "bpf", "clsact"})
        if (text.find(word) != std::string::npos) found += std::string(word) + " ";
    }
    return found;
  }

  Lab lab_;
  Namespace& ns_;
};

TEST_F(Programs, AttachesXdpTheWayAskedFor) {
  ns_.enter([this] {
    TapProgram tap({});
    const unsigned ifindex = if_nametoindex("pra");
    EXPECT_EQ(tap.attach(ifindex, "pra", XdpMode::Auto)->how(), "native");
    EXPECT_EQ(tap.attach(ifindex, "pra", XdpMode::Native)->how(), "native");
    const auto generic = tap.attach(ifindex, "pra", XdpMode::Generic);
    EXPECT_EQ(generic->how(), "generic");
    EXPECT_NE(traces(), "");
  });
  EXPECT_EQ(traces(), "");
}

TEST_F(Programs, AutoFallsBackToGeneric) {
  ns_.enter([] {
    TapProgram tap({});
    const unsigned ifindex = if_nametoindex("lo");
    EXPECT_THROW(tap.attach(ifindex, "lo", XdpMode::Native), std::system_error);
    EXPECT_EQ(tap.attach(ifindex, "lo", XdpMode::Auto)->how(), "generic");
  });
}

TEST_F(Programs, RefusesAnInterfaceThatHasAnXdpProgram) {
  ns_.enter([] {
    const unsigned ifindex = if_nametoindex("pra");
    TapProgram first({}), second({});
    const auto attached = first.attach(ifindex, "pra", XdpMode::Auto);
    try {
      second.attach(ifindex, "pra", XdpMode::Auto);
      FAIL() << "attached twice";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EBUSY);
      EXPECT_NE(std::string(error.what()).find("interface pra already runs XDP program"),
                std::string::npos)
          << error.what();
    }
  });
}

TEST_F(Programs, SaysWhatItCouldNotAttachTo) {
  TapProgram tap({});
  HostProgram host({});
  EXPECT_THROW(tap.attach(999'999, "gone0", XdpMode::Auto), std::system_error);
  EXPECT_THROW(host.attach(999'999, "gone0"), std::system_error);
}

TEST_F(Programs, HostProgramsStandSideBySide) {
  ns_.enter([] {
    const unsigned ifindex = if_nametoindex("pra");
    HostProgram first({}), second({});
    const auto one = first.attach(ifindex, "pra");
    const auto two = second.attach(ifindex, "pra");
    EXPECT_EQ(one->how(), two->how());
  });
  EXPECT_EQ(traces(), "");
}

TEST_F(Programs, ClsactSeesBothDirectionsAndLeavesNothing) {
  lab_.address("pra", "10.66.0.1/24");
  ns_.enter([this] {
    HostProgram host({});
    const TcPrograms programs{.ingress = host.ingress_fd(), .egress = host.egress_fd()};
    const auto attached = attach_clsact(programs, if_nametoindex("pra"), "pra");
    EXPECT_EQ(attached->how(), "clsact");
    EXPECT_THROW(attach_clsact(programs, if_nametoindex("pra"), "pra"), std::system_error);
    ns_.run({"ping", "-c", "1", "-W", "1", "-I", "prb", "10.66.0.1"});  // ARP requests, at least
    EXPECT_GT(host.counters()[GRAY_SEEN], 0U);
    EXPECT_NE(traces(), "");
  });
  EXPECT_EQ(traces(), "");
}

TEST_F(Programs, ClsactLeavesAQdiscThatWasThere) {
  ns_.must_run({"tc", "qdisc", "add", "dev", "pra", "clsact"});
  ns_.enter([] {
    HostProgram host({});
    attach_clsact({.ingress = host.ingress_fd(), .egress = host.egress_fd()}, if_nametoindex("pra"),
                  "pra");
  });
  EXPECT_EQ(traces(), "clsact ");
}

TEST(HostProgram, RefusesARingThatCannotBe) {
  EXPECT_THROW(HostProgram(ProgramOptions{.ring_bytes = 5000}), UsageError);
  EXPECT_THROW(HostProgram(ProgramOptions{.ring_bytes = 2048}), UsageError);
  EXPECT_THROW(HostProgram(ProgramOptions{.ring_bytes = 1ULL << 40}), UsageError);
}

TEST(Program, RemembersItsConfiguration) {
  TapProgram tap(ProgramOptions{.selection = {.ports = {80}}, .seed = 7});
  tap.set_enabled(false);
  EXPECT_EQ(tap.config().enabled, 0U);
  EXPECT_EQ(tap.config().seed, 7U);
  EXPECT_EQ(tap.config().port_count, 1U);
  tap.set_enabled(true);
  EXPECT_EQ(tap.config().enabled, 1U);
  EXPECT_EQ(tap.counters(), Counters{});
  EXPECT_TRUE(tap.flows().empty());
}

}  // namespace
}  // namespace gray
