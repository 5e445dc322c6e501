// What the tap program does with a frame it has decided on: metadata in front, or dropped, or
// passed untouched.
#include <time.h>

#include "bpf/test_run.h"
#include "userspace/packet/build.h"

namespace gray {
namespace {

constexpr std::size_t kLongest = GRAY_TAP_CHUNK;

Bytes frame_of(std::size_t size) {
  return PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).filler(size - 42).bytes();
}

std::uint64_t tai_ns() {
  timespec now{};
  clock_gettime(CLOCK_TAI, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

class Tap : public testing::Test {
 protected:
  static void SetUpTestSuite() { bench_ = std::make_unique<TapBench>(); }
  static void TearDownTestSuite() { bench_.reset(); }
  void SetUp() override {
    bench_->configure(Selection{});
    bench_->plug(true);
  }

  static std::unique_ptr<TapBench> bench_;
};
std::unique_ptr<TapBench> Tap::bench_;

TEST_F(Tap, PutsMetadataInFrontOfTheFrame) {
  const Bytes frame = frame_of(100);
  const std::uint64_t before = tai_ns();
  const Outcome outcome = bench_->run(frame);
  const std::uint64_t after = tai_ns();
  ASSERT_EQ(outcome.records.size(), 1U);
  const gray_frame_meta& meta = outcome.meta();
  EXPECT_GE(meta.time_ns, before);
  EXPECT_LE(meta.time_ns, after);
  EXPECT_EQ(meta.ifindex, 1U);
  EXPECT_EQ(meta.wire_len, frame.size());
  EXPECT_EQ(meta.cap_len, frame.size());
  EXPECT_EQ(meta.queue, 0);
  EXPECT_EQ(meta.flags, 0);
  EXPECT_EQ(meta.direction, GRAY_DIR_UNKNOWN);
  EXPECT_EQ(outcome.frame, frame);
  EXPECT_EQ(outcome.counted[GRAY_CAPTURED_BYTES], frame.size());
}

TEST_F(Tap, TakesFramesOfEveryLengthAUmemFrameHolds) {
  for (const std::size_t size :
       {42UL, 60UL, 64UL, 1514UL, 2048UL, 3000UL, kLongest - 1, kLongest}) {
    SCOPED_TRACE(size);
    const Outcome outcome = bench_->run(frame_of(size));
    ASSERT_EQ(outcome.records.size(), 1U);
    EXPECT_EQ(outcome.records[0].bytes, frame_of(size));
  }
}

TEST_F(Tap, CountsLongerFramesAndLeavesThemWhole) {
  for (const std::size_t size :
       {kLongest + 1, std::size_t{4096}, std::size_t{9014}, std::size_t{60000}}) {
    SCOPED_TRACE(size);
    const Outcome outcome = bench_->run(frame_of(size));
    EXPECT_EQ(reasons(outcome.counted), "too_long");
    EXPECT_EQ(outcome.frame, frame_of(size));
  }
}

TEST_F(Tap, TakesLongFramesWhenTheSocketsDo) {
  bench_->program().take_frames_up_to(60000);
  for (const std::size_t size : {kLongest + 1, std::size_t{9014}, std::size_t{60000}}) {
    SCOPED_TRACE(size);
    const Outcome outcome = bench_->run(frame_of(size));
    ASSERT_EQ(outcome.records.size(), 1U);
    EXPECT_EQ(outcome.records[0].bytes, frame_of(size));
  }
  EXPECT_EQ(reasons(bench_->run(frame_of(60001)).counted), "too_long");
  bench_->program().take_frames_up_to(GRAY_TAP_CHUNK);
}

TEST_F(Tap, WithoutASocketTheFrameIsALossAndStaysAsItWas) {
  bench_->plug(false);
  for (const bool pass : {false, true}) {
    bench_->configure(ProgramOptions{.pass_unselected = pass});
    const Outcome outcome = bench_->run(frame_of(100));
    EXPECT_EQ(reasons(outcome.counted), "no_socket");
    EXPECT_EQ(outcome.verdict, pass ? TapBench::kPass : TapBench::kDrop);
    EXPECT_EQ(outcome.frame, frame_of(100));
  }
}

TEST_F(Tap, PassesWhatIsNotSelectedWhenAskedTo) {
  const struct {
    const char* sentence;
    bool pass;
    std::uint32_t verdict;
  } cases[] = {{"dropped by default", false, TapBench::kDrop},
               {"passed by option", true, TapBench::kPass}};
  for (const auto& [sentence, pass, verdict] : cases) {
    SCOPED_TRACE(sentence);
    bench_->configure(ProgramOptions{.selection = {.ports = {9}}, .pass_unselected = pass});
    const Outcome filtered = bench_->run(frame_of(100));
    EXPECT_EQ(filtered.verdict, verdict);
    EXPECT_EQ(filtered.frame, frame_of(100));
    bench_->program().set_enabled(false);
    const Outcome disabled = bench_->run(frame_of(100));
    EXPECT_EQ(disabled.verdict, verdict);
    EXPECT_EQ(disabled.frame, frame_of(100));
  }
}

}  // namespace
}  // namespace gray
