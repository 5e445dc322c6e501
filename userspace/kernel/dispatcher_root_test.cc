// Joining others by libxdp's dispatcher, which only some kernels let us have; scripts/check-vm.sh
// shows it beside a real neighbour. Either way the interface is left as it was.
#include <gtest/gtest.h>

#include "userspace/base/errors.h"
#include "userspace/kernel/attached.h"
#include "userspace/kernel/interface.h"
#include "userspace/kernel/programs.h"
#include "userspace/lab/lab.h"

namespace gray {
namespace {

class DispatcherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    lab_.link(a_, "va", b_, "vb");
    a_.enter([&] { index_ = read_interface("va").index; });
  }
  std::vector<AttachedProgram> attached() {
    std::vector<AttachedProgram> programs;
    a_.enter([&] { programs = attached_programs(index_); });
    return programs;
  }

  Lab lab_;
  Namespace& a_ = lab_.ns("a");
  Namespace& b_ = lab_.ns("b");
  unsigned index_ = 0;
};

TEST_F(DispatcherTest, IsHadOrRefusedWithTheReason) {
  TapProgram tap{ProgramOptions{}};
  std::unique_ptr<Attachment> attachment;
  std::string refusal;
  a_.enter([&] {
    try {
      attachment = tap.attach_beside_others(index_, "va", XdpMode::Auto);
    } catch (const std::runtime_error& error) {
      refusal = error.what();
    }
  });
  if (attachment) {
    ASSERT_EQ(attached().size(), 1u);
    EXPECT_EQ(attached()[0].name, "xdp_dispatcher");
    EXPECT_EQ(attachment->how(), "native");
    a_.enter([&] { attachment.reset(); });
  } else {
    EXPECT_NE(refusal.find("BPF_PROG_TYPE_EXT"), std::string::npos) << refusal;
  }
  EXPECT_TRUE(attached().empty());
}

TEST_F(DispatcherTest, AProgramThatTheDispatcherDoesNotHoldIsLeftAlone) {
  TapProgram first{ProgramOptions{}};
  TapProgram second{ProgramOptions{}};
  std::unique_ptr<Attachment> attachment;
  a_.enter([&] { attachment = first.attach(index_, "va", XdpMode::Native); });
  a_.enter(
      [&] { EXPECT_THROW(second.attach_beside_others(index_, "va", XdpMode::Auto), UsageError); });
  ASSERT_EQ(attached().size(), 1u);
  EXPECT_EQ(attached()[0].name, "tap_ingress");
}

}  // namespace
}  // namespace gray
