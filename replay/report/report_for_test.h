// For tests: a file that goes with the object, and the summary of a run that was not.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "replay/gate/gate.h"
#include "replay/report/summary.h"

namespace gray {

class TemporaryFile {
 public:
  TemporaryFile() {
    const int fd = ::mkstemp(path_);
    EXPECT_GE(fd, 0);
    ::fchmod(fd, 0644);
    ::close(fd);
  }
  ~TemporaryFile() { ::unlink(path_); }
  const char* path() const { return path_; }
  std::string text() const {
    std::ostringstream out;
    out << std::ifstream(path_).rdbuf();
    return out.str();
  }
  unsigned mode() const {
    struct stat status {};
    EXPECT_EQ(::stat(path_, &status), 0);
    return status.st_mode & 0777u;
  }

 private:
  char path_[32] = "/tmp/report-XXXXXX";
};

inline RunSummary summary_of(const Gate& gate) {
  RunSummary summary;
  summary.read = 100;
  summary.selected = 90;
  summary.skipped = {{"incomplete", 2}, {"method", 8}};
  summary.tally = gate.tally();
  summary.sent = summary.tally.sent;
  summary.answered = summary.tally.answered;
  summary.failed = summary.tally.failed;
  summary.lateness.record(20'000);
  summary.seconds = 2;
  summary.ledger.add(
      {.name = "select",
       .unit = "exchanges",
       .in = 100,
       .out = 90,
       .drops = {{"method", 8, DropKind::Selection}, {"incomplete", 2, DropKind::Selection}}});
  summary.verdict = gate.verdict();
  summary.targets = {"http://canary:8080"};
  return summary;
}

}  // namespace gray
