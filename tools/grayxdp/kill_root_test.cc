// kill -9 in the middle of the work: a second later nothing of ours is left in the kernel, and
// production never noticed.
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "userspace/lab/production.h"

namespace gray {
namespace {

// Everything that the kernel holds of programs on an interface, as bpftool and tc see it, and all
// programs that have our names, for this bpftool knows nothing of tcx.
std::string attached(const Namespace& where, const std::string& interface) {
  return where.must_run({"sh", "-c", "bpftool prog show | grep -E 'name (tap|host)_' || true"}) +
         where.must_run({"bpftool", "net", "show", "dev", interface}) +
         where.must_run({"tc", "qdisc", "show", "dev", interface}) +
         where.must_run({"tc", "filter", "show", "dev", interface, "ingress"}) +
         where.must_run({"ip", "link", "show", "dev", interface}) +
         where.must_run({"sh", "-c", "ls /sys/fs/bpf 2>/dev/null || true"});
}

struct Users {
  explicit Users(ProductionLab& production_lab)
      : thread([this, &production_lab](const std::stop_token& token) {
          while (!token.stop_requested()) {
            const RunResult answer = production_lab.users.run(
                {"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "2",
                 std::string(kProductionUrl) + "/during"});
            (answer.out == "200" ? answered : failed) += 1;
          }
        }) {}
  std::atomic<int> answered{0};
  std::atomic<int> failed{0};
  std::jthread thread;
};

void kill_in_the_middle(ProductionLab& lab, const Argv& arguments, const std::string& interface) {
  const std::string before = attached(lab.production, interface);
  Users users(lab);
  Process grayxdp = lab.start_grayxdp(arguments);
  EXPECT_NE(attached(lab.production, interface), before) << "nothing was attached";
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const int answered_before = users.answered;
  grayxdp.signal(SIGKILL);
  EXPECT_EQ(grayxdp.wait(), 128 + SIGKILL);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_EQ(attached(lab.production, interface), before);
  EXPECT_GT(users.answered, answered_before);
  EXPECT_EQ(users.failed, 0);
}

TEST(Kill, HostLeavesNothing) {
  ProductionLab lab;
  const Nginx production(lab.production, "10.9.0.2");
  kill_in_the_middle(lab, {"capture", "-i", "vb", "-w", lab.dir / "x.pcapng"}, "vb");
}

TEST(Kill, MirrorLeavesNothing) {
  ProductionLab lab;
  const Nginx production(lab.production, "10.9.0.2");
  const Nginx canary(lab.canary, "10.9.1.2");
  kill_in_the_middle(lab, {"mirror", "-i", "vb", "--to", kCanaryUrl}, "vb");
}

TEST(Kill, TapLeavesNothing) {
  ProductionLab lab;
  const Nginx production(lab.production, "10.9.0.2");
  lab.lab.link(lab.users, "span0", lab.production, "span1");
  kill_in_the_middle(lab, {"capture", "-i", "span1", "--mode", "tap", "-w", lab.dir / "x.pcapng"},
                     "span1");
}

}  // namespace
}  // namespace gray
