#include "userspace/kernel/detach_guard.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

namespace gray {
namespace {

// A file that the guard makes when it undoes.
class DetachGuardTest : public ::testing::Test {
 protected:
  DetachGuardTest()
      : path_(std::filesystem::temp_directory_path() /
              ("grayxdp-guard-" + std::to_string(getpid()))) {
    std::filesystem::remove(path_);
  }
  ~DetachGuardTest() override { std::filesystem::remove(path_); }

  bool undone_in_time() const {
    for (int i = 0; i < 500 && !std::filesystem::exists(path_); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return std::filesystem::exists(path_);
  }

  // A process that makes a guard and then ends in its own way.
  void in_a_process(void (*end)()) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      setpgid(0, 0);
      const DetachGuard guard([this] { std::ofstream(path_) << "undone"; });
      end();
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
  }

  std::filesystem::path path_;
};

TEST_F(DetachGuardTest, UndoesAfterSigkill) {
  in_a_process([] { raise(SIGKILL); });
  EXPECT_TRUE(undone_in_time());
}

TEST_F(DetachGuardTest, UndoesAfterAnEndWithoutDestructors) {
  in_a_process([] { _exit(130); });
  EXPECT_TRUE(undone_in_time());
}

TEST_F(DetachGuardTest, DoesNothingAndIsGoneWhenWeUndidItOurselves) {
  {
    const DetachGuard guard([this] { std::ofstream(path_) << "undone"; });
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a guard is left";
}

TEST_F(DetachGuardTest, SurvivesTheSignalsThatEndUs) {
  in_a_process([] {
    kill(0, SIGHUP);  // the whole process group, as a terminal does
  });
  EXPECT_TRUE(undone_in_time());
}

}  // namespace
}  // namespace gray
