// What the kernel or the machine refuses, as a person meets it: one line that says what to do, and
// nothing half done without saying so.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <thread>

#include "userspace/lab/production.h"

namespace gray {
namespace {

void expect_one_line(const RunResult& result, int status, const std::string& says) {
  EXPECT_EQ(result.status, status) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_NE(result.err.find(says), std::string::npos) << result.err;
}

TEST(Refusal, TapOnAnInterfaceWithAnAddress) {
  ProductionLab lab;
  expect_one_line(lab.grayxdp({"capture", "-i", "vb", "--mode", "tap"}), 2, "--force");
}

TEST(Refusal, TapWhereAnotherXdpProgramIs) {
  ProductionLab lab;
  lab.lab.link(lab.users, "span0", lab.production, "span1");
  Process first = lab.start_grayxdp({"capture", "-i", "span1", "--mode", "tap", "--json"});
  expect_one_line(lab.grayxdp({"capture", "-i", "span1", "--mode", "tap"}), 2, "XDP program");
  EXPECT_EQ(interrupt(first), 0);
}

TEST(Refusal, NotRoot) {
  ProductionLab lab;
  const RunResult result =
      lab.production.run({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                          "--inh-caps=-all", built_binary("grayxdp"), "capture", "-i", "vb"});
  if (result.err.find("setpriv") != std::string::npos) GTEST_SKIP() << result.err;
  expect_one_line(result, 1, "sudo");
}

// Makes socket(AF_XDP, …) fail as it does on a kernel without CONFIG_XDP_SOCKETS, then becomes
// grayxdp.
[[noreturn]] void become_grayxdp_without_af_xdp(const std::string& binary) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_XDP, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = std::size(filter), .filter = filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
  execl(binary.c_str(), "grayxdp", "capture", "-i", "span1", "--mode", "tap", nullptr);
  _exit(99);
}

TEST(Refusal, AKernelWithoutAfXdp) {
  ProductionLab lab;
  lab.lab.link(lab.users, "span0", lab.production, "span1");
  const std::string binary = built_binary("grayxdp");
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  lab.production.enter([&] {
    const pid_t child = fork();
    if (child == 0) {
      dup2(pipe_ends[1], STDERR_FILENO);
      become_grayxdp_without_af_xdp(binary);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 1);
  });
  close(pipe_ends[1]);
  char text[4096] = {};
  EXPECT_GT(read(pipe_ends[0], text, sizeof(text) - 1), 0);
  close(pipe_ends[0]);
  EXPECT_NE(std::string(text).find("--mode host"), std::string::npos) << text;
}

TEST(Refusal, ADiskThatIsFullEndsTheCaptureWithTheCountOfWhatIsSafe) {
  ProductionLab lab;
  const Nginx production(lab.production, "10.9.0.2");
  const std::string small = lab.dir / "small";
  ASSERT_EQ(mkdir(small.c_str(), 0700), 0);
  ASSERT_EQ(mount("tmpfs", small.c_str(), "tmpfs", 0, "size=2m"), 0);
  Process capture =
      lab.start_grayxdp({"capture", "-i", "vb", "-w", small + "/full.pcapng", "--json"});
  lab.users.run({"wrk", "-t1", "-c4", "-d2s", kProductionUrl}, std::chrono::seconds(20));
  const auto status = capture.wait(std::chrono::seconds(10));
  EXPECT_EQ(status, 1) << capture.err();
  EXPECT_NE(capture.err().find("No space left on device"), std::string::npos) << capture.err();
  const auto summary = json_lines(capture.out()).at(0);
  EXPECT_EQ(summary["balanced"], true) << summary;
  const std::string written = std::to_string(summary["frames"]["written"].get<std::uint64_t>());
  EXPECT_NE(capture.err().find(written + " frames are safe"), std::string::npos) << capture.err();
  const RunResult count = run({"capinfos", "-rc", small + "/full.pcapng"});
  EXPECT_EQ(count.status, 0) << count.err;
  const RunResult tshark =
      run({"sh", "-c", "tcpdump -r " + small + "/full.pcapng 2>/dev/null | wc -l"},
          std::chrono::seconds(60));
  EXPECT_EQ(std::stoull(tshark.out), std::stoull(written));
  umount2(small.c_str(), MNT_DETACH);
}

TEST(Refusal, ACaptureCutOffIsReadUpToTheCut) {
  ProductionLab lab;
  const Nginx production(lab.production, "10.9.0.2");
  const std::string file = lab.dir / "whole.pcapng";
  Process capture = lab.start_grayxdp({"capture", "-i", "vb", "-w", file});
  lab.curl({std::string(kProductionUrl) + "/a", std::string(kProductionUrl) + "/b"});
  EXPECT_EQ(interrupt(capture), 0) << capture.err();
  const std::string whole = read_text(file);
  const std::string cut = lab.dir / "cut.pcapng";
  std::ofstream(cut, std::ios::binary) << whole.substr(0, whole.size() - 200);
  const RunResult result = run({built_binary("grayxdp"), "requests", "--json", cut});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.err.find("cut off"), std::string::npos) << result.err;
  EXPECT_GE(json_lines(result.out).size(), 1u);
}

}  // namespace
}  // namespace gray
