#include "userspace/lab/lab.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <set>
#include <thread>

namespace gray {
namespace {

using std::chrono::milliseconds;

std::set<std::string> namespaces_of(pid_t pid) {
  std::set<std::string> names;
  const std::string prefix = "gx-" + std::to_string(pid) + "-";
  if (!std::filesystem::exists("/run/netns")) return names;
  for (const auto& entry : std::filesystem::directory_iterator("/run/netns"))
    if (entry.path().filename().string().rfind(prefix, 0) == 0)
      names.insert(entry.path().filename().string());
  return names;
}

TEST(Lab, NamesAreUniqueAndGoneWithTheLab) {
  {
    Lab one;
    Lab two;
    const std::set<std::string> names = {one.ns("a").name(), one.ns("a").name(),
                                         two.ns("a").name()};
    EXPECT_EQ(names.size(), 3u);
    EXPECT_EQ(namespaces_of(getpid()), names);
  }
  EXPECT_TRUE(namespaces_of(getpid()).empty());
}

TEST(Lab, FramesGoFromOneNamespaceToTheOther) {
  Lab lab;
  Namespace& a = lab.ns("a");
  Namespace& b = lab.ns("b");
  lab.link(a, "va", b, "vb", {.queues = 2, .mtu = 1400});
  lab.address("va", "10.0.0.1/24");
  lab.address("vb", "10.0.0.2/24");
  const RunResult ping = a.run({"ping", "-c", "2", "-i", "0.1", "-W", "1", "10.0.0.2"});
  EXPECT_TRUE(ping.ok()) << ping.out << ping.err;
  EXPECT_GE(lab.counters("vb").rx_packets, 2u);
  EXPECT_EQ(lab.counters("va").tx_packets, lab.counters("vb").rx_packets);
  EXPECT_NE(a.must_run({"ip", "link", "show", "va"}).find("mtu 1400"), std::string::npos);
}

TEST(Lab, EnterPassesExceptionsOn) {
  Lab lab;
  EXPECT_THROW(lab.ns("a").enter([] { throw std::runtime_error("inside"); }), std::runtime_error);
}

TEST(Lab, NothingIsLeftAfterSigkill) {
  const pid_t child = fork();
  if (child == 0) {
    Lab lab;
    Namespace& a = lab.ns("a");
    lab.link(a, "va", lab.ns("b"), "vb");
    Process sleeper = a.spawn({"sleep", "1000"});
    raise(SIGKILL);
  }
  ASSERT_GT(child, 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  for (int i = 0; i < 100 && !namespaces_of(child).empty(); ++i)
    std::this_thread::sleep_for(milliseconds(20));
  EXPECT_TRUE(namespaces_of(child).empty());
}

TEST(Process, OutputAndStatusAreKept) {
  const RunResult result =
      run({"sh", "-c", "cat; echo oops >&2; exit 3"}, milliseconds(5000), {.stdin_text = "hello"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.out, "hello");
  EXPECT_EQ(result.err, "oops\n");
  EXPECT_FALSE(result.timed_out);
}

TEST(Process, WhatTakesTooLongIsKilledWithItsChildren) {
  const RunResult result = run({"sh", "-c", "sleep 1000 & echo $!; wait"}, milliseconds(200));
  EXPECT_TRUE(result.timed_out);
  const pid_t grandchild = static_cast<pid_t>(std::stol(result.out));
  const std::string status = "/proc/" + std::to_string(grandchild) + "/stat";
  for (int i = 0; i < 50; ++i) {
    const RunResult alive = run({"sh", "-c", "grep -v ') Z ' " + status});
    if (!alive.ok()) return;
    std::this_thread::sleep_for(milliseconds(20));
  }
  FAIL() << "the grandchild still runs";
}

TEST(Process, WaitTellsWhetherItStillRuns) {
  Process process = spawn({"sleep", "1000"});
  EXPECT_TRUE(process.running());
  EXPECT_FALSE(process.wait(milliseconds(10)).has_value());
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 128 + SIGTERM);
  EXPECT_FALSE(process.running());
}

TEST(Process, WhatCannotBeStartedThrows) {
  EXPECT_THROW(spawn({"no-such-program-here"}), std::system_error);
  EXPECT_THROW(must_run({"false"}), std::runtime_error);
}

TEST(TempDir, IsGoneWithTheObject) {
  std::filesystem::path path;
  {
    TempDir dir;
    path = dir.path();
    must_run({"touch", dir / "file"});
    EXPECT_TRUE(std::filesystem::exists(path / "file"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace gray
