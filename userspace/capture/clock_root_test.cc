// The NIC's clock as the time of a tap's frames. A veth has the function and no clock: it says 0,
// so that every frame has the hook's time.
#include <gtest/gtest.h>

#include <array>

#include "userspace/base/clock.h"
#include "userspace/capture/live.h"
#include "userspace/lab/lab.h"

namespace gray {
namespace {

class HardwareClock : public ::testing::Test {
 protected:
  void SetUp() override { lab_.link(sender_, "va", port_, "vb"); }

  static LiveOptions options() {
    LiveOptions options;
    options.interface = "vb";
    options.mode = CaptureMode::Tap;
    options.clock = CaptureClock::Hardware;
    return options;
  }
  std::string refusal(const LiveOptions& options) {
    try {
      port_.enter([&] { open_live(options); });
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }

  Lab lab_;
  Namespace& sender_ = lab_.ns("sender");
  Namespace& port_ = lab_.ns("port");
};

TEST_F(HardwareClock, WithoutAStampTheTimeIsTheHooks) {
  std::unique_ptr<LiveCapture> live;
  port_.enter([&] { live = open_live(options()); });
  EXPECT_TRUE(live->facts().hardware_clock);
  EXPECT_EQ(live->facts().attached, "native");
  const std::uint64_t before = utc_ns();
  sender_.must_run({built_binary("pktgen"), "-i", "va", "--count", "100", "--rate", "10kpps"});
  const std::uint64_t after = utc_ns();
  std::array<Frame, 256> frames;
  const std::size_t count = live->sources()[0]->receive(frames, std::chrono::milliseconds(1000));
  ASSERT_EQ(count, 100u);
  for (const Frame& frame : std::span(frames).first(count)) {
    EXPECT_EQ(frame.flags & GRAY_F_HW_TIME, 0);
    EXPECT_GE(frame.time_ns, before);
    EXPECT_LE(frame.time_ns, after);
  }
  EXPECT_EQ(live->hardware_stamped(), 0u);
}

TEST_F(HardwareClock, IsRefusedWhereItCannotBe) {
  LiveOptions wrong = options();
  wrong.xdp = XdpMode::Generic;
  EXPECT_NE(refusal(wrong).find("not --xdp generic"), std::string::npos);
  wrong = options();
  wrong.mode = CaptureMode::Host;
  EXPECT_NE(refusal(wrong).find("for --mode tap"), std::string::npos);
  wrong = options();
  wrong.interface = "lo";
  wrong.force = true;
  EXPECT_EQ(refusal(wrong),
            "the driver of lo gives no receive timestamps: --clock hook takes the time itself");
}

}  // namespace
}  // namespace gray
